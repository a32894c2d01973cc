"""Figures in words are exact where it matters and never look like nothing when they are something."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.report import wording
from streamproc.report.wording import (
    NOTHING,
    amount,
    evidence_sentence,
    lag,
    ranked_by,
    seconds,
    short,
    sol,
    usd,
)


@pytest.mark.parametrize(
    ("lamports", "text"),
    [
        (None, NOTHING),
        (0, "0"),
        (1, "1.0e-9"),
        (-1, "-1.0e-9"),
        (10**9, "1"),
        (1_500_000_000, "1.5"),
        (-1_234_567_890_123, "-1,234.5679"),
        (50_000, "5.0e-5"),
        (150_000, "0.0002"),
    ],
)
def test_lamports_read_as_sol(lamports: int | None, text: str) -> None:
    assert sol(lamports) == text


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_an_amount_is_near_the_truth_and_zero_only_for_zero(units: int, decimals: int) -> None:
    shown = Decimal(amount(units, decimals).replace(",", ""))
    exact = Decimal(units).scaleb(-decimals)
    assert abs(shown - exact) <= Decimal("0.00005")
    assert (shown == 0) == (units == 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, NOTHING), (0.0, "$0.00"), (1234.5, "$1,234.50"), (0.000123, "$0.00012")],
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


@pytest.mark.parametrize(
    ("time_s", "text"), [(14, "14 s"), (90, "1.5 min"), (7200, "2.0 h"), (-172_800, "-2.0 d")]
)
def test_lags(time_s: float, text: str) -> None:
    assert lag(time_s) == text


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


@pytest.mark.parametrize("kind", sorted(wording._EVIDENCE))
@pytest.mark.parametrize("name", ["value", "p", "q", "lift", "n", "leader", "lag_s", "reason"])
def test_evidence_with_any_part_null_still_reads_as_a_sentence(kind: str, name: str) -> None:
    item = {
        "kind": kind,
        "value": 0.5,
        "p": 0.01,
        "q": 0.02,
        "lift": 2.0,
        "n": 9,
        "leader": "A" * 44,
        "lag_s": 3.0,
        "mints": [],
        "signatures": [],
        "reason": "because",
    }
    sentence = evidence_sentence({**item, name: None})
    assert sentence.endswith(".")
    assert sentence[0] == sentence[0].upper()
    assert "None" not in sentence or name == "n"


def test_evidence_of_an_unknown_kind_says_its_reason() -> None:
    assert evidence_sentence({"kind": "new", "reason": "seen together"}) == "Seen together."
