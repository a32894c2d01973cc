"""The tail of an overlap, against exact dynamic programming."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamproc.core.similarity.overlap_tail import Overlaps, expected_overlaps, overlap_tail
from streamproc.core.similarity.popularity import PopularityNull, popularity_null

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exact_tails(coins: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(sum of the coins >= s) for s = 0 .. number of coins, coin by coin."""
    chances = np.zeros(len(coins) + 1)
    chances[0] = 1.0
    for coin in coins:
        chances[1:] = chances[1:] * (1 - coin) + chances[:-1] * coin
        chances[0] *= 1 - coin
    return np.asarray(chances[::-1].cumsum()[::-1], dtype=np.float64)


def null_of(probability: list[float], tokens: list[int]) -> PopularityNull:
    """A null of one wallet class; two such wallets share a token of a class with the probability squared."""
    return PopularityNull(
        probability=np.array([probability]),
        wallet_class=np.zeros(2, dtype=np.int64),
        tokens=np.array(tokens, dtype=np.float64),
        token_degree=np.arange(1.0, len(tokens) + 1),
        has_converged=True,
    )


def tails(null: PopularityNull, shared: list[int]) -> list[float]:
    zeros = np.zeros(len(shared), dtype=np.int64)
    return [float(p) for p in overlap_tail(null, Overlaps(zeros, zeros, np.array(shared)))]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("wallets", "tokens", "median", "zipf"),
    [(20, 60, 8, 1.0), (60, 400, 25, 1.0), (60, 1000, 25, 0.7), (30, 100, 20, 1.5)],
)
def test_p_is_within_one_percent_of_exact(
    seed: int, wallets: int, tokens: int, median: float, zipf: float
) -> None:
    generator = np.random.default_rng(seed)
    popularity = np.arange(1.0, tokens + 1) ** -zipf
    counts = np.exp(generator.normal(np.log(median), 0.8, wallets)).astype(int)
    traded = np.zeros((wallets, tokens), dtype=np.bool_)
    for row, count in zip(traded, np.clip(counts, 1, tokens // 3), strict=True):
        row[generator.choice(tokens, count, False, popularity / popularity.sum())] = True
    traded = traded[:, traded.any(axis=0)]
    null = popularity_null(traded.sum(axis=1), traded.sum(axis=0))
    degrees = traded.sum(axis=1)
    for a, b in zip(*(generator.permutation(wallets)[:15] for _ in "ab"), strict=True):
        class_a, class_b = null.wallet_class[a], null.wallet_class[b]
        coins = null.probability[class_a] * null.probability[class_b]
        exact = exact_tails(np.repeat(coins, null.tokens.astype(int)))
        shared = np.arange(1, min(degrees[a], degrees[b]) + 1)
        same = np.ones_like(shared)
        asked = Overlaps(same * class_a, same * class_b, shared)
        assert overlap_tail(null, asked) == pytest.approx(exact[shared], rel=0.01, abs=1e-280)


@given(
    st.lists(st.floats(1e-4, 1) | st.floats(0.99, 1), min_size=1, max_size=5),
    st.lists(st.integers(1, 30), min_size=5, max_size=5),
)
@example([1.0, 0.9999999999999999], [1, 10])  # as good as certain
@example([0.6875, 0.71875], [1, 5])  # the mean, nearly
def test_p_is_within_five_percent_of_exact_for_any_coins(
    probability: list[float], tokens: list[int]
) -> None:
    null = null_of(probability, tokens[: len(probability)])
    exact = exact_tails(np.repeat(null.probability[0] ** 2, null.tokens.astype(int)))
    shared = [s for s in range(1, len(exact)) if exact[s] > 1e-30]
    assert tails(null, shared) == pytest.approx(exact[shared], rel=0.05)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.lists(st.integers(1, 30), min_size=5, max_size=5),
)
def test_tails_are_probabilities_that_never_grow(
    probability: list[float], tokens: list[int]
) -> None:
    null = null_of(probability, tokens[: len(probability)])
    shared = list(range(1, int(null.tokens.sum()) + 1))
    found = tails(null, shared)
    assert all(0 < p <= 1 for p in found)
    assert all(later <= earlier * 1.05 for earlier, later in pairwise(found))


def test_what_is_certain_is_no_surprise() -> None:
    null = null_of([1.0, 0.5], [3, 4])
    assert tails(null, [1, 2, 3]) == [1.0, 1.0, 1.0]
    # one more of 4 coins of 1/4: 1 - (3/4)^4
    assert tails(null, [4]) == pytest.approx([1 - 0.75**4], rel=1e-12)


def test_all_of_them_is_the_product() -> None:
    assert tails(null_of([0.5, 0.1], [2, 1]), [3]) == pytest.approx([0.25**2 * 0.01], rel=1e-12)


def test_more_than_possible_is_the_smallest_probability() -> None:
    assert tails(null_of([0.5], [2]), [3]) == [1e-300]


def test_expected_overlap_is_the_sum_of_the_coins() -> None:
    null = null_of([0.5, 0.1], [2, 10])
    first = np.zeros(1, dtype=np.int64)
    # 2 * .25 + 10 * .01
    assert expected_overlaps(null, first, first).tolist() == pytest.approx([0.6])
