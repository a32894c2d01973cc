"""Holding times by first in, first out, the age of what is left, and how often a token is entered again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.core.behavior.averages import (
    HOUR_S,
    plain_mean,
    plain_median,
    ratio,
    weighted_mean,
    weighted_median,
)
from streamproc.core.behavior.records import Holding, OpenLots
from streamproc.core.pnl.lots import Lots
from streamproc.core.pnl.trades import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.pnl.lots import Lot, Part
    from streamproc.core.pnl.window import PricedTrade

_EXITED_AT_MOST: Final = 10**9  # one part in so many of the peak may be left after a full exit


class Held(NamedTuple):
    """A part of a lot that was sold: for how long it was held, and its cost when that is known."""

    seconds: int
    cost: int | None


class Walk(NamedTuple):
    """What matching all sales with the lots before them shows."""

    held: list[Held]  # parts whose two times are known
    open_lots: list[Lot]
    positions: int
    reentries: int


def walk(trades: Sequence[PricedTrade]) -> Walk:
    """Match sales with lots, mint by mint; a token of which a billionth of the peak is left counts as left."""
    held: list[Held] = []
    lots: dict[str, Lots] = {}
    peaks: dict[str, int] = {}  # of the position that is open; absent: none is
    entered: set[str] = set()
    positions = reentries = 0
    for trade, lamports in trades:
        queue = lots.setdefault(trade.mint, Lots())
        if trade.side is Side.BUY:
            if trade.mint not in peaks:
                positions += 1
                reentries += trade.mint in entered
                entered.add(trade.mint)
            queue.add(trade.amount, None if lamports is None else -lamports, time=trade.time)
            peaks[trade.mint] = max(peaks.get(trade.mint, 0), queue.units)
            continue
        held += _held(queue.take(trade.amount), trade.time)
        if queue.units * _EXITED_AT_MOST <= peaks.get(trade.mint, 0):
            peaks.pop(trade.mint, None)
    return Walk(held, [lot for each in lots.values() for lot in each.queue], positions, reentries)


def holding_of(held: Sequence[Held]) -> Holding:
    """The holding times of sold parts; a cost below zero (a buy that paid) weighs nothing."""
    priced = [(part.seconds / HOUR_S, max(0, part.cost)) for part in held if part.cost is not None]
    unpriced = [part.seconds / HOUR_S for part in held if part.cost is None]
    total = sum(weight for _, weight in priced)

    def under(hours: float) -> float | None:
        """The share of the cost that was held for less than so many hours."""
        return ratio(sum(weight for time, weight in priced if time < hours), total)

    beyond = ratio(sum(weight for time, weight in priced if time >= 168), total)  # noqa: PLR2004
    return Holding(
        parts=len(priced),
        mean_h=weighted_mean(priced),
        median_h=weighted_median(priced),
        under_half_hour_share=under(0.5),
        under_1h_share=under(1),
        under_4h_share=under(4),
        under_8h_share=under(8),
        under_24h_share=under(24),
        under_168h_share=under(168),
        beyond_168h_share=beyond,
        unpriced_parts=len(unpriced),
        unpriced_mean_h=plain_mean(unpriced),
        unpriced_median_h=plain_median(unpriced),
    )


def open_lots_of(lots: Sequence[Lot], at: int | None) -> OpenLots:
    """The age of open lots at that time; lots whose time is not known count, and have no age."""
    aged = [
        (max(0, at - lot.time) / HOUR_S, lot.cost)
        for lot in lots
        if at is not None and lot.time is not None
    ]
    return OpenLots(
        lots=len(lots),
        mean_age_h=weighted_mean([(age, max(0, cost)) for age, cost in aged if cost is not None]),
        oldest_age_h=max((age for age, _ in aged), default=None),
    )


def _held(parts: Sequence[Part], time: int | None) -> list[Held]:
    """The parts whose time in and time out are known; slots of one second can be out of order by it."""
    return [
        Held(max(0, time - part.time), part.cost)
        for part in parts
        if time is not None and part.time is not None
    ]
