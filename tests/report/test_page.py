"""The report is one safe, whole page, whatever stands in the result."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.report import render_report

VOID = {"meta", "br", "input"}
RESULT: dict[str, Any] = json.loads((Path(__file__).parent / "result.json").read_text("utf-8"))


class Page(HTMLParser):
    """Reads a page: its text, its elements, whether every element is closed, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.scripts = 0
        self.loads: list[str] = []
        self.says = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "srcset"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.says += data


def result(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The sample result with some parts replaced."""
    return copy.deepcopy(RESULT) | changes


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    text = render_report(RESULT)
    page = Page(text)
    assert page.open == []
    assert all(link.startswith("#") for link in page.loads)
    assert "url(" not in text
    assert text.count("<script") == 1


def test_every_link_of_the_page_leads_somewhere() -> None:
    text = render_report(RESULT)
    assert all(f'id="{link.removeprefix("#")}"' in text for link in Page(text).loads)


def test_every_wallet_and_every_pair_is_on_the_page() -> None:
    says = Page(render_report(RESULT)).says
    for pair in RESULT["pairs"]:
        assert pair["wallet_a"] in says
        assert pair["wallet_b"] in says
    for wallet in RESULT["wallets"]:
        assert wallet["wallet"][:4] in says


def test_evidence_is_said_in_words() -> None:
    evidence = [item for pair in RESULT["pairs"] for item in pair["evidence"]]
    says = Page(render_report(RESULT)).says
    assert evidence
    assert all(item["reason"][1:].partition(", p =")[0] in says for item in evidence)


@settings(max_examples=20)  # a page says up to 24 of the texts: it is what takes the time
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=24))
def test_no_text_from_outside_becomes_markup(texts: list[str]) -> None:
    text = cycle(texts)
    hostile = result(request_id=f"<script>{next(text)}</script>\"'>")
    hostile["tokens"] = {
        mint: {**token, "symbol": f"<img src=x>{next(text)}", "name": f"'\"><b>{next(text)}"}
        for mint, token in hostile["tokens"].items()
    }
    hostile["wallets"][0]["behavior"] = {f"<i>{next(text)}": f"</dl><script>{next(text)}"}
    hostile["wallets"][-1]["error"] = {"code": "<u>", "message": next(text)}
    page = Page(render_report(hostile))
    assert not page.names & {"img", "u", "iframe", "object"}
    assert page.scripts == 1
    assert page.open == []


def test_an_empty_result_still_makes_a_page() -> None:
    empty = result(
        wallets=[],
        pairs=[],
        pairs_total=0,
        clusters=[],
        tokens={},
        missing=[],
        set={"mean": {}, "median": {}, "shared_tokens": [], "wallets_without_trades": []},
    )
    assert "There is no pair to compare" in Page(render_report(empty)).says


def test_scores_that_are_null_are_shown_as_nothing() -> None:
    pairs = copy.deepcopy(RESULT["pairs"])
    for pair in pairs:
        pair["scores"] = dict.fromkeys(pair["scores"])
    assert Page(render_report(result(pairs=pairs))).open == []


def test_what_the_page_leaves_out_is_said() -> None:
    many = [copy.deepcopy(RESULT["pairs"][0]) for _ in range(limits.REPORT_PAIRS_LISTED_MAX + 7)]
    says = Page(render_report(result(pairs=many, pairs_total=len(many)))).says
    assert "7 more pairs are in the complete result" in says


def test_cut_results_and_incomplete_histories_are_noted() -> None:
    changed = result(truncated={"pairs": 12, "tokens": 3})
    changed["wallets"][0]["coverage"]["state"] = "partial"
    says = Page(render_report(changed)).says
    assert "12 pairs and 3 token rows are left out" in says
    assert "lower bounds" in says


def test_what_nobody_knows_and_what_is_not_read_stand_beside_the_profit() -> None:
    changed = result()
    pnl = changed["wallets"][0]["pnl"]
    pnl |= {"closed_positions": 5, "winning_positions": 2, "losing_positions": 1, "win_rate": 2 / 3}
    pnl |= {"closed_unknown": 2, "round_trips": {}, "round_trip_lamports": 1_500_000_000}
    pnl["unread"] = {"liquidity": 3, "token_transfers": 1_200, "other": 0}
    says = Page(render_report(changed)).says
    assert "won of 3" in says
    assert "2 won, 1 lost, 2 unknown of 5" in says
    assert "1,200 token transfers, 3 liquidity" in says
    assert "round trips+1.5 SOL" in says


def test_realized_over_time_ends_at_the_sum_and_says_what_is_not_in_it() -> None:
    changed = result()
    pnl = changed["wallets"][0]["pnl"]
    days = [(None, 5 * 10**8), (0, 10**9), (86_400, -3 * 10**9), (2 * 86_400, 5 * 10**8)]
    pnl["realized_by_day"] = [{"day_at": at, "realized_lamports": each} for at, each in days]
    pnl["realized_lamports"] = -(10**9)
    text = render_report(changed)
    assert 'aria-label="Realized SOL over time, -1.5 SOL at the end"' in text
    assert "highest 1 SOL, lowest -2 SOL" in text
    assert "+0.5 SOL of trades without a time is not in it" in text


def test_a_result_of_an_older_version_is_shown_without_what_it_lacks() -> None:
    changed = result()
    assert "unread" not in changed["wallets"][0]["pnl"]
    assert "0 unknown of" in Page(render_report(changed)).says


def test_behavior_shows_labels_with_what_decided_them() -> None:
    says = Page(render_report(RESULT)).says
    label = RESULT["wallets"][0]["behavior"]["type"]["label"]
    assert f"type: {label.replace('_', ' ')}" in says
    assert "by cycles median hold" in says


def test_a_thousand_wallets_stay_a_readable_page() -> None:
    wallets = [copy.deepcopy(RESULT["wallets"][0]) for _ in range(limits.WALLETS_MAX)]
    text = render_report(result(wallets=wallets))
    assert len(text) < 8 * 1024 * 1024
    assert 'id="matrix"' not in text


@pytest.mark.parametrize("missing", ["pnl", "behavior", "balances", "coverage", "error"])
def test_a_wallet_may_lack_any_part(missing: str) -> None:
    changed = result()
    for wallet in changed["wallets"]:
        wallet[missing] = None
    assert Page(render_report(changed)).open == []


def test_what_was_found_comes_first_and_the_strongest_verdict_before_the_best_score() -> None:
    text = render_report(RESULT)
    says = Page(text).says
    pairs = {pair["verdict"]: pair for pair in RESULT["pairs"]}
    order = ["linked", "follows", "coordinated", "common_signal", "alike", "untested"]
    places = [says.index(pairs[verdict]["sentence"]) for verdict in order]
    assert places == sorted(places)
    assert says.index(RESULT["set"]["sentence"]) < says.index("pairs compared") < places[0]
    assert "very high" not in says[: places[0]]


def test_a_word_for_a_score_is_no_headline() -> None:
    very_high = copy.deepcopy(RESULT["pairs"])
    for pair in very_high:
        pair.update(label="very high", verdict="alike", because=[])
    text = render_report(result(pairs=very_high))
    lines = [part.split("</summary>")[0] for part in text.split("<summary>")[1:]]
    assert not any("very high" in line for line in lines)
    assert "Scores alone would be called very high, which is no finding." in Page(text).says


def test_loose_groups_are_told_and_their_absence_is_not() -> None:
    names = [f"Wallet{number}WithALongAddress" for number in range(4)]
    group = {"wallets": names, "sentence": "4 wallets that move together.", "p": 0.0021}
    told = copy.deepcopy(RESULT["set"]) | {"loose_groups": [group]}
    says = Page(render_report(result(set=told))).says
    assert "Wall…ress, Wall…ress, Wall…ress, Wall…ress4 wallets that move together.0.0021" in says
    assert "move together" not in render_report(result(set=told | {"loose_groups": None}))
    assert "move together" not in render_report(result(set=told | {"loose_groups": []}))


def test_a_result_of_before_there_were_verdicts_still_makes_a_page() -> None:
    old = result()
    for pair in old["pairs"]:
        for name in ("verdict", "because", "q", "sentence", "null_scores"):
            del pair[name]
    for name in ("sentence", "verdicts"):
        del old["set"][name]
    for cluster in old["clusters"]:
        del cluster["sentence"]
    assert Page(render_report(old)).open == []


def test_a_score_that_is_null_says_why_and_a_pair_that_is_not_tested_too() -> None:
    pair = copy.deepcopy(RESULT["pairs"][0])
    pair |= {"verdict": "untested", "sentence": "Not tested: they never met.", "q": None}
    pair["scores"]["held_cosine"] = None
    pair["null_scores"] = {"held_cosine": "A or B holds no token"}
    says = Page(render_report(result(pairs=[pair], pairs_total=1))).says
    assert "A or B holds no token" in says
    assert "1 pair not tested: they never met." in says
