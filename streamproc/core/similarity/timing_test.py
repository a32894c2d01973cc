"""Are the first purchases of two wallets closer in time than their company's?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.closeness import SCALES
from streamproc.core.similarity.company import levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.closeness import Closeness, Scale
    from streamproc.core.similarity.scores import Scores

    Floats = NDArray[np.float64]

LIFT_MIN: Final = 1.5  # of what was close over what should have been
TIMES_MIN: Final = 4  # mints: fewer say little however close
SHARE_MIN: Final = 0.1  # of the mints of the smaller wallet
SHARE_MIN_ALONE: Final = 0.5  # where too few wallets are known to see what launches and callers do
SIGNAL_LIFT_MIN: Final = 2.5  # of a common signal: plain bursts of trading stay below
SIGNAL_S: Final = 300  # a caller is followed within minutes


@dataclass(frozen=True, slots=True, eq=False)
class TimingTest:
    """The test of every pair. Arrays are (P,)."""

    p: Floats  # of the best scale, corrected for how many there are; 1 where too little is close
    p_alone: Floats  # the same as if nobody else were there
    scale: NDArray[np.int8]  # place in SCALES of the best one
    close: NDArray[np.int32]  # mints close to each other on it
    expected: Floats  # and how many would be, by window and company
    near: NDArray[np.int32]  # mints within its window


def timing_test(counts: Sequence[Closeness], scores: Scores, *, is_alone: bool) -> TimingTest:
    """Return the test of all pairs; `is_alone`: fewer wallets are known than a company needs."""
    pairs = len(scores.wallet_a)
    smaller = np.minimum(scores.tokens[scores.wallet_a], scores.tokens[scores.wallet_b])
    share = SHARE_MIN_ALONE if is_alone else SHARE_MIN
    least = np.maximum(float(TIMES_MIN), share * smaller)
    p, p_alone = np.ones((2, pairs))
    scale, close, near = np.zeros((3, pairs), dtype=np.int32)
    expected, best = np.zeros(pairs), np.full(pairs, np.inf)
    for number, each in enumerate(counts):
        wide, within = (m[scores.wallet_a, scores.wallet_b] for m in (each.near, each.close))
        by_window = each.scale.chance
        expected_close = np.asarray(each.near * by_window, dtype=np.float64)
        level = levels(each.close, expected_close, scores.wallet_a, scores.wallet_b)
        chance = np.minimum(1.0, by_window * level)
        here = _tail(within, wide, chance, (within >= least) & (within >= LIFT_MIN * chance * wide))
        p = np.minimum(p, here)
        p_alone = np.minimum(p_alone, _signal(each.scale, within, wide, least))
        weight = np.where(within > 0, here - within * 1e-9 - (within > chance * wide) * 1e-3, 2.0)
        better = weight < best
        best, scale = np.where(better, weight, best), np.where(better, number, scale)
        close, near = np.where(better, within, close), np.where(better, wide, near)
        expected = np.where(better, chance * wide, expected)
    tests = len(SCALES)
    return TimingTest(
        p=np.minimum(1.0, p * tests),
        p_alone=np.minimum(1.0, p_alone * tests),
        scale=scale.astype(np.int8),
        close=close,
        expected=expected,
        near=near,
    )


def _signal(
    scale: Scale, within: NDArray[np.int32], wide: NDArray[np.int32], least: Floats
) -> Floats:
    """Return the p of a scale as if there were no company; 1 where the scale is none of a caller."""
    if scale.is_opposite or scale.close_s > SIGNAL_S:
        return np.ones(len(within))
    enough = (within >= least) & (within >= SIGNAL_LIFT_MIN * scale.chance * wide)
    return _tail(within, wide, np.full(len(within), scale.chance), enough)


def _tail(
    within: NDArray[np.int32], wide: NDArray[np.int32], chance: Floats, asked: NDArray[np.bool_]
) -> Floats:
    """Return P(at least `within` of `wide`) where it is asked for, else 1; a binomial tail."""
    from scipy.special import betainc  # noqa: PLC0415 - 25 MB that only the pool's processes need

    found = np.ones(len(within))
    k, n = within[asked], wide[asked]
    found[asked] = np.maximum(betainc(k, n - k + 1.0, chance[asked]), np.finfo(np.float64).tiny)
    return found
