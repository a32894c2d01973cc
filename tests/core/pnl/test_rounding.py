"""Statistics of integers: exact, rounded half to even once."""

from __future__ import annotations

import statistics
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.pnl.rounding import (
    half_even_deviation,
    half_even_median,
    half_even_trimmed_mean,
)

integers = st.lists(st.integers(-(10**18), 10**18), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("values", "median"),
    [([], None), ([5], 5), ([1, 2], 2), ([2, 3], 2), ([-1, -2], -2), ([9, 1, 4], 4)],
)
def test_the_median_rounds_halves_to_even(values: list[int], median: int | None) -> None:
    assert half_even_median(values) == median


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([], None),
        ([7], 7),
        ([0, 0, 0, 0, 0, 0, 0, 0, 90], 10),  # nine values: nothing is trimmed
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 90], 0),  # ten: one off each end
        ([1, 2], 2),
    ],
)
def test_the_trimmed_mean_leaves_a_tenth_off_each_end(values: list[int], mean: int | None) -> None:
    assert half_even_trimmed_mean(values) == mean


@pytest.mark.parametrize(
    ("values", "deviation"),
    [([], None), ([5], None), ([0, 2], 1), ([1, 3, 5], 2), ([4, 4, 4], 0), ([0, 0, 0, 3], 2)],
)
def test_the_deviation_divides_by_one_less_and_rounds_halves_to_even(
    values: list[int], deviation: int | None
) -> None:
    # The last one: squares 27 / 4, by 3 is 9 / 4, and the root of that is 3 / 2.
    assert half_even_deviation(values) == deviation


@given(integers)
def test_statistics_agree_with_an_independent_calculation(values: list[int]) -> None:
    assert half_even_median(values) == round(statistics.median(map(Fraction, values)))
    with localcontext() as context:
        context.prec = 120
        variance = statistics.variance(map(Fraction, values))
        root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
        assert half_even_deviation(values) == int(root.quantize(Decimal(1), ROUND_HALF_EVEN))
