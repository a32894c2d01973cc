"""One decision per pair: the kinds of evidence put together, and which pairs are more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.similarity.evidence.chance import Q_MAX, WALLETS_MIN, benjamini_hochberg
from streamproc.core.similarity.evidence.signals import signals_of
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.chance import Chance
    from streamproc.core.similarity.evidence.orders import Orders
    from streamproc.core.similarity.evidence.timing_test import TimingTest
    from streamproc.core.similarity.evidence.trading import Trading
    from streamproc.core.similarity.scores.scores import Scores

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FEW_WALLETS: Final = (
    40  # below, a circle of taste may be smaller than what a company's level is taken from
)
Q_MAX_OF_FEW: Final = 0.001
LARGEST_P: Final = 0.99  # a test that finds nothing cannot outvote one that does
SMALL_P: Final = 1e-15  # below, a tangent is 1 / (pi p) to the last bit
TESTED: Final = 0
NO_TRADES: Final = 1
NO_COMMON_SEASON: Final = 2
TOO_FEW_WALLETS: Final = 3
REASONS: Final = (
    "",
    "one of them traded no token",
    "they never traded in the same weeks, so neither could have met the other",
    (
        f"fewer than {WALLETS_MIN} wallets of these weeks are known, too few to say what is popular;"
        " more wallets of the same weeks, in the request or in the store, would make it testable"
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """The decision on every pair. Arrays are (P,) by pair number."""

    p: Floats  # all kinds together, 0..1; NaN where nothing could be tested
    q: Floats  # Benjamini-Hochberg over the request's pairs, 0..1; NaN as above
    is_gated: Flags  # more than chance, by itself or by a signal that many hear
    by_chance: Flags  # the overlap carries it
    by_timing: Flags  # the timing carries it
    is_signal: Flags  # gated, and many others did the same at the same times
    untested: NDArray[np.int8]  # place in REASONS; TESTED for tested pairs
    timing_q: Floats  # Benjamini-Hochberg of the timing alone


def gate_of(
    chance: Chance, timing: TimingTest, scores: Scores, trading: Trading, orders: Orders
) -> Gate:
    """Return the decision on all pairs: q <= Q_MAX of both kinds together; a kind counts where its effect is large.

    Where WALLETS_MIN to FEW_WALLETS wallets are known, the level of their company is known badly: q <= Q_MAX_OF_FEW.
    Of many wallets that are close in time and belong together, a pair's p and q are those of its timing alone.
    """
    total = len(scores.shared)
    untested = _untested(chance, scores, trading)
    p_chance = np.where(chance.is_large, np.nan_to_num(chance.p, nan=1.0), 1.0)
    p = np.where(_have_times(scores, trading), cauchy(p_chance, timing.p), p_chance)
    p[np.isin(untested, (NO_TRADES, NO_COMMON_SEASON))] = 1.0
    q = benjamini_hochberg(p, total)
    most = Q_MAX_OF_FEW if WALLETS_MIN <= trading.wallets < FEW_WALLETS else Q_MAX
    is_found = q <= most
    q_chance, q_timing = (benjamini_hochberg(each, total) for each in (p_chance, timing.p))
    by_chance = is_found & ((q_chance <= Q_MAX) | (p_chance <= timing.p))
    by_timing = is_found & ((q_timing <= Q_MAX) | (timing.p < p_chance))
    q_alone = benjamini_hochberg(timing.p_alone, total)
    is_signal, belongs = signals_of(is_found, q_alone <= most, scores, trading, orders)
    p, q = np.where(belongs, timing.p_alone, p), np.where(belongs, q_alone, q)
    is_gated = is_found | belongs | is_signal
    untested[is_gated] = TESTED
    p[untested != TESTED] = q[untested != TESTED] = np.nan
    return Gate(
        p=p,
        q=q,
        is_gated=is_gated,
        by_chance=by_chance,
        by_timing=by_timing | belongs | is_signal,
        is_signal=is_signal,
        untested=untested,
        timing_q=q_timing,
    )


def cauchy(*p_values: Floats) -> Floats:
    """Return one p of several that may depend on each other: Liu and Xie 2020, JASA 115, 393-402.

    Every p counts as LARGEST_P at most.

    >>> [float(f"{p:.2g}") for p in cauchy(np.array([1e-6, 0.5]), np.array([1.0, 0.5]))]
    [2e-06, 0.5]
    """
    total = np.zeros(len(p_values[0]))
    for each in p_values:
        p = np.minimum(each, LARGEST_P)
        total += np.where(p < SMALL_P, 1 / (np.pi * p), np.tan((0.5 - p) * np.pi))
    mean = total / len(p_values)
    far = mean > 1 / (np.pi * SMALL_P)
    together = np.where(far, 1 / (np.pi * np.where(far, mean, 1.0)), 0.5 - np.arctan(mean) / np.pi)
    return np.asarray(np.clip(together, np.finfo(np.float64).tiny, 1.0), dtype=np.float64)


def _untested(chance: Chance, scores: Scores, trading: Trading) -> NDArray[np.int8]:
    """Return why each pair cannot be tested by its overlap, TESTED where it can."""
    a, b = scores.wallet_a, scores.wallet_b
    reason = TESTED if chance.untested is None else TOO_FEW_WALLETS
    found = np.full(len(a), reason, dtype=np.int8)
    found[~_have_met(trading)[a, b]] = NO_COMMON_SEASON
    found[(scores.tokens[a] == 0) | (scores.tokens[b] == 0)] = NO_TRADES
    return found


def _have_times(scores: Scores, trading: Trading) -> Flags:
    """Return the pairs of which both wallets have trades with a time, (P,): of others only the overlap is a test."""
    timed = np.zeros(trading.wallets, dtype=np.bool_)
    timed[trading.wallet[trading.at != NEVER]] = True
    return np.asarray(timed[scores.wallet_a] & timed[scores.wallet_b], dtype=np.bool_)


def _have_met(trading: Trading) -> Flags:
    """Return which wallets of the request traded in the same or neighbouring weeks, (W, W).

    Trades without a time may have been at any.
    """
    own = trading.wallet < trading.asked
    wallet, at = trading.wallet[own], trading.at[own]
    week = np.where(at == NEVER, 0, at // WEEK_S)
    weeks, place = np.unique(np.concatenate([week, week + 1]), return_inverse=True)
    active = np.zeros((trading.asked, len(weeks)), dtype=np.int64)
    active[wallet, place[: len(week)]] = 1
    active[wallet, place[len(week) :]] = 1
    timeless = np.zeros(trading.asked, dtype=np.bool_)
    timeless[wallet[at == NEVER]] = True
    met = np.einsum("iw,jw->ij", active, active) > 0
    return np.asarray(met | timeless[:, None] | timeless, dtype=np.bool_)
