"""Exact small statistics for the world's truth: medians, trimmed means and deviations, rounded half to even once."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import Json

DEVIATION_NEEDS = 2


def median(values: Sequence[int | Fraction]) -> Fraction | None:
    """Return the middle value, the mean of the two middle ones, None without any."""
    if not values:
        return None
    ordered, half = sorted(values), len(values) // 2
    return Fraction(ordered[half] + ordered[-half - 1]) / 2


def trimmed_mean(values: list[int]) -> Fraction | None:
    """Return the mean without a tenth (rounded down) off each end, None without any."""
    if not values:
        return None
    cut = len(values) // 10
    kept = sorted(values)[cut : len(values) - cut]
    return Fraction(sum(kept), len(kept))


def deviation(values: list[int]) -> int | None:
    """Return the sample deviation (n - 1), rounded half to even, None below two values."""
    if len(values) < DEVIATION_NEEDS:
        return None
    mean = Fraction(sum(values), len(values))
    variance = sum(((value - mean) ** 2 for value in values), Fraction()) / (len(values) - 1)
    below = isqrt(variance.numerator // variance.denominator)
    middle = Fraction(2 * below + 1, 2) ** 2
    if variance == middle:
        return below + below % 2
    return below + 1 if variance > middle else below


def closed_figures(realized: list[int], unknown: int) -> Json:
    """Return what is published about closed positions, from what each brought; of `unknown` ones nobody can say."""
    won, lost = (sum(1 for r in realized if r > 0), sum(1 for r in realized if r < 0))
    middle, trimmed = median(realized), trimmed_mean(realized)
    return {
        "closed_positions": len(realized) + unknown,
        "closed_unknown": unknown,
        "winning_positions": won,
        "losing_positions": lost,
        "win_rate": won / len(realized) if realized else None,
        "median_closed_lamports": None if middle is None else round(middle),
        "trimmed_mean_closed_lamports": None if trimmed is None else round(trimmed),
        "std_closed_lamports": deviation(realized),
    }


def realized_days(rows: Sequence[dict[int | None, int]]) -> list[Json]:
    """Return what is published of the days on which rows realized something, from each row's sums by day."""
    days = {day for row in rows for day in row}
    timed = sorted(day for day in days if day is not None)
    ordered: list[int | None] = [*([None] if None in days else []), *timed]
    sums = [(day, sum(row.get(day, 0) for row in rows)) for day in ordered]
    return [{"day_at": day, "realized_lamports": total} for day, total in sums if total]
