"""How likely two wallets share at least so many tokens when they trade independently.

Their overlap is a sum of independent, unequal coins, one per token (Poisson-binomial). Its tail comes from the
saddlepoint formula of Lugannani and Rice for lattices with the second-order term (Daniels 1987, Int. Stat. Rev. 55,
37-48): within 1 % of the exact tail for fitted coins, 4 % for any. Where that formula fails the tail is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from gate_parts.former_popularity import PopularityNull
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TILT_MAX: Final = 60.0  # e**60 times the odds: beyond any overlap that is not certain
CLOSE_TO_MEAN: Final = 0.05  # |w| below which 1 / u - 1 / w is taken by its limit
NARROW: Final = 1.0  # tilted variance below which a saddlepoint may be off by more than 4 %
TILT_MIN: Final = 0.5  # the inversion keeps that far from its pole
INVERSION_POINTS: Final = 64  # what is further apart than that weighs exp(-32)
NEGLIGIBLE: Final = 1e-22  # a coin that never falls, beyond any tilt
SURE: Final = 1 - 1e-12  # a coin whose odds a float no longer tells from certain
PRECISION: Final = 1e-9  # of the tilted mean, relative; 1 / w**3 feels it near the mean
SMALLEST: Final = 1e-300  # no probability is called impossible
ROOT_TAU: Final = 2.5066282746310002  # sqrt(2 pi)
NEWTON_STEPS_MAX: Final = 60
TAIL_CELLS_PER_CHUNK: Final = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """What is asked: K times, two wallet classes and how many tokens they share at least."""

    class_a: NDArray[np.int64]  # (K,)
    class_b: NDArray[np.int64]  # (K,)
    shared: NDArray[np.int64]  # (K,)


def expected_overlaps(
    null: PopularityNull, class_a: NDArray[np.int64], class_b: NDArray[np.int64]
) -> Floats:
    """Return the mean overlap of each two wallet classes under the null, (K,)."""
    between = np.einsum("rc,sc->rs", null.probability * null.tokens, null.probability)
    return np.asarray(between[class_a, class_b], dtype=np.float64)


def overlap_tail(null: PopularityNull, asked: Overlaps) -> Floats:
    """Return P(overlap >= shared), (K,), in [1e-300, 1]; 1 when nothing else was possible."""
    found = np.ones(len(asked.shared))
    size = max(1, TAIL_CELLS_PER_CHUNK // max(1, len(null.tokens)))
    for first in range(0, len(found), size):
        part = slice(first, first + size)
        coins = null.probability[asked.class_a[part]] * null.probability[asked.class_b[part]]
        coins[coins < NEGLIGIBLE] = 0.0
        coins[coins > SURE] = 1.0
        found[part] = _tails(coins, null.tokens, asked.shared[part].astype(np.float64))
    return found


def _tails(coins: Floats, tokens: Floats, shared: Floats) -> Floats:
    """Return the tails of one chunk; `coins` (K, C) is each token class's probability to be shared."""
    lowest = np.einsum("kc,c->k", (coins >= 1).astype(np.float64), tokens)
    highest = np.einsum("kc,c->k", (coins > 0).astype(np.float64), tokens)
    found = np.where(shared <= lowest, 1.0, SMALLEST)
    one_more = (shared == lowest + 1) & (shared <= highest)
    found[one_more] = _at_least_one(coins[one_more], tokens)
    every = (shared == highest) & (shared > lowest + 1)
    found[every] = _all_of_them(coins[every], tokens)
    between = (shared > lowest + 1) & (shared < highest)
    found[between] = _between(coins[between], tokens, shared[between])
    return np.clip(found, SMALLEST, 1.0)


def _at_least_one(coins: Floats, tokens: Floats) -> Floats:
    misses = np.log1p(-np.where(coins >= 1, 0.0, coins))
    return np.asarray(-np.expm1(np.einsum("kc,c->k", misses, tokens)), dtype=np.float64)


def _all_of_them(coins: Floats, tokens: Floats) -> Floats:
    hits = np.log(np.where(coins > 0, coins, 1.0))
    return np.asarray(np.exp(np.einsum("kc,c->k", hits, tokens)), dtype=np.float64)


def _between(coins: Floats, tokens: Floats, shared: Floats) -> Floats:
    """Return the tails of overlaps that are neither certain nor at the ends of their range."""
    tilt = _tilts(coins, tokens, shared)
    tilted = _tilted(coins, tilt)
    narrow = np.einsum("kc,c->k", tilted * (1 - tilted), tokens) < NARROW
    found = np.empty(len(shared))
    wide = ~narrow
    found[wide] = _saddlepoint(coins[wide], tokens, shared[wide], tilt[wide], tilted[wide])
    found[narrow] = _inverted(coins[narrow], tokens, shared[narrow], tilt[narrow])
    return found


def _saddlepoint(
    coins: Floats, tokens: Floats, shared: Floats, tilt: Floats, tilted: Floats
) -> Floats:
    spread = tilted * (1 - tilted)
    variance = np.einsum("kc,c->k", spread, tokens)
    third = np.einsum("kc,c->k", spread * (1 - 2 * tilted), tokens)
    fourth = np.einsum("kc,c->k", spread * (1 - 6 * spread), tokens)
    cumulant = np.einsum("kc,c->k", np.log1p(coins * np.expm1(tilt)[:, None]), tokens)
    w = np.sign(tilt) * np.sqrt(np.maximum(2 * (tilt * shared - cumulant), 0.0))
    deviation = np.sqrt(variance)
    skew, excess = third / deviation**3, fourth / variance**2
    near = np.abs(w) < CLOSE_TO_MEAN
    w_far, z = np.where(near, 1.0, w), np.where(near, 0.5, -np.expm1(-tilt))
    u = z * deviation
    first = 1 / u - 1 / w_far
    second = 1 / w_far**3 - 0.5 * (
        (5 * skew**2 / 12 - excess / 4) / u + skew * (1 - z) / u**2 + (1 - z) * (2 - z) / u**3
    )
    rest = np.where(near, 0.5 / deviation - skew / 6, first + second)
    from scipy.special import ndtr  # noqa: PLC0415 - 25 MB that only the pool's processes need

    return np.asarray(ndtr(-w) + np.exp(-w * w / 2) / ROOT_TAU * rest, dtype=np.float64)


def _inverted(coins: Floats, tokens: Floats, shared: Floats, tilt: Floats) -> Floats:
    """Return the tails by inverting the tilted generating function at INVERSION_POINTS points of a circle.

    Exact to 1e-10 where the tilted overlap is narrow, which is where a saddlepoint is not: a few tokens that nearly
    everybody trades and many that hardly anybody does.
    """
    away = np.where(np.abs(tilt) < TILT_MIN, TILT_MIN, tilt)
    total = np.zeros(len(shared))
    for point in range(INVERSION_POINTS // 2 + 1):
        tau = away + 2j * np.pi * point / INVERSION_POINTS
        cumulant = np.einsum("kc,c->k", np.log(1 + coins * (np.exp(tau) - 1)[:, None]), tokens)
        height = (np.exp(cumulant - tau * shared) / (1 - np.exp(-tau))).real
        total += height if point in {0, INVERSION_POINTS // 2} else 2 * height
    return np.asarray(total / INVERSION_POINTS + (away < 0), dtype=np.float64)


def _tilts(coins: Floats, tokens: Floats, shared: Floats) -> Floats:
    """Return the tilt of each row whose tilted mean is `shared`, (K,).

    Newton on the logarithm of the mean, which is nearly straight where coins are rare, inside a bracket that shrinks.
    """
    low, high = np.full(len(shared), -TILT_MAX), np.full(len(shared), TILT_MAX)
    tilt = np.log(shared / np.einsum("kc,c->k", coins, tokens))
    live = np.arange(len(shared))
    for _ in range(NEWTON_STEPS_MAX):
        tilted = _tilted(coins[live], tilt[live])
        mean = np.einsum("kc,c->k", tilted, tokens)
        variance = np.einsum("kc,c->k", tilted * (1 - tilted), tokens)
        off = np.abs(mean - shared[live]) > PRECISION * shared[live]
        live, mean, variance = live[off], mean[off], variance[off]
        if not len(live):
            break
        now, wanted = tilt[live], shared[live]
        high[live] = np.where(mean > wanted, now, high[live])
        low[live] = np.where(mean <= wanted, now, low[live])
        following = now - np.log(mean / wanted) * mean / np.maximum(variance, SMALLEST)
        outside = (following <= low[live]) | (following >= high[live])
        tilt[live] = np.where(outside, (low[live] + high[live]) / 2, following)
    return np.asarray(tilt, dtype=np.float64)


def _tilted(coins: Floats, tilt: Floats) -> Floats:
    grown = coins * np.exp(tilt)[:, None]
    return np.asarray(grown / (1 - coins + grown), dtype=np.float64)
