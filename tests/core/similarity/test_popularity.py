"""The popularity null: expected degrees are the observed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamproc.core.similarity.popularity import merged, popularity_null

if TYPE_CHECKING:
    from numpy.typing import NDArray


def zipf_world(seed: int, wallets: int, tokens: int, median: float) -> NDArray[np.bool_]:
    """Who traded what when only popularity (Zipf) and appetite (lognormal) count."""
    generator = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, tokens + 1)
    popularity /= popularity.sum()
    counts = np.exp(generator.normal(np.log(median), 0.8, wallets)).astype(int)
    traded = np.zeros((wallets, tokens), dtype=np.bool_)
    for row, count in zip(traded, np.clip(counts, 1, tokens // 3), strict=True):
        row[generator.choice(tokens, count, replace=False, p=popularity)] = True
    return np.asarray(traded[:, traded.any(axis=0)], dtype=np.bool_)


@given(
    hnp.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))).filter(
        lambda traded: bool(traded.any(axis=0).all() and traded.any(axis=1).all())
    )
)
def test_expected_degrees_equal_observed_ones_in_any_small_world(traded: NDArray[np.bool_]) -> None:
    null = popularity_null(traded.sum(axis=1), traded.sum(axis=0))
    assert null.has_converged
    assert bool(np.all((null.probability >= 0) & (null.probability <= 1)))
    per_wallet = (null.probability * null.tokens).sum(axis=1)[null.wallet_class]
    assert per_wallet == pytest.approx(traded.sum(axis=1), rel=1e-6)
    per_token = null.probability[null.wallet_class].sum(axis=0)
    assert per_token == pytest.approx(null.token_degree, rel=1e-6)


@pytest.mark.parametrize(("wallets", "tokens", "median"), [(60, 500, 30), (200, 3000, 60)])
def test_expected_degrees_equal_observed_ones_where_popularity_is_skewed(
    wallets: int, tokens: int, median: float
) -> None:
    traded = zipf_world(1, wallets, tokens, median)
    null = popularity_null(traded.sum(axis=1), traded.sum(axis=0))
    per_wallet = (null.probability * null.tokens).sum(axis=1)[null.wallet_class]
    assert per_wallet == pytest.approx(traded.sum(axis=1), rel=1e-8)


def test_equal_wallets_and_equal_tokens_have_the_plain_share() -> None:
    null = popularity_null(np.full(6, 2), np.full(4, 3))
    assert null.probability == pytest.approx(np.array([[0.5]]), rel=1e-12)


def test_one_class_of_wallets_takes_the_plain_shares_of_unequal_tokens() -> None:
    # seven wallets traded one token each, three the first and four the second; an eighth traded both
    null = popularity_null(np.array([2, 1, 1, 1, 1, 1, 1, 1]), np.array([5, 4]))
    assert null.has_converged
    assert null.probability[0] == pytest.approx([3 / 7, 4 / 7], rel=1e-8)
    assert null.probability[1].tolist() == [1.0, 1.0]


def test_what_everybody_traded_is_certain() -> None:
    # three wallets traded token 1; two of them one more each
    null = popularity_null(np.array([1, 2, 2]), np.array([3, 1, 1]))
    everybody = null.token_degree == 3
    assert null.probability[:, everybody].tolist() == [[1.0], [1.0]]
    assert null.probability[0, ~everybody].tolist() == [0.0]
    assert null.probability[1, ~everybody] == pytest.approx([0.5])


def test_merging_keeps_all_tokens_and_the_expected_overlaps() -> None:
    traded = zipf_world(2, 400, 6000, 200)
    null = popularity_null(traded.sum(axis=1), traded.sum(axis=0))
    fewer = merged(null)
    assert len(fewer.tokens) < len(null.tokens)
    assert fewer.tokens.sum() == null.tokens.sum()
    exact = (null.probability * null.tokens) @ null.probability.T
    rough = (fewer.probability * fewer.tokens) @ fewer.probability.T
    assert rough == pytest.approx(exact, rel=0.01)


def test_few_classes_are_not_merged() -> None:
    null = popularity_null(np.full(6, 2), np.full(4, 3))
    assert merged(null) is null
