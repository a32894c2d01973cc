"""The part of a history that is looked at, read and priced once: for the figures and for the behavior alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streamproc.core.ledger.entries import Kind, canonical_order
from streamproc.core.pnl.rates import SolPrices, SolView, rates_from_entries, sol_view, view_of
from streamproc.core.pnl.trades import trades_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.core.ledger.entries import Entry
    from streamproc.core.pnl.trades import Trade


class PricedTrade(NamedTuple):
    """A trade and its SOL view: lamports paid < 0, None when it has none."""

    trade: Trade
    lamports: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the window, with what it is worth."""

    entry: Entry
    is_counted: bool  # not before `since`; earlier ones give basis and nothing else
    trades: tuple[Trade, ...]
    views: tuple[SolView, ...]  # of the trades
    round_trip: SolView | None  # of a round trip's quotes; None of all other kinds
    is_rate: bool  # an exchange of the wallet's own that prices stables


def windowed(
    entries: Iterable[Entry], *, since: int | None = None, until: int | None = None
) -> list[tuple[Entry, bool]]:
    """The entries up to `until` in canonical order, each with whether it counts: not before `since`.

    Both ends are included. An entry whose time is not known stands at the last known time before it, the first ones
    before everything.
    """
    window = []
    at: float = float("-inf")
    for entry in canonical_order(entries):
        at = at if entry.time is None else entry.time
        if until is None or at <= until:
            window.append((entry, since is None or at >= since))
    return window


def priced(
    entries: Iterable[Entry],
    wallet: str,
    *,
    prices: SolPrices | None = None,
    since: int | None = None,
    until: int | None = None,
) -> list[Step]:
    """The window's entries in canonical order with their trades, priced with the rates of all entries up to its end."""
    window = windowed(entries, since=since, until=until)
    rates = rates_from_entries((entry for entry, _ in window), prices)
    are_rates = {(swap.time, swap.signature) for swap in rates.own_swaps}
    steps = []
    for entry, is_counted in window:
        trades = tuple(trades_of(entry, wallet))
        views = tuple(sol_view(trade, rates) for trade in trades)
        is_trip = entry.kind is Kind.ROUND_TRIP
        round_trip = view_of(entry.round_trips, entry.time, rates) if is_trip else None
        is_rate = (entry.time, entry.signature) in are_rates
        steps.append(Step(entry, is_counted, trades, views, round_trip, is_rate))
    return steps


def counted_trades(steps: Sequence[Step]) -> list[PricedTrade]:
    """The trades that count, in canonical order."""
    return [
        PricedTrade(trade, view.lamports)
        for step in steps
        if step.is_counted
        for trade, view in zip(step.trades, step.views, strict=True)
    ]


def counted_round_trips(steps: Sequence[Step]) -> int:
    """How many round trips count."""
    return sum(step.is_counted and step.round_trip is not None for step in steps)
