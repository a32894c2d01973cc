"""The gate as it was before it knew of time: is the overlap more than the popularity of tokens explains?

Every wallet of the request *and* of the background takes part in the null: on a handful of wallets alone no overlap can
surprise, since their own trades are all that says what is popular. A pair is gated in when q <= 0.05 and lift >= 1.5:
very active wallets reach a small q at a lift of 1.1 to 1.3, which says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from gate_parts.former_popularity import PopularityNull, merged, popularity_null
from gate_parts.former_tail import Overlaps, expected_overlaps, overlap_tail

from streamproc.core.similarity.evidence.chance import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from streamproc.core.comparison_inputs import Background
    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores

Q_MAX: Final = 0.05
LIFT_MIN: Final = 1.5
WALLETS_MIN: Final = 20  # fewer in all: the null knows too little about popularity
LOOK_CLOSER_BELOW: Final = 0.1  # p from merged token classes that is computed again from exact ones
TAIL_CELLS_EXACT: Final = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """The test of every pair. Arrays are (P,) by pair number; NaN where there is no test."""

    p: NDArray[np.float64]  # P(overlap >= observed), 0..1; NaN without a shared mint
    q: NDArray[np.float64]  # Benjamini-Hochberg over all pairs, 0..1
    expected: NDArray[np.float64]  # shared mints expected from popularity
    lift: NDArray[np.float64]  # observed / expected
    is_gated: NDArray[np.bool_]  # surprising and large: q <= Q_MAX and lift >= LIFT_MIN
    untested: str | None  # why there is no test at all, in words


def chance_of(
    rows: Rows, scores: Scores, background: Background | None, excluded: AbstractSet[str]
) -> Chance:
    """Return the test of all pairs that share a mint; no test (and no gated pair) with fewer than 20 wallets in all."""
    others = _background_counts(rows, background, excluded)
    everyone = len(rows.wallets) + others.wallets
    if everyone < WALLETS_MIN:
        return _untested(
            len(scores.shared),
            f"{everyone} wallets in all, background included, are too few to know what is popular"
            f" (at least {WALLETS_MIN})",
        )
    pairs = np.flatnonzero(scores.shared)
    if not len(pairs):
        return _untested(len(scores.shared), None)
    null, number = _fitted(rows, scores, others)
    if not null.has_converged:
        return _untested(len(scores.shared), "the popularity model did not converge")
    classes = null.wallet_class[number]
    asked = Overlaps(
        classes[scores.wallet_a[pairs]], classes[scores.wallet_b[pairs]], scores.shared[pairs]
    )
    return _tested(len(scores.shared), pairs, asked, null)


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """What the background adds: wallets, how many tokens each traded, and how many wallets traded which token."""

    wallets: int
    wallet_degrees: NDArray[np.int64]
    by_mint: dict[str, int]


def _background_counts(
    rows: Rows, background: Background | None, excluded: AbstractSet[str]
) -> _Counts:
    if background is None:
        return _Counts(0, np.zeros(0, dtype=np.int64), {})
    asked = set(rows.wallets)
    other = np.array([wallet not in asked for wallet in background.wallets], dtype=np.bool_)
    token = np.array([mint not in excluded for mint in background.mints], dtype=np.bool_)
    wallet, mint = background.wallet_numbers, background.mint_numbers
    counted = other[wallet] & token[mint]
    cells = np.unique(wallet[counted] * np.int64(len(token)) + mint[counted])
    per_wallet = np.bincount(cells // max(1, len(token)), minlength=len(other))
    per_mint = np.bincount(cells % max(1, len(token)), minlength=len(token))
    by_mint = {
        name: count
        for name, count in zip(background.mints, per_mint.tolist(), strict=True)
        if count
    }
    return _Counts(int(other.sum()), per_wallet[per_wallet > 0], by_mint)


def _fitted(
    rows: Rows, scores: Scores, others: _Counts
) -> tuple[PopularityNull, NDArray[np.int64]]:
    """Return the null and, per wallet of the request, its number in it (0 for wallets that traded nothing)."""
    traded = scores.tokens > 0
    wallet_degrees = np.concatenate([scores.tokens[traded], others.wallet_degrees])
    columns = rows.traded.columns
    by_mint = dict(others.by_mint)
    for name, count in zip(columns.mints, np.diff(columns.start).tolist(), strict=True):
        by_mint[name] = by_mint.get(name, 0) + count
    token_degrees = np.array(list(by_mint.values()), dtype=np.int64)
    return popularity_null(wallet_degrees, token_degrees), np.cumsum(traded) - traded


def _tested(
    pairs_total: int, pairs: NDArray[np.int64], asked: Overlaps, null: PopularityNull
) -> Chance:
    p = _p_values(null, asked)
    expected = expected_overlaps(null, asked.class_a, asked.class_b)
    lift = asked.shared / np.maximum(expected, np.finfo(np.float64).tiny)
    q = benjamini_hochberg(p, pairs_total)
    found = _untested(pairs_total, None)
    found.p[pairs], found.q[pairs] = p, q
    found.expected[pairs], found.lift[pairs] = expected, lift
    found.is_gated[pairs] = (q <= Q_MAX) & (lift >= LIFT_MIN)
    return found


def _p_values(null: PopularityNull, asked: Overlaps) -> NDArray[np.float64]:
    if len(asked.shared) * len(null.tokens) <= TAIL_CELLS_EXACT:
        return overlap_tail(null, asked)
    p = overlap_tail(merged(null), asked)
    close = np.flatnonzero(p < LOOK_CLOSER_BELOW)
    closer = Overlaps(asked.class_a[close], asked.class_b[close], asked.shared[close])
    p[close] = overlap_tail(null, closer)
    return p


def _untested(pairs: int, reason: str | None) -> Chance:
    p, q, expected, lift = np.full((4, pairs), np.nan)
    return Chance(p, q, expected, lift, np.zeros(pairs, dtype=np.bool_), untested=reason)
