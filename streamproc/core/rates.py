"""The SOL view: what stables of a trade were worth in lamports at its time, and where that is known from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.core.entries import Kind
from streamproc.core.solana import LAMPORTS_PER_SOL, STABLE_UNIT, STABLES, WSOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.entries import Entry
    from streamproc.core.trades import Trade


class RateSource(StrEnum):
    """Where the price of a stable in SOL was taken from."""

    OWN_SWAPS = "own_swaps"  # the wallet's own exchange of SOL and a stable, near in time
    HISTORY = "history"  # a configured price history
    CURRENT = "current"  # today's price, for want of a better one
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SolPrices:
    """US dollars for one SOL, from outside; a stable counts as one dollar."""

    history: tuple[tuple[int, Fraction], ...] = ()  # (unix seconds, price > 0), by time
    current: Fraction | None = None


class OwnSwap(NamedTuple):
    """One exchange of SOL and a stable by the wallet itself."""

    time: int
    signature: str
    lamports: int  # > 0
    stable_units: int  # > 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Everything that prices stables of one wallet."""

    own_swaps: tuple[OwnSwap, ...] = ()  # by (time, signature)
    prices: SolPrices = SolPrices()


class SolView(NamedTuple):
    """A trade's quotes in lamports: paid < 0. None without a rate; `source` is None when no stable is in it."""

    lamports: int | None
    source: RateSource | None


_LAMPORTS_PER_STABLE_UNIT: Final = Fraction(
    LAMPORTS_PER_SOL, STABLE_UNIT
)  # at one dollar for a SOL


def rates_from_entries(entries: Iterable[Entry], prices: SolPrices | None = None) -> Rates:
    """The wallet's own rates: quote swaps of at least one stable whose time is known; either stable prices both."""
    swaps = []
    for entry in entries:
        if entry.kind is not Kind.QUOTE_SWAP or entry.time is None:
            continue
        units = sum(abs(units) for mint, units in entry.deltas if mint in STABLES)
        if units >= STABLE_UNIT:
            swaps.append(OwnSwap(entry.time, entry.signature, abs(entry.trade_sol), units))
    return Rates(tuple(sorted(swaps)), prices or SolPrices())


def sol_view(trade: Trade, rates: Rates) -> SolView:
    """A trade's quotes in lamports, rounded half to even once; unpriced trades have none."""
    if not trade.is_priced:
        return SolView(None, None)
    lamports = trade.quotes.get(WSOL, 0)
    stables = [units for mint, units in trade.quotes.items() if mint in STABLES]
    if not stables:
        return SolView(lamports, None)
    rate, source = _lamports_per_stable_unit(trade.time, rates)
    if rate is None:
        return SolView(None, source)
    return SolView(round(lamports + sum(stables) * rate), source)


def _lamports_per_stable_unit(time: int | None, rates: Rates) -> tuple[Fraction | None, RateSource]:
    """The rate at that time, from the first source that has one."""
    if time is not None:
        swap = _nearest(time, rates.own_swaps)
        if swap is not None:
            return Fraction(swap.lamports, swap.stable_units), RateSource.OWN_SWAPS
        price = _historic(time, rates.prices.history)
        if price is not None:
            return _LAMPORTS_PER_STABLE_UNIT / price, RateSource.HISTORY
    if rates.prices.current is not None:
        return _LAMPORTS_PER_STABLE_UNIT / rates.prices.current, RateSource.CURRENT
    return None, RateSource.MISSING


def _nearest(time: int, swaps: tuple[OwnSwap, ...]) -> OwnSwap | None:
    """The swap nearest in time, at most six hours away: the earlier of two, then the smaller signature."""
    after = bisect_left(swaps, (time,))
    near = []
    if after > 0:
        # The first of all that happened in the same second as the last one before.
        near.append(swaps[bisect_left(swaps, (swaps[after - 1].time,))])
    if after < len(swaps):
        near.append(swaps[after])
    best = min(near, key=lambda swap: abs(swap.time - time), default=None)
    if best is None or abs(best.time - time) > limits.OWN_RATE_REACH_S:
        return None
    return best


def _historic(time: int, history: tuple[tuple[int, Fraction], ...]) -> Fraction | None:
    """The last price at or before that time; a history that ended long before says nothing about it."""
    place = bisect_right(history, time, key=lambda point: point[0])
    if place == 0 or time - history[place - 1][0] > limits.HISTORY_RATE_REACH_S:
        return None
    return history[place - 1][1]
