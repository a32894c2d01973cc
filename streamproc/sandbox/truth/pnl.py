"""What PnL and balances of a generated wallet truly are: slow, obvious, in integers and fractions, from stated intents.

Nothing of `streamproc.core` is used here, so that the two can be compared.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known
from streamproc.sandbox.truth.lots import Lot, Row
from streamproc.sandbox.truth.rates import SolView, Terms
from streamproc.sandbox.truth.statistics import closed_figures, realized_days
from streamproc.sandbox.truth.unread import true_unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import Json
    from streamproc.sandbox.chain.intent import TrueEntry, TrueTrade

FLOW_KINDS: Final = frozenset({"buy", "sell", "token_swap", "order_filled", "quote_swap"})


def true_pnl(entries: Sequence[TrueEntry], terms: Terms) -> Json:
    """Return a wallet's PnL with the fields of the published record; entries in block order."""
    read = [entry for entry in entries if terms.until is None or entry.time <= terms.until]
    view = SolView(read, terms)
    rows: dict[str, Row] = {}
    sources = dict.fromkeys(("own_swaps", "history", "current", "missing"), 0)
    for entry in read:
        counted = terms.counts(entry.time)
        for trade in entry.trades:
            lamports, source = view.of(trade)
            if source is not None and counted:
                sources[source] += 1
            _trade(rows.setdefault(trade.mint, Row(trade.mint)), trade, lamports, counted=counted)
        if not entry.trades:
            _move(rows, entry, counted=counted)
    trips = [entry for entry in read if entry.kind == "round_trip" and terms.counts(entry.time)]
    unread = true_unread((entry for entry in read if terms.counts(entry.time)), view)
    return _record(rows, read, terms, sources, _round_trips(trips, view)) | {"unread": unread}


def _move(rows: dict[str, Row], entry: TrueEntry, *, counted: bool) -> None:
    """Let units come without basis, or leave at cost."""
    for mint, units in entry.deltas.items():
        if mint in known.QUOTES:
            continue
        row = rows.setdefault(mint, Row(mint))
        if units > 0:
            row.put(Lot(units, None))
        else:
            row.take(-units)
        if counted:
            row.moved = True
            row.received += max(0, units)
            row.sent += max(0, -units)


def _trade(row: Row, trade: TrueTrade, lamports: int | None, *, counted: bool) -> None:
    """Let a trade move the lots; count it when it is in the window."""
    realized = unknown = 0
    in_quotes: dict[str, int] = {}
    priced = trade.confidence != "unpriced"
    row.has_unpriced = row.has_unpriced or lamports is None
    if trade.side == "buy":
        paid = {mint: -units for mint, units in trade.quotes.items() if units < 0}
        quotes = paid if priced else {}
        row.was_bought = True
        row.put(Lot(trade.amount, None if lamports is None else -lamports, quotes))
    else:
        taken = row.take(trade.amount)
        if counted:
            row.sold_with_basis += sum(lot.units for lot in taken if lot.cost is not None)
        if lamports is not None:
            realized, unknown = _sold(taken, trade.amount, lamports)
        if priced:
            in_quotes = {
                mint: _sold_in(taken, trade.amount, mint, n) for mint, n in trade.quotes.items()
            }
    if counted:
        row.realize(realized - trade.fees, trade.time)
        row.unknown_basis_proceeds_lamports += unknown
        _count(row, trade, lamports, in_quotes)


def _sold(taken: list[Lot], sold: int, proceeds: int) -> tuple[int, int]:
    """Return profit before fees and the proceeds of units without basis."""
    costs = [lot.cost for lot in taken if lot.cost is not None]
    with_basis = sum(lot.units for lot in taken if lot.cost is not None)
    unknown = proceeds * (sold - with_basis) // sold
    return proceeds - unknown - sum(costs), unknown


def _sold_in(taken: list[Lot], sold: int, quote: str, proceeds: int) -> int:
    """Return profit in one currency on the units that were bought in it."""
    same = [lot for lot in taken if quote in lot.quotes]
    return proceeds * sum(lot.units for lot in same) // sold - sum(
        lot.quotes[quote] for lot in same
    )


def _count(row: Row, trade: TrueTrade, lamports: int | None, in_quotes: dict[str, int]) -> None:
    row.moved = True
    row.fees_lamports += trade.fees
    row.times.append(trade.time)
    if trade.side == "buy":
        row.bought += trade.amount
        row.buys += 1
    else:
        row.sold += trade.amount
        row.sells += 1
    row.spent_lamports += max(0, -(lamports or 0))
    row.received_lamports += max(0, lamports or 0)
    if trade.confidence == "unpriced":
        return
    for mint, units in trade.quotes.items():
        figures = row.quotes.setdefault(mint, {"spent": 0, "received": 0, "realized": 0})
        figures["spent"] += max(0, -units)
        figures["received"] += max(0, units)
        figures["realized"] += in_quotes.get(mint, 0)


def _unrealized(row: Row, terms: Terms) -> int | None:
    """Return what lots with basis would bring above their cost: 0 when nothing is open, None without a price."""
    if not row.open_units:
        return 0
    price = terms.lamports_per_unit(row.mint)
    if price is None:
        return None
    return round(
        sum((lot.units * price - lot.cost for lot in row.lots if lot.cost is not None), Fraction())
    )


def _shown(row: Row, terms: Terms) -> Json:
    """Return a row as it is published: token amounts as text, lamports as numbers."""
    return {
        "mint": row.mint,
        "decimals": terms.decimals[row.mint],
        "bought": str(row.bought),
        "sold": str(row.sold),
        "received": str(row.received),
        "sent": str(row.sent),
        "spent_lamports": row.spent_lamports,
        "received_lamports": row.received_lamports,
        "fees_lamports": row.fees_lamports,
        "realized_lamports": row.realized_lamports,
        "unrealized_lamports": _unrealized(row, terms),
        "unknown_basis_proceeds_lamports": row.unknown_basis_proceeds_lamports,
        "open_amount": str(row.open_units),
        "open_cost_lamports": sum(lot.cost or 0 for lot in row.lots),
        "trades": row.buys + row.sells,
        "first_trade_at": min(row.times, default=None),
        "last_trade_at": max(row.times, default=None),
        "quotes": {
            mint: {k: str(v) for k, v in figures.items()} for mint, figures in row.quotes.items()
        },
    }


def _round_trips(trips: list[TrueEntry], view: SolView) -> tuple[dict[str, int], int]:
    """Return what round trips gained of each quote, and in SOL."""
    legs: dict[str, int] = {}
    lamports = 0
    for trip in trips:
        gained = {**trip.deltas, **({known.WSOL: trip.trade_sol} if trip.trade_sol else {})}
        worth, _ = view.worth(gained, trip.time)
        lamports += worth or 0
        for mint, units in gained.items():
            legs[mint] = legs.get(mint, 0) + units
    return legs, lamports


def _record(
    rows: dict[str, Row],
    entries: list[TrueEntry],
    terms: Terms,
    sources: dict[str, int],
    trips: tuple[dict[str, int], int],
) -> Json:
    """Return the whole wallet's record: sums over its rows, and the rows that moved in the window."""
    legs, trip_lamports = trips
    counted = [row for row in rows.values() if row.moved]
    closed = [row for row in counted if row.is_closed]
    tokens = _tokens(counted, terms)
    realized, unrealized = sum(row.realized_lamports for row in counted), _total_unrealized(tokens)
    return {
        "volume_lamports": sum(t["spent_lamports"] + t["received_lamports"] for t in tokens),
        "realized_lamports": realized,
        "unrealized_lamports": unrealized,
        "net_lamports": realized + (unrealized or 0) + trip_lamports,
        "fees_lamports": sum(row.fees_lamports for row in counted),
        "wallet_costs_lamports": sum(
            e.costs for e in entries if not e.trades and terms.counts(e.time)
        ),
        "unknown_basis_proceeds_lamports": sum(
            row.unknown_basis_proceeds_lamports for row in counted
        ),
        "stable_net_flow": _stable_flow(entries, terms),
        "trades": sum(row.buys + row.sells for row in counted),
        "buys": sum(row.buys for row in counted),
        "sells": sum(row.sells for row in counted),
        "tokens_traded": sum(1 for row in counted if row.buys or row.sells),
        **closed_figures(
            [row.realized_lamports for row in closed if row.is_known],
            sum(not row.is_known for row in closed),
        ),
        "round_trips": {mint: str(units) for mint, units in legs.items() if units},
        "round_trip_lamports": trip_lamports,
        "rate_sources": sources,
        "realized_by_day": realized_days([row.realized_by_day for row in counted]),
        "tokens": tokens,
    }


def _tokens(counted: list[Row], terms: Terms) -> list[Json]:
    """Return the rows as published, those that gained or lost most first."""
    tokens = [_shown(row, terms) for row in counted]
    return sorted(tokens, key=lambda token: (-abs(token["realized_lamports"]), token["mint"]))


def _total_unrealized(tokens: list[Json]) -> int | None:
    """Return the sum of what is known; None when there are tokens and none is."""
    known_unrealized = [
        t["unrealized_lamports"] for t in tokens if t["unrealized_lamports"] is not None
    ]
    return sum(known_unrealized) if known_unrealized or not tokens else None


def _stable_flow(entries: list[TrueEntry], terms: Terms) -> dict[str, str]:
    flow: dict[str, int] = {}
    for entry in entries:
        if entry.kind in FLOW_KINDS and terms.counts(entry.time):
            for mint, units in entry.deltas.items():
                if mint in known.STABLES:
                    flow[mint] = flow.get(mint, 0) + units
    return {mint: str(units) for mint, units in flow.items() if units}
