"""Labels and trends, on and beside every bound."""

from __future__ import annotations

import math

import pytest

from streamproc.core.similarity.scores.labels import label_of, trend_of


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (1.0, "very high"),
        (0.7, "very high"),
        (0.699, "high"),
        (0.5, "high"),
        (0.499, "moderate"),
        (0.3, "moderate"),
        (0.299, "low"),
        (0.15, "low"),
        (0.149, "very low"),
        (0.0, "very low"),
    ],
)
def test_a_bound_belongs_to_the_higher_label(score: float, label: str) -> None:
    assert label_of(score, score) == label


def test_capital_counts_more_than_presence() -> None:
    # 0.4 * 1 + 0.6 * 0 = .4; 0.4 * 0 + 0.6 * 1 = .6
    assert label_of(1.0, 0.0) == "moderate"
    assert label_of(0.0, 1.0) == "high"


@pytest.mark.parametrize(("binary", "capital"), [(math.nan, 1.0), (1.0, math.nan)])
def test_no_label_without_both_scores(binary: float, capital: float) -> None:
    assert label_of(binary, capital) is None


@pytest.mark.parametrize(
    ("held", "traded", "trend"),
    [
        (0.5, 0.5, "stable"),
        (0.509, 0.5, "stable"),
        (0.491, 0.5, "stable"),
        (0.51, 0.5, "converging"),
        (0.49, 0.5, "diverging"),
        (1.0, 0.0, "converging"),
        (0.0, 1.0, "diverging"),
        (math.nan, 0.5, None),
        (0.5, math.nan, None),
    ],
)
def test_the_trend_is_the_sign_of_the_change_from_a_hundredth_upwards(
    held: float, traded: float, trend: str | None
) -> None:
    assert trend_of(held, traded) == trend
