"""The part of a history that is looked at: entries up to an end, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamproc.core.entries import canonical_order
from streamproc.core.rates import SolPrices, rates_from_entries, sol_view
from streamproc.core.trades import trades_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.entries import Entry
    from streamproc.core.trades import Trade


class PricedTrade(NamedTuple):
    """A trade and its SOL view: lamports paid < 0, None when it has none."""

    trade: Trade
    lamports: int | None


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


def priced_trades(
    entries: Iterable[Entry],
    wallet: str,
    *,
    prices: SolPrices | None = None,
    since: int | None = None,
    until: int | None = None,
) -> list[PricedTrade]:
    """The trades of the window in canonical order, priced with the rates of all entries up to its end."""
    window = windowed(entries, since=since, until=until)
    rates = rates_from_entries((entry for entry, _ in window), prices)
    return [
        PricedTrade(trade, sol_view(trade, rates).lamports)
        for entry, is_counted in window
        if is_counted
        for trade in trades_of(entry, wallet)
    ]
