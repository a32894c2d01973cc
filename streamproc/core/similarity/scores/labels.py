"""Words for a pair: how alike the trading is, and whether the holdings are closer than the trades were."""

from __future__ import annotations

from math import isnan
from typing import Final

LABELS: Final = ((0.7, "very high"), (0.5, "high"), (0.3, "moderate"), (0.15, "low"))
LOWEST_LABEL: Final = "very low"
BINARY_SHARE: Final = 0.4
CAPITAL_SHARE: Final = 0.6
STABLE_BELOW: Final = 0.01
DECIMALS: Final = 12  # a bound is met when it is met on paper: 0.51 - 0.5 is a difference of 0.01


def label_of(binary: float, capital: float) -> str | None:
    """Return the label of 0.4 binary + 0.6 capital.

    From .7 very high, from .5 high, from .3 moderate, from .15 low, else very low.

    Scores in 0..1; None when either is null (NaN).

    >>> label_of(1.0, 0.5)
    'very high'
    """
    if isnan(binary) or isnan(capital):
        return None
    combined = round(BINARY_SHARE * binary + CAPITAL_SHARE * capital, DECIMALS)
    return next((label for bound, label in LABELS if combined >= bound), LOWEST_LABEL)


def trend_of(held_jaccard: float, jaccard: float) -> str | None:
    """Return how present holdings compare with past trades: stable within 0.01, converging when closer, else diverging.

    Scores in 0..1; None when either is null (NaN).

    >>> trend_of(0.51, 0.5)
    'converging'
    """
    if isnan(held_jaccard) or isnan(jaccard):
        return None
    change = round(held_jaccard - jaccard, DECIMALS)
    if abs(change) < STABLE_BELOW:
        return "stable"
    return "converging" if change > 0 else "diverging"
