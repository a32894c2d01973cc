"""Figures in words are exact where it matters and never look like nothing when they are something."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.similarity import verdict
from streamproc.report.wording import (
    NOTHING,
    TOGETHER,
    VERDICTS,
    amount,
    by_verdict,
    chance_words,
    cohort_words,
    evidence_sentence,
    missing_words,
    ranked_by,
    seconds,
    short,
    sol,
    untested_words,
    usd,
    verdict_words,
)


def cohort(**coverage: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON has
    """A cohort of two holders, beside a pool and an exchange."""
    return {
        "mint": "M",
        "kind": "holders",
        "count": 2,
        "before": None,
        "decimals": 6,
        "slot": 460_000_000,
        "members": [{"wallet": "a"}, {"wallet": "b"}],
        "outsiders": [{"kind": "program"}, {"kind": "exchange"}, {"kind": "program"}],
        "coverage": {"state": "whole", "least": None, "reason": None, **coverage},
        "left_out": "it counts in no test",
    }


def test_a_cohort_is_told_with_its_rule_its_outsiders_and_what_it_rests_on() -> None:
    assert cohort_words(None) == []
    whole = cohort_words(cohort())
    assert whole == [
        "The 2 wallets were chosen by a rule, at slot 460,000,000: the 2 largest holders of M.",
        "Left out as no wallets of their own: 1 of exchanges, 2 of programs and pools.",
        "Of the token itself: it counts in no test.",
    ]
    largest = cohort_words(cohort(state="largest", least="2500000"))
    assert "All accounts of 2.5 tokens and more were looked at, no smaller ones." in largest
    bounded = cohort_words(cohort(state="bounded", reason="900 calls were made"))
    assert "Choosing stopped early: 900 calls were made." in bounded


@pytest.mark.parametrize(
    ("lamports", "text"),
    [
        (None, NOTHING),
        (0, "0"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (10**9, "1"),
        (1_500_000_000, "1.5"),
        (-1_234_567_890_123, "-1,234.5679"),
        (50_000, "0.00005"),
        (150_000, "0.0002"),
    ],
)
def test_lamports_read_as_sol(lamports: int | None, text: str) -> None:
    assert sol(lamports) == text


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_an_amount_is_near_the_truth_and_zero_only_for_zero(units: int, decimals: int) -> None:
    shown = Fraction(amount(units, decimals).replace(",", ""))
    exact = Fraction(units, 10**decimals)
    assert abs(shown - exact) <= Fraction("0.00005")
    assert (shown == 0) == (units == 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (0.0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.000123, "$0.00012"),
        (7.4e-06, "$0.0000074"),
    ],
)
def test_dollars(value: float | None, text: str) -> None:
    assert usd(value) == text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0.00 s"),
        (430, "0.43 s"),
        (12_340, "12.3 s"),
        (200_000, "3 min 20 s"),
        (59_999, "60.0 s"),
    ],
)
def test_durations(duration_ms: int, text: str) -> None:
    assert seconds(duration_ms) == text


def test_a_short_address_keeps_both_ends() -> None:
    assert short("So11111111111111111111111111111111111111112") == "So11…1112"
    assert short("abc") == "abc"


def test_the_ranking_score_is_found_in_the_order_of_the_pairs() -> None:
    pairs: list[dict[str, Any]] = [
        {"scores": {"idf": 0.1, "capital": 0.9}},
        {"scores": {"idf": 0.3, "capital": 0.4}},
        {"scores": {"idf": 0.2, "capital": None}},
    ]
    assert ranked_by(pairs) == "capital"
    assert ranked_by([]) == "idf"


def test_evidence_is_its_reason_as_a_sentence() -> None:
    assert evidence_sentence({"kind": "new", "reason": "seen together"}) == "Seen together."


def test_evidence_without_a_reason_is_its_figures() -> None:
    item = {"kind": "timing", "value": 0.51234, "p": None, "n": 9, "leader": None, "reason": None}
    assert evidence_sentence(item) == "Timing, value 0.51, n 9."


def test_what_is_missing_is_counted_by_kind() -> None:
    missing = [{"kind": "price"}, {"kind": "metadata"}, {"kind": "price"}]
    assert missing_words(missing) == "not known: 2 prices, 1 name of a token"
    assert missing_words([]) == "nothing missing"


def test_why_pairs_are_not_tested_is_said_once_with_how_many_they_are() -> None:
    few, idle = "Not tested: fewer than 20 wallets are known.", "Not tested: one traded no token."
    pairs = [{"verdict": "untested", "sentence": each} for each in (idle, few, few)]
    pairs.append({"verdict": "alike", "sentence": "Nothing beyond taste."})
    assert untested_words(pairs) == [
        "2 pairs not tested: fewer than 20 wallets are known.",
        "1 pair not tested: one traded no token.",
    ]
    assert untested_words([]) == []


def test_every_verdict_has_words_in_the_order_of_its_strength() -> None:
    assert tuple(VERDICTS) == verdict.VERDICTS
    assert frozenset(verdict.VERDICTS[: verdict.COORDINATED + 1]) == TOGETHER


def test_pairs_stand_by_verdict_then_by_q_then_as_they_came() -> None:
    pairs: list[dict[str, Any]] = [
        {"n": 1, "verdict": "alike", "q": 0.2},
        {"n": 2, "verdict": "untested", "q": None},
        {"n": 3, "verdict": "follows", "q": 0.01},
        {"n": 4, "verdict": "follows", "q": 0.0001},
        {"n": 5},
        {"n": 6, "verdict": "follows", "q": 0.01},
        {"n": 7, "verdict": "linked", "q": 0.04},
    ]
    assert [pair["n"] for pair in by_verdict(pairs)] == [7, 4, 3, 6, 1, 2, 5]
    assert verdict_words(pairs[4]) == chance_words(pairs[4].get("q")) == NOTHING
    assert (chance_words(pairs[3].get("q")), chance_words(pairs[0].get("q"))) == ("0.0001", "0.2")
