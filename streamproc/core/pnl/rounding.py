"""Statistics of integers, rounded half to even once at the end, exact before."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_TRIMMED_OFF: Final = 10  # one in ten off each end


def half_even_median(values: Sequence[int]) -> int | None:
    """The middle value, or the mean of the two in the middle; None of nothing.

    >>> half_even_median([7, 1, 4]), half_even_median([1, 2]), half_even_median([3, 2]), half_even_median([])
    (4, 2, 2, None)
    """
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return round(Fraction(ordered[middle - 1] + ordered[middle], 2))


def half_even_trimmed_mean(values: Sequence[int]) -> int | None:
    """The mean without the floor(n / 10) smallest and largest values; None of nothing.

    >>> half_even_trimmed_mean([1000, 1, 2, 3, 4, 5, 6, 7, 8, -1000])
    4
    """
    if not values:
        return None
    off = len(values) // _TRIMMED_OFF
    kept = sorted(values)[off : len(values) - off]
    return round(Fraction(sum(kept), len(kept)))


def half_even_deviation(values: Sequence[int]) -> int | None:
    """The standard deviation with n - 1; None of fewer than two values.

    >>> half_even_deviation([1, 2, 3, 4]), half_even_deviation([5])
    (1, None)
    """
    count = len(values)
    if count < 2:  # noqa: PLR2004 - one value deviates from nothing
        return None
    total = sum(values)
    squares = count * sum(value * value for value in values) - total * total
    return _half_even_root(Fraction(squares, count * (count - 1)))


def _half_even_root(value: Fraction) -> int:
    """The square root of a fraction >= 0, rounded half to even."""
    floor = isqrt(value.numerator // value.denominator)
    half = Fraction(2 * floor + 1, 2)
    if value == half * half:
        return floor + floor % 2
    return floor + (value > half * half)
