"""Are two wallets closer in time than their company, or does one come within a day after the other too often?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.chance import overlap_tail
from streamproc.core.similarity.evidence.closeness import SCALES
from streamproc.core.similarity.evidence.company import LEAST_EXPECTED, Excess, levels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.closeness import Closeness, Scale
    from streamproc.core.similarity.evidence.following import Following
    from streamproc.core.similarity.scores.scores import Scores

    Counts = NDArray[np.integer]
    Floats = NDArray[np.float64]

LIFT_MIN: Final = 1.5  # of what was close over what should have been
TIMES_MIN: Final = 4  # mints: fewer say little however close
SHARE_MIN: Final = 0.1  # of the mints of the smaller wallet
SHARE_MIN_ALONE: Final = 0.5  # where too few wallets are known to see what launches and callers do
SIGNAL_LIFT_MIN: Final = 2.5  # of a common signal: plain bursts of trading stay below
SIGNAL_S: Final = 300  # a caller is followed within minutes
A_LEADS: Final = len(SCALES)  # numbers of the two tests of who follows whom within a day
B_LEADS: Final = A_LEADS + 1
TESTS: Final = len(SCALES) + 2


@dataclass(frozen=True, slots=True, eq=False)
class TimingTest:
    """The test of every pair. Arrays are (P,)."""

    p: Floats  # of the best scale, corrected for how many there are; 1 where too little is close
    p_alone: Floats  # the same as if nobody else were there
    scale: NDArray[np.int8]  # place in SCALES of the best one, or A_LEADS, B_LEADS
    close: NDArray[np.int32]  # mints close to each other on it
    expected: Floats  # and how many would be, by window (or season) and company
    near: NDArray[np.int32]  # mints within its window


def timing_test(
    counts: Sequence[Closeness], following: Following | None, scores: Scores, level: Floats
) -> TimingTest:
    """Return the test of all pairs; `level` is that of their overlaps.

    `following` is None where fewer wallets are known than a company needs.
    """
    a, b = scores.wallet_a, scores.wallet_b
    share = SHARE_MIN_ALONE if following is None else SHARE_MIN
    least = np.maximum(float(TIMES_MIN), share * np.minimum(scores.tokens[a], scores.tokens[b]))
    best, p_alone = _Best(len(a)), np.ones(len(a))
    for number, each in enumerate(counts):
        near, close = (m[a, b] for m in (each.near, each.close))
        expected = np.asarray(each.near * each.scale.chance, dtype=np.float64)
        chance = np.minimum(1.0, each.scale.chance * levels(each.close, expected, a, b))
        enough = (close >= least) & (close >= LIFT_MIN * chance * near)
        best.take(number, _tail(close, near, chance, enough), close, chance * near, near)
        p_alone = np.minimum(p_alone, _signal(each.scale, close, near, least))
    if following is not None:
        led = zip((A_LEADS, B_LEADS), _led(following, scores, level), strict=True)
        for number, (times, explained) in led:
            enough = (times >= least) & (times >= LIFT_MIN * explained)
            p = np.ones(len(a))
            p[enough] = overlap_tail(times[enough], explained[enough], np.zeros(enough.sum()))
            best.take(number, p, times, explained, scores.shared)
    return TimingTest(
        p=np.minimum(1.0, best.p * TESTS),
        p_alone=np.minimum(1.0, p_alone * TESTS),
        scale=best.number.astype(np.int8),
        close=best.close,
        expected=best.expected,
        near=best.near,
    )


class _Best:
    """What the test says that says most, by pair."""

    def __init__(self, pairs: int) -> None:
        self.p, self._weight = np.ones(pairs), np.full(pairs, np.inf)
        self.number, self.close, self.near = np.zeros((3, pairs), dtype=np.int32)
        self.expected = np.zeros(pairs)

    def take(self, number: int, p: Floats, close: Counts, expected: Floats, near: Counts) -> None:
        """Keep it where its p is smaller; where both are 1, where more is close."""
        self.p = np.minimum(self.p, p)
        weight = np.where(close > 0, p - close * 1e-9 - (close > expected) * 1e-3, 2.0)
        better = weight < self._weight
        self._weight = np.where(better, weight, self._weight)
        self.number = np.where(better, number, self.number)
        self.close, self.near = (
            np.where(better, close, self.close),
            np.where(better, near, self.near),
        )
        self.expected = np.where(better, expected, self.expected)


def _led(following: Following, scores: Scores, level: Floats) -> Iterator[tuple[Counts, Floats]]:
    """Yield how many mints the first (then the second) wallet of each pair leads by, and how many are explained."""
    leads = Excess(following.leads, following.leads_expected)
    follows = Excess(following.follows, following.follows_expected)
    for leader, other in ((scores.wallet_a, scores.wallet_b), (scores.wallet_b, scores.wallet_a)):
        both = np.maximum(leads.without(leader, other), follows.without(other, leader))
        explained = following.leads_expected[leader, other] * np.maximum(both, level)
        yield following.leads[leader, other], np.maximum(explained, LEAST_EXPECTED)


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
