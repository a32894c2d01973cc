"""Completed cycles: from the first buy of a token until nearly all of it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.core.behavior.averages import HOUR_S, plain_mean, plain_median, weighted_mean
from streamproc.core.behavior.records import Cycles
from streamproc.core.pnl.trades import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.pnl.window import PricedTrade

_LEFT_AT_MOST: Final = 5  # one part in five of the running peak: 20 %
_GRADUAL_SELLS: Final = 2


class Cycle(NamedTuple):
    """One completed cycle of one token."""

    hold_s: int | None  # None when a time is not known
    cost: int  # lamports of its priced buys
    sells: int


class _Open:
    """A cycle that is not complete."""

    def __init__(self, start: int | None) -> None:
        self.start = start
        self.units = (
            0  # bought in this cycle and not sold; what an earlier one left over does not count
        )
        self.peak = 0
        self.cost = 0
        self.sells = 0


def completed_cycles(trades: Sequence[PricedTrade]) -> list[Cycle]:
    """All completed cycles in the order in which they ended."""
    cycles = []
    running: dict[str, _Open] = {}
    for trade, lamports in trades:
        if trade.side is Side.BUY:
            cycle = running.setdefault(trade.mint, _Open(trade.time))
            cycle.units += trade.amount
            cycle.peak = max(cycle.peak, cycle.units)
            cycle.cost += max(0, -(lamports or 0))
        elif trade.mint in running:
            cycle = running[trade.mint]
            cycle.units = max(0, cycle.units - trade.amount)
            cycle.sells += 1
            if cycle.units * _LEFT_AT_MOST <= cycle.peak:
                del running[trade.mint]
                cycles.append(Cycle(_between(cycle.start, trade.time), cycle.cost, cycle.sells))
    return cycles


def holds_h(cycles: Sequence[Cycle]) -> list[float]:
    """The known durations, in hours."""
    return [cycle.hold_s / HOUR_S for cycle in cycles if cycle.hold_s is not None]


def cycles_of(cycles: Sequence[Cycle]) -> Cycles:
    """The figures of completed cycles."""
    weighted = [(cycle.hold_s / HOUR_S, cycle.cost) for cycle in cycles if cycle.hold_s is not None]
    mean_sells = plain_mean([cycle.sells for cycle in cycles])
    pattern = None
    if mean_sells is not None:
        pattern = "gradual" if mean_sells > _GRADUAL_SELLS else "at_once"
    return Cycles(
        count=len(cycles),
        median_hold_h=plain_median(holds_h(cycles)),
        mean_hold_h=weighted_mean(weighted),
        mean_sells=mean_sells,
        exit_pattern=pattern,
    )


def _between(start: int | None, end: int | None) -> int | None:
    """Seconds from start to end, never negative."""
    return None if start is None or end is None else max(0, end - start)
