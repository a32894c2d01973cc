"""The nine scores of every pair of wallets.

Null is NaN inside this package and None in every record that leaves it. All scores lie in [0, 1]; two equal vectors
score exactly 1, whatever the rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from streamproc.core.similarity.scores.pairs import PairSums, meetings, pair_wallets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Columns, Held, Rows, Traded


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """All scores of W wallets; P = W (W - 1) / 2 pairs in the order of pair numbers."""

    wallet_a: NDArray[np.int64]  # (P,) row numbers
    wallet_b: NDArray[np.int64]  # (P,)
    by_name: Mapping[str, NDArray[np.float64]]  # each of SCORES -> (P,) in 0..1, NaN where null
    shared: NDArray[np.int64]  # (P,) mints traded by both
    overlap: NDArray[np.float64]  # (P,) shared / smaller count, NaN when one side traded nothing
    tokens: NDArray[np.int64]  # (W,) mints traded
    idf: NDArray[np.float64]  # (M,) weight of each traded mint, 1 and above


def all_scores(rows: Rows) -> Scores:
    """Return the nine scores, shared counts and overlaps of all pairs; empty arrays for fewer than two wallets."""
    wallets = len(rows.wallets)
    wallet_a, wallet_b = pair_wallets(wallets)
    weights = idf_weights(rows.traded.columns, wallets)
    traded, shared, tokens = _traded_scores(rows.traded, weights, wallet_a, wallet_b, wallets)
    held = _held_scores(rows.held, wallet_a, wallet_b, wallets)
    unknown = ~(rows.has_balances[wallet_a] & rows.has_balances[wallet_b])
    for score in held.values():
        score[unknown] = np.nan
    smaller = np.minimum(tokens[wallet_a], tokens[wallet_b])
    return Scores(
        wallet_a=wallet_a,
        wallet_b=wallet_b,
        by_name={**traded, **held},
        shared=shared,
        overlap=ratio(shared, smaller),
        tokens=tokens,
        idf=weights,
    )


def idf_weights(columns: Columns, wallets: int) -> NDArray[np.float64]:
    """Return each mint's weight ln((1 + W) / (1 + d)) + 1, (M,), d = wallets that traded it; 1 when all did.

    The smoothed form of scikit-learn's TfidfTransformer.
    """
    by_degree = np.array([log((1 + wallets) / (1 + d)) + 1 for d in range(wallets + 1)])
    return by_degree[np.diff(columns.start)]


def cosine(
    products: NDArray[np.float64], squares_a: NDArray[np.float64], squares_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return products / sqrt(squares_a * squares_b) in [0, 1], (P,); NaN where a vector is zero.

    For equal vectors all three sums are the same number x, and sqrt(x * x) is exactly x in binary floating point.
    """
    return ratio(products, np.sqrt(squares_a * squares_b))


def jaccard(
    shared: NDArray[np.float64], total_a: NDArray[np.float64], total_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return shared / (total_a + total_b - shared) in [0, 1], (P,): 0 when one side is empty, NaN when both are.

    With sums of minima and plain sums it is Ruzicka's similarity, since min + max = a + b.
    """
    return ratio(shared, total_a + total_b - shared)


def ratio(part: NDArray[np.generic], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return part / whole clamped to [0, 1]; NaN where whole is 0."""
    found = np.full(len(part), np.nan)
    np.divide(part, whole, out=found, where=whole.astype(np.float64) > 0)
    return np.clip(found, 0.0, 1.0, out=found)


def _traded_scores(
    traded: Traded,
    weights: NDArray[np.float64],
    wallet_a: NDArray[np.int64],
    wallet_b: NDArray[np.int64],
    wallets: int,
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]:
    columns, capital = traded.columns, traded.capital
    squared_idf = (weights * weights)[columns.mint()]
    presence = PairSums(columns, wallets, np.ones(len(capital)))
    products = PairSums(columns, wallets, capital * capital)
    minima = PairSums(columns, wallets, capital)
    idf = PairSums(columns, wallets, squared_idf)
    for met in meetings(columns, wallets):
        a, b = capital[met.entry_a], capital[met.entry_b]
        presence.add(met, np.ones(len(a)))
        products.add(met, a * b)
        minima.add(met, np.minimum(a, b))
        idf.add(met, squared_idf[met.entry_a])
    met_in = presence.of_pairs
    count_a, count_b = presence.sides(wallet_a, wallet_b)
    scores = {
        "capital": cosine(products.of_pairs, *products.sides(wallet_a, wallet_b)),
        "binary": cosine(met_in, count_a, count_b),
        "idf": cosine(idf.of_pairs, *idf.sides(wallet_a, wallet_b)),
        "jaccard": jaccard(met_in, count_a, count_b),
        "ruzicka": jaccard(minima.of_pairs, *minima.sides(wallet_a, wallet_b)),
    }
    return scores, met_in.astype(np.int64), presence.of_wallets.astype(np.int64)


def _held_scores(
    held: Held, wallet_a: NDArray[np.int64], wallet_b: NDArray[np.int64], wallets: int
) -> dict[str, NDArray[np.float64]]:
    columns, value, traded = held.columns, held.value, held.traded.astype(np.float64)
    presence = PairSums(columns, wallets, np.ones(len(value)))
    both = PairSums(columns, wallets, traded)
    values = PairSums(columns, wallets, value * value)
    for met in meetings(columns, wallets):
        a, b = met.entry_a, met.entry_b
        presence.add(met, np.ones(len(a)))
        both.add(met, traded[a] * traded[b])
        values.add(met, value[a] * value[b])
    count_a, count_b = presence.sides(wallet_a, wallet_b)
    return {
        "held_jaccard": jaccard(presence.of_pairs, count_a, count_b),
        "held_cosine": cosine(presence.of_pairs, count_a, count_b),
        "held_traded_jaccard": jaccard(both.of_pairs, *both.sides(wallet_a, wallet_b)),
        "held_value_cosine": cosine(values.of_pairs, *values.sides(wallet_a, wallet_b)),
    }
