"""How often two wallets first bought the same mint at nearly the same moment, on several scales.

Of the purchases of one mint that lie within a window of each other, so many should lie within its twentieth if what
happens inside the window were all the same to the two: hours of the day, seasons and slow pumps are longer than the
window and cancel out (the interval jitter of Amarasingham et al. 2012, J. Neurophysiol. 107, 517-531).
Also counted is one wallet's first purchase against the other's first sale: who passes tokens on trades on opposite
sides at once. Wallets that are first in everything they buy come close to each other at every launch; between two such
wallets, purchases that nobody precedes do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from streamproc import limits
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.trading import Trading

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]


class Scale(NamedTuple):
    """Two moments are close when they are at most `close_s` apart, of those at most `window_s` apart."""

    close_s: int
    window_s: int
    is_opposite: bool  # a purchase against a sale

    @property
    def chance(self) -> float:
        """How likely two moments within the window are close: two points on a line of its length."""
        return 1 - (1 - self.close_s / self.window_s) ** 2


SCALES: Final = (
    Scale(15, 300, is_opposite=False),
    Scale(60, 1200, is_opposite=False),
    Scale(300, 6000, is_opposite=False),
    Scale(900, 18000, is_opposite=False),
    Scale(15, 300, is_opposite=True),
    Scale(60, 1200, is_opposite=True),
)
APART_S: Final = 600  # who bought that much earlier or later was not part of a launch
RUNNER_Z: Final = 3.0  # so many deviations more often first than by chance: a habit
MINT_SPAN: Final = np.int64(1) << 40  # seconds of one mint on a line of all mints


@dataclass(frozen=True, slots=True, eq=False)
class Closeness:
    """Counts of one scale, (W, company), symmetric inside the request."""

    scale: Scale
    near: NDArray[np.int32]  # mints within the window
    close: NDArray[np.int32]  # of those, within close_s


def closeness_of(trading: Trading) -> list[Closeness]:
    """Return the counts of every scale."""
    runner, is_front = runners(trading)
    found = []
    for is_opposite in (False, True):
        scales = [scale for scale in SCALES if scale.is_opposite is is_opposite]
        near, close = np.zeros((2, len(scales), trading.asked * trading.company), dtype=np.int32)
        for first, second, lag in _meetings(trading, scales[-1].window_s, is_opposite=is_opposite):
            a, b = trading.wallet[first], trading.wallet[second]
            if not is_opposite:
                kept = ~(runner[a] & runner[b] & (is_front[first] | is_front[second]))
                a, b, lag = a[kept], b[kept], lag[kept]  # noqa: PLW2901 - what is left of them
            low, high = np.minimum(a, b), np.maximum(a, b)
            cell = low * trading.company + high
            for number, scale in enumerate(scales):
                np.add.at(near[number], cell[lag <= scale.window_s], 1)
                np.add.at(close[number], cell[lag <= scale.close_s], 1)
        found += [
            Closeness(scale, _both_ways(near[number], trading), _both_ways(close[number], trading))
            for number, scale in enumerate(scales)
        ]
    return found


def runners(trading: Trading) -> tuple[Flags, Flags]:
    """Return who is habitually first, (wallets,), and which purchases nobody precedes, (cells,).

    Of a mint that n others bought at another time (more than APART_S away), a wallet comes first with the chance
    1 / (n + 1); a runner does so RUNNER_Z standard deviations more often than that.
    """
    cells, line = _in_line(trading, trading.bought, np.flatnonzero(trading.bought != NEVER))
    mint = trading.mint[cells]
    last = np.cumsum(np.bincount(mint, minlength=trading.mints))
    before = np.searchsorted(line, line - APART_S, side="left") - np.append(0, last)[mint]
    after = last[mint] - np.searchsorted(line, line + APART_S, side="right")
    is_front = np.zeros(len(trading.mint), dtype=np.bool_)
    is_front[cells] = before == 0
    others = np.zeros(len(trading.mint), dtype=np.int64)
    others[cells] = before + after
    asked = others > 0
    chance = 1 / (1.0 + others[asked])
    wallet = trading.wallet[asked]
    fronts = np.bincount(wallet, is_front[asked], minlength=trading.wallets)
    expected = np.bincount(wallet, chance, minlength=trading.wallets)
    spread = np.bincount(wallet, chance * (1 - chance), minlength=trading.wallets)
    return fronts - expected > RUNNER_Z * np.sqrt(spread + 0.25), is_front


def _meetings(
    trading: Trading, window_s: int, *, is_opposite: bool
) -> Iterator[tuple[Whole, Whole, Whole]]:
    """Yield cells of two wallets in one mint whose moments lie within the window, and the seconds between them.

    At least one of the two wallets is of the request and the other of its company; MEETINGS_AT_ONCE at a time.
    """
    other_at = trading.sold if is_opposite else trading.bought
    is_asked = np.zeros(trading.mints, dtype=np.bool_)
    is_asked[trading.mint[trading.wallet < trading.asked]] = True
    counted = (trading.wallet < trading.company) & is_asked[trading.mint]
    cells, own = _in_line(
        trading, trading.bought, np.flatnonzero(counted & (trading.bought != NEVER))
    )
    others, line, start = cells, own, np.arange(len(cells)) + 1
    if is_opposite:
        others, line = _in_line(trading, other_at, np.flatnonzero(counted & (other_at != NEVER)))
        start = np.searchsorted(line, own - window_s, side="left")
    counts = np.searchsorted(line, own + window_s, side="right") - start
    for low, high in parts_of(counts):
        many = counts[low:high]
        first = np.repeat(cells[low:high], many)
        shift = np.repeat(start[low:high] - (np.cumsum(many) - many), many)
        second = others[np.arange(len(first)) + shift]
        a, b = trading.wallet[first], trading.wallet[second]
        kept = (a != b) & (np.minimum(a, b) < trading.asked)
        first, second = first[kept], second[kept]
        yield first, second, np.abs(other_at[second] - trading.bought[first])


def _in_line(trading: Trading, at: Whole, cells: Whole) -> tuple[Whole, Whole]:
    """Return these cells in the order of mints and of moments `at`, (cells,), and their places on a line of both."""
    line = trading.mint[cells] * MINT_SPAN + at[cells]
    order = np.argsort(line, kind="stable")
    return cells[order], line[order]


def parts_of(counts: Whole) -> Iterator[tuple[int, int]]:
    """Yield spans of cells that have about MEETINGS_AT_ONCE meetings together (at most one cell's more)."""
    before = np.cumsum(counts) // limits.MEETINGS_AT_ONCE
    return pairwise([0, *(np.flatnonzero(np.diff(before)) + 1).tolist(), len(counts)])


def _both_ways(cells: NDArray[np.int32], trading: Trading) -> NDArray[np.int32]:
    """Return counts of pairs (lower, higher wallet) as a matrix that has each pair of the request twice."""
    found = cells.reshape(trading.asked, trading.company)
    inside = found[:, : trading.asked]
    inside += inside.T.copy()
    return found
