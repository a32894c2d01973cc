"""Means and medians of floats, weighted or not; None where there is nothing to weigh."""

from __future__ import annotations

from itertools import accumulate
from math import fsum
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR_S: Final = 3600
DAY_S: Final = 86_400


def ratio(numerator: float, denominator: float) -> float | None:
    """The quotient, None without a denominator."""
    return numerator / denominator if denominator else None


def plain_mean(values: Sequence[float]) -> float | None:
    """The mean, None of nothing.

    >>> plain_mean([1, 2]), plain_mean([])
    (1.5, None)
    """
    return fsum(values) / len(values) if values else None


def plain_median(values: Sequence[float]) -> float | None:
    """The median, None of nothing."""
    return median(values) if values else None


def weighted_mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    """The mean of (value, weight >= 0), None when nothing weighs anything.

    >>> weighted_mean([(1, 3), (5, 1)]), weighted_mean([(1, 0)])
    (2.0, None)
    """
    return ratio(fsum(value * weight for value, weight in weighted), sum(w for _, w in weighted))


def weighted_median(weighted: Sequence[tuple[float, int]]) -> float | None:
    """The smallest value up to which half of all weight lies, None when nothing weighs anything.

    >>> weighted_median([(9, 1), (1, 1), (5, 3)]), weighted_median([(9, 1), (1, 1)]), weighted_median([])
    (5, 1, None)
    """
    ordered = sorted(weighted)
    total = sum(weight for _, weight in ordered)
    if not total:
        return None
    reached = accumulate(weight for _, weight in ordered)
    return next(
        value for (value, _), sum_ in zip(ordered, reached, strict=True) if 2 * sum_ >= total
    )
