"""The SOL view: what stables were worth in lamports at a time, and where that is known from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.core.chain.solana import LAMPORTS_PER_SOL, STABLE_UNIT, STABLES, WSOL
from streamproc.core.ledger.entries import Kind, quote_legs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamproc.core.ledger.entries import Entry
    from streamproc.core.pnl.trades import Trade


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

    @property
    def dollars(self) -> Fraction:
        """The price of one SOL in this exchange."""
        return Fraction(self.stable_units * LAMPORTS_PER_SOL, self.lamports * STABLE_UNIT)


@dataclass(frozen=True, slots=True)
class Rates:
    """Everything that prices stables of one wallet."""

    own_swaps: tuple[OwnSwap, ...] = ()  # those that are rates, by (time, signature)
    prices: SolPrices = SolPrices()


class SolView(NamedTuple):
    """Quotes in lamports: paid < 0. None without a rate; `source` is None when no stable is in them."""

    lamports: int | None
    source: RateSource | None


_LAMPORTS_PER_STABLE_UNIT: Final = Fraction(
    LAMPORTS_PER_SOL, STABLE_UNIT
)  # at one dollar for a SOL
_NEAR_HISTORY: Final = Fraction(5, 4)  # times the configured price, or a part of it, at most
_NEAR_OTHERS: Final = Fraction(2)  # times the median of the wallet's other exchanges
_JUDGES_MIN: Final = 3  # fewer others say nothing about one


def rates_from_entries(entries: Iterable[Entry], prices: SolPrices | None = None) -> Rates:
    """The wallet's own rates; any stable prices all.

    A candidate is a quote swap of at least one stable whose time is known, and no remainder of something larger (see
    `Entry.is_remainder`). It is a rate within a factor 1.25 of the configured history at its time; without a history
    that reaches it, within a factor 2 of the median of the wallet's other candidates at most 30 days away, where there
    are three or more; with fewer there is nothing to judge by, and it stands. A deposit and a loan in one transaction
    look like an exchange, at a price that nobody would pay.
    """
    prices = prices or SolPrices()
    candidates = sorted(swap for entry in entries if (swap := own_swap(entry)) is not None)
    judged = []
    for swap, median in zip(candidates, _medians_of_others(candidates, prices), strict=True):
        historic = _historic(swap.time, prices.history)
        if historic is not None:
            is_rate = _is_within(swap.dollars, historic, _NEAR_HISTORY)
        else:
            is_rate = median is None or _is_within(swap.dollars, median, _NEAR_OTHERS)
        if is_rate:
            judged.append(swap)
    return Rates(tuple(judged), prices)


def own_swap(entry: Entry) -> OwnSwap | None:
    """The exchange that may be a rate, None when the entry is no candidate for one."""
    if entry.kind is not Kind.QUOTE_SWAP or entry.time is None or entry.is_remainder:
        return None
    legs = quote_legs(entry.trade_sol, entry.deltas, is_mirrored=entry.is_mirrored)
    units = sum(abs(units) for mint, units in legs.items() if mint in STABLES)
    if units < STABLE_UNIT:
        return None
    return OwnSwap(entry.time, entry.signature, abs(entry.trade_sol), units)


def sol_view(trade: Trade, rates: Rates) -> SolView:
    """A trade's quotes in lamports; unpriced trades have none."""
    return view_of(trade.quotes, trade.time, rates) if trade.is_priced else SolView(None, None)


def view_of(quotes: Mapping[str, int], time: int | None, rates: Rates) -> SolView:
    """Quotes of one moment in lamports, rounded half to even once."""
    lamports = quotes.get(WSOL, 0)
    stables = [units for mint, units in quotes.items() if mint in STABLES]
    if not stables:
        return SolView(lamports, None)
    rate, source = _lamports_per_stable_unit(time, rates)
    if rate is None:
        return SolView(None, source)
    return SolView(round(lamports + sum(stables) * rate), source)


def _medians_of_others(swaps: Sequence[OwnSwap], prices: SolPrices) -> list[Fraction | None]:
    """For each exchange, in the order of time, the median price of the others near it; None of fewer than three.

    None as well where a history judges. A window moves over ranks, so that a market maker's history stays cheap.
    """
    if len(swaps) <= _JUDGES_MIN:
        return [None] * len(swaps)
    # A quotient of integers is rounded once, so floats order what differs and exact prices order the rest.
    order = sorted(range(len(swaps)), key=lambda place: _sortable(swaps[place]))
    ranks = {place: rank for rank, place in enumerate(order)}
    near: list[int] = []
    medians: list[Fraction | None] = []
    first = last = 0
    for place, swap in enumerate(swaps):
        while last < len(swaps) and swaps[last].time - swap.time <= limits.RATE_JUDGES_REACH_S:
            insort(near, ranks[last])
            last += 1
        while swap.time - swaps[first].time > limits.RATE_JUDGES_REACH_S:
            del near[bisect_left(near, ranks[first])]
            first += 1
        at = bisect_left(near, ranks[place])
        others = len(near) - 1
        if others < _JUDGES_MIN or _historic(swap.time, prices.history) is not None:
            medians.append(None)
            continue
        middle = [half + (half >= at) for half in ((others - 1) // 2, others // 2)]
        medians.append(sum(swaps[order[near[each]]].dollars for each in middle) / Fraction(2))
    return medians


def _is_within(one: Fraction, other: Fraction, factor: Fraction) -> bool:
    """Whether neither price is more than so many times the other."""
    return one <= other * factor and other <= one * factor


def _sortable(swap: OwnSwap) -> tuple[float, Fraction]:
    """What orders exchanges by price exactly and fast."""
    price = swap.dollars
    return price.numerator / price.denominator, price


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
