"""The page says first whether wallets act together, who follows whom, and lists as evidence only what is some."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from streamproc import limits
from streamproc.report import render_report
from streamproc.report.headline import headline

RESULT: dict[str, Any] = json.loads((Path(__file__).parent / "result.json").read_text("utf-8"))
EXPLORER = "https://explorer.example"


def result(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The sample result with some parts replaced."""
    return copy.deepcopy(RESULT) | changes


def groups(*sizes: int) -> list[dict[str, Any]]:
    """Groups of such sizes."""
    return [{"wallets": [f"w{n}" for n in range(size)], "sentence": ""} for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((2,), "One group acts together: 2 of 5 wallets."),
        ((2, 2), "Two groups act together: 2 and 2 of 5 wallets."),
        ((4, 3, 2), "Three groups act together: 4, 3 and 2 of 5 wallets."),
        ((2,) * 14, "14 groups act together: 28 of 5 wallets."),
    ],
)
def test_groups_are_the_verdict_where_there_are_some(sizes: tuple[int, ...], said: str) -> None:
    assert headline(result(clusters=groups(*sizes))) == said


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({"alike": 6}, "Nothing beyond shared popularity."),
        (
            {"alike": 5, "common_signal": 1},
            "No group acts together; some wallets hear the same signal.",
        ),
        ({"untested": 6}, "Too little to test: nothing can be said."),
    ],
)
def test_without_groups_the_verdict_says_what_it_was(verdicts: dict[str, int], said: str) -> None:
    assert headline(result(clusters=[], pairs=[], set={"verdicts": verdicts})) == said


def test_too_few_wallets_is_a_verdict_too() -> None:
    alone = result(clusters=[], pairs=[], wallets=RESULT["wallets"][:1])
    few = {
        "verdict": "untested",
        "sentence": "Not tested: fewer than 20 wallets of these weeks known.",
    }
    assert headline(alone) == "Too few wallets to say."
    assert headline(
        result(clusters=[], pairs=[few], set={"verdicts": {"untested": 1}})
    ) == headline(alone)


def test_the_verdict_stands_before_everything_else() -> None:
    page = render_report(RESULT)
    assert page.index(headline(RESULT)) < page.index("pairs compared") < page.index("<details")


def test_a_group_s_picture_says_who_follows_whom_and_when() -> None:
    (pair,) = (copy.deepcopy(each) for each in RESULT["pairs"] if each["verdict"] == "follows")
    (item,) = (each for each in pair["evidence"] if each["kind"] == "direction")
    item["lag_s"] = 90.0
    leader = item["leader"]
    follower = ({pair["wallet_a"], pair["wallet_b"]} - {leader}).pop()
    cluster = {"wallets": [pair["wallet_a"], pair["wallet_b"]], "sentence": "", "common_mints": []}
    page = render_report(result(pairs=[pair], clusters=[cluster]))
    said = f"{follower[:4]}…{follower[-4:]} follows {leader[:4]}…{leader[-4:]}, 90 s later"
    (picture,) = re.findall(r'<svg class="graph".*?</svg>', page)
    assert f'aria-label="{said}"' in picture
    assert picture.count("<polygon") == 1
    assert ">90 s</text>" in picture
    item["leader"] = "somebody-else"
    assert "<polygon" not in render_report(result(pairs=[pair], clusters=[cluster]))
    item["leader"], pair["because"] = leader, ["chance"]
    (undirected,) = re.findall(
        r'<svg class="graph".*?</svg>', render_report(result(pairs=[pair], clusters=[cluster]))
    )
    assert "<polygon" not in undirected
    assert "later" not in undirected


def test_every_signature_of_evidence_leads_to_the_explorer_and_nowhere_without_one() -> None:
    page = render_report(RESULT, explorer_url=EXPLORER)
    signatures = {
        signature
        for pair in RESULT["pairs"]
        for item in pair["evidence"]
        for signature in item["signatures"]
    }
    assert signatures
    assert all(f'href="{EXPLORER}/tx/{signature}"' in page for signature in signatures)
    assert "://" not in render_report(RESULT)


def of_a_payer(wallets: int, touched: int, because: list[str]) -> dict[str, Any]:
    """A result of so many wallets, of which the first `touched` have their fees paid by the same address."""
    found = result(
        wallets=[copy.deepcopy(RESULT["wallets"][0]) for _ in range(wallets)], clusters=[]
    )
    names = [f"wallet-number-{n:02}" for n in range(wallets)]
    for wallet, name in zip(found["wallets"], names, strict=True):
        wallet["wallet"] = name
    item = copy.deepcopy(RESULT["pairs"][0]["evidence"][0])
    item.update(kind="link", reason="fees of both were paid by Payr...Payr", signatures=[])
    found["pairs"] = [
        copy.deepcopy(RESULT["pairs"][0])
        | {"wallet_a": names[0], "wallet_b": other, "evidence": [item], "because": because}
        for other in names[1:touched]
    ]
    return found


def test_a_fee_payer_of_nearly_everybody_is_not_listed_as_evidence() -> None:
    said = "Fees of both were paid by Payr...Payr"
    assert said not in render_report(of_a_payer(10, 9, because=[]))
    assert said in render_report(of_a_payer(10, 3, because=[]))
    assert said in render_report(of_a_payer(10, 9, because=["chance", "link"]))
    assert said in render_report(of_a_payer(3, 3, because=[]))


def test_no_figure_on_the_page_has_an_exponent() -> None:
    tiny = result()
    for pair in tiny["pairs"]:
        pair.update(q=1e-44, sentence="They met, p = 3e-9 and closeness 2.5e+03.")
    for token in tiny["tokens"].values():
        token["price_usd"] = 7.4e-06
    tiny["wallets"][0]["behavior"]["holding"]["mean_h"] = 2230.0
    page = render_report(tiny)
    assert not re.search(
        r">[^<]*\d[eE][-+]\d+[^<]*<", re.sub(r"(?s)<(style|script|code).*?</\1>", "", page)
    )
    assert "They met, p &lt; 0.0001 and closeness 2,500." in page
    assert "$0.0000074" in page
    assert "92.9 days" in page


def full(wallets: int) -> dict[str, Any]:
    """A result of so many wallets, each with all that a page shows of one, and every pair of them with evidence."""
    found, names = result(), [f"{n:02}{'wallet' * 7}" for n in range(wallets)]
    model = copy.deepcopy(RESULT["wallets"][0])
    rows, held = model["pnl"]["tokens"], model["balances"]["tokens"]
    model["pnl"]["tokens"] = [
        rows[n % len(rows)]
        | {"mint": f"{n:02}{'mint' * 10}", "last_trade_at": 1_750_000_000 + n * 90_000}
        for n in range(80)
    ]
    model["pnl"]["realized_by_day"] = [
        {"day_at": 1_700_000_000 + n * 86_400, "realized_lamports": (-1) ** n * n * 10**7}
        for n in range(1, 366)
    ]
    model["balances"]["tokens"] = [held[n % len(held)] for n in range(20)]
    found["wallets"] = [copy.deepcopy(model) | {"wallet": name} for name in names]
    pair = next(each for each in RESULT["pairs"] if each["verdict"] == "follows")
    items = [
        item | {"signatures": [f"{item['kind']}{n}{'sign' * 20}" for n in range(5)]}
        for item in pair["evidence"]
    ]
    shared = [{"mint": f"{n:02}{'mint' * 10}", "weight_a": 0.1, "weight_b": 0.1} for n in range(20)]
    found["pairs"] = [
        pair | {"wallet_a": a, "wallet_b": b, "evidence": items, "top_shared": shared}
        for n, a in enumerate(names)
        for b in names[n + 1 :]
    ]
    found["pairs_total"] = len(found["pairs"])
    found["clusters"] = [*groups(3), {"wallets": names[:20], "sentence": "", "common_mints": []}]
    return found


@pytest.mark.parametrize(("wallets", "most"), [(24, 600_000), (50, 1_500_000)])
def test_a_page_stays_small(wallets: int, most: int) -> None:
    page = render_report(full(wallets), explorer_url="https://explorer.solana.com")
    assert len(page.encode()) < most
    assert page.count('<details class="pair') == limits.REPORT_PAIRS_MAX
    assert page.count('<details class="wallet"') == wallets
