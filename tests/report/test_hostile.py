"""A page and a table of pairs stay what they are, whatever somebody called a token."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.report import render_report

RESULT: dict[str, Any] = json.loads((Path(__file__).parent / "result.json").read_text("utf-8"))
NAMES = [
    '<script>document.title="PWNED"</script>',
    '"><img src=http://127.0.0.1:9/x onerror=alert(1)>',
    "</style><script>1</script>",
    "<base href=http://127.0.0.1:9/>",
    "<svg/onload=alert(1)>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "</title><iframe src=//127.0.0.1:9>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "\u202e<b>\x1b]0;T\x07\ud800",
    "<!--",
    "{{7*7}}${7*7}",
]
LOADS = {"src", "href", "action", "data", "srcset", "poster", "background", "formaction"}
EXPLORER = "https://explorer.example"
OURS = ("#", f"{EXPLORER}/tx/", f"{EXPLORER}/address/")


class Seen(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.policies: list[str] = []
        self.own: dict[str, list[str]] = {"style": [], "script": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policies.append(str(dict(attrs)["content"]))

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] and self.elements[-1] in self.own:
            self.own[self.elements[-1]].append(data)

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(f"/{tag}")


def seen(page: str) -> Seen:
    """The page, parsed."""
    parser = Seen()
    parser.feed(page)
    parser.close()
    return parser


def hostile(name: str) -> dict[str, Any]:
    """A result in which every text that comes from outside is this name."""
    result = copy.deepcopy(RESULT)
    for token in result["tokens"].values():
        token.update(symbol=name, name=name, image_url=name)
    for wallet in result["wallets"]:
        for row in (wallet.get("pnl") or {}).get("tokens") or []:
            row["mint"] = name
        for held in (wallet.get("balances") or {}).get("tokens") or []:
            held["mint"] = name
        if wallet.get("error"):
            wallet["error"]["message"] = name
    for pair in result["pairs"]:
        for item in pair.get("evidence") or []:
            item.update(reason=name, signatures=[name], leader=name)
        pair.update(sentence=name, trend=name)
        pair["top_shared"] = [{"mint": name, "weight_a": 0.5, "weight_b": 0.5}]
    for cluster in result["clusters"]:
        cluster.update(sentence=name, common_mints=[name])
    result["set"].update(sentence=name)
    for item in result["missing"]:
        item.update(id=name, reason=name)
    return result


def page_of(name: str) -> str:
    """The page of a result that says this name everywhere."""
    return render_report(hostile(name), explorer_url=EXPLORER)


PLAIN = seen(page_of("plain"))


@pytest.mark.parametrize("name", NAMES)
def test_no_name_becomes_an_element_a_handler_or_a_link(name: str) -> None:
    page = page_of(name)
    page.encode("utf-8")
    found = seen(page)
    assert found.elements == PLAIN.elements
    assert [name for name, _ in found.attributes] == [name for name, _ in PLAIN.attributes]
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert all(str(value).startswith(OURS) for name, value in found.attributes if name in LOADS)
    assert {"base", "img", "iframe", "link"}.isdisjoint(found.elements)
    assert found.elements.count("script") == 1
    assert "\u202e" not in page
    assert "\x1b" not in page


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_name_leaves_the_page_as_it_is(name: str) -> None:
    assert seen(page_of(name)).elements == PLAIN.elements


def test_the_policy_allows_nothing_but_the_page_s_own_style_and_script() -> None:
    (policy,) = PLAIN.policies
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for kind, texts in PLAIN.own.items():
        (text,) = texts
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert set(rules.values()) == {"'none'"}
    assert {"default-src", "base-uri", "form-action"} <= set(rules)
    assert "style" not in dict(PLAIN.attributes)
