"""Profit and loss of one wallet: entries in, exact integers out; market values are added later.

Lamports are the SOL view of a wallet's trades; `quotes` holds the same per currency, without any rate. What nobody
knows is None, and a ratio without a denominator too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from streamproc.core.chain.solana import LAMPORTS_PER_SOL, STABLES
from streamproc.core.ledger.entries import Kind, token_deltas
from streamproc.core.pnl.position import Position
from streamproc.core.pnl.rates import RateSource
from streamproc.core.pnl.records import QuotePnl, RealizedDay, TokenPnl, WalletPnl
from streamproc.core.pnl.rounding import (
    half_even_deviation,
    half_even_median,
    half_even_trimmed_mean,
)
from streamproc.core.pnl.unread import Unread, unread_in
from streamproc.core.pnl.window import priced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from streamproc.core.ledger.entries import Entry
    from streamproc.core.pnl.rates import SolPrices
    from streamproc.core.pnl.window import Step


@dataclass(slots=True)
class _Books:
    """What is summed while a wallet's entries go by."""

    positions: dict[str, Position] = field(default_factory=dict)
    realized_by_day: dict[int | None, int] = field(default_factory=dict)
    wallet_costs: int = 0
    stable_flow: dict[str, int] = field(default_factory=dict)
    round_trips: dict[str, int] = field(default_factory=dict)
    round_trip_views: list[int | None] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=lambda: {each.value: 0 for each in Unread})
    sources: dict[str, int] = field(
        default_factory=lambda: {source.value: 0 for source in RateSource}
    )

    def position(self, mint: str) -> Position:
        """The position of this mint, opened when it is new."""
        found = self.positions.get(mint)
        if found is None:
            found = self.positions[mint] = Position(mint, self.realized_by_day)
        return found


def wallet_pnl(
    entries: Iterable[Entry],
    wallet: str,
    *,
    decimals: Mapping[str, int],
    prices: SolPrices | None = None,
    since: int | None = None,
    until: int | None = None,
) -> WalletPnl:
    """The wallet's profit and loss over the window, both ends included; `unrealized` of open rows is None.

    Entries before the window give basis and are not counted; entries after it are not read.
    """
    steps = priced(entries, wallet, prices=prices, since=since, until=until)
    return pnl_of(steps, decimals=decimals)


def pnl_of(steps: Sequence[Step], *, decimals: Mapping[str, int]) -> WalletPnl:
    """As `wallet_pnl`, of a window that is priced already."""
    books = _Books()
    for step in steps:
        _book(books, step)
        if step.is_counted:
            _count(books, step)
    rows = [_row(each, decimals) for each in books.positions.values() if each.is_counted]
    rows.sort(key=lambda row: (-abs(row.realized_lamports), row.mint))
    return _totals(books, tuple(rows))


def with_market_values(
    pnl: WalletPnl, prices: Mapping[str, Fraction | Decimal], sol_usd: Fraction | Decimal | None
) -> WalletPnl:
    """The same figures with what is open valued at US dollar prices of whole tokens.

    `unrealized` = value of units with basis - their cost, rounded half to even once a row: 0 when nothing is open, None
    when something is and the token's price or decimals or the price of SOL (not above 0) are not known. The wallet sums
    what is known, None when there are rows and none is known.
    """
    rows = tuple(
        replace(row, unrealized_lamports=_unrealized(row, prices.get(row.mint), sol_usd))
        for row in pnl.tokens
    )
    return _with_unrealized(replace(pnl, tokens=rows))


def _book(books: _Books, step: Step) -> None:
    """Work one entry into its positions: as trades, or as moves of lots."""
    for trade, view in zip(step.trades, step.views, strict=True):
        books.position(trade.mint).trade(trade, view.lamports, is_counted=step.is_counted)
    if not step.trades:
        for mint, units in token_deltas(step.entry):
            books.position(mint).move(units, is_counted=step.is_counted)


def _count(books: _Books, step: Step) -> None:
    """Add an entry of the window to the wallet's own sums."""
    entry = step.entry
    for view in step.views:
        if view.source is not None:
            books.sources[view.source] += 1
    if not step.trades:
        books.wallet_costs += entry.network_fee + entry.tips
    if step.trades or entry.kind is Kind.QUOTE_SWAP:
        stables = ((mint, units) for mint, units in entry.deltas if mint in STABLES)
        _add(books.stable_flow, stables)
    if step.round_trip is not None:
        _add(books.round_trips, entry.round_trips.items())
        books.round_trip_views.append(step.round_trip.lamports)
    for key in unread_in(step):
        books.unread[key] += 1


def _add(sums: dict[str, int], changes: Iterable[tuple[str, int]]) -> None:
    """Add signed units to sums by mint."""
    for mint, units in changes:
        sums[mint] = sums.get(mint, 0) + units


def _row(position: Position, decimals: Mapping[str, int]) -> TokenPnl:
    """A position's row."""
    first_buy = position.first_buy
    return TokenPnl(
        mint=position.mint,
        decimals=decimals.get(position.mint),
        bought=position.bought,
        sold=position.sold,
        received=position.received,
        sent=position.sent,
        spent_lamports=position.spent,
        received_lamports=position.earned,
        fees_lamports=position.fees,
        realized_lamports=position.realized,
        unrealized_lamports=None if position.lots.units else 0,
        unknown_basis_proceeds_lamports=position.unknown_basis_proceeds,
        open_amount=position.lots.units,
        open_cost_lamports=position.lots.cost,
        open_basis_amount=position.lots.known_units,
        buy_cost_lamports=position.buy_cost,
        trades=position.buys + position.sells,
        buys=position.buys,
        sells=position.sells,
        first_trade_at=min(position.times, default=None),
        last_trade_at=max(position.times, default=None),
        first_sell_at=position.first_sell_at,
        first_buy_at=first_buy.time if first_buy else None,
        first_buy_slot=first_buy.slot if first_buy else None,
        first_buy_signature=first_buy.signature if first_buy else None,
        is_closed=position.is_closed,
        is_result_known=position.is_result_known,
        quotes={
            mint: QuotePnl(sums.spent, sums.received, sums.realized)
            for mint, sums in sorted(position.quotes.items())
        },
    )


def _totals(books: _Books, rows: tuple[TokenPnl, ...]) -> WalletPnl:
    """The wallet's figures over its rows."""
    realized = sum(row.realized_lamports for row in rows)
    closed = [row for row in rows if row.is_closed]
    results = [row.realized_lamports for row in closed if row.is_result_known]
    won = sum(result > 0 for result in results)
    return _with_unrealized(
        WalletPnl(
            volume_lamports=sum(row.spent_lamports + row.received_lamports for row in rows),
            realized_lamports=realized,
            unrealized_lamports=None,
            net_lamports=realized,
            fees_lamports=sum(row.fees_lamports for row in rows),
            wallet_costs_lamports=books.wallet_costs,
            unknown_basis_proceeds_lamports=sum(
                row.unknown_basis_proceeds_lamports for row in rows
            ),
            stable_net_flow=_moved(books.stable_flow),
            trades=sum(row.trades for row in rows),
            buys=sum(row.buys for row in rows),
            sells=sum(row.sells for row in rows),
            tokens_traded=sum(row.trades > 0 for row in rows),
            closed_positions=len(closed),
            closed_unknown=len(closed) - len(results),
            round_trips=_moved(books.round_trips),
            round_trip_lamports=_known_sum(books.round_trip_views),
            unread=books.unread,
            winning_positions=won,
            losing_positions=sum(result < 0 for result in results),
            win_rate=won / len(results) if results else None,
            median_closed_lamports=half_even_median(results),
            trimmed_mean_closed_lamports=half_even_trimmed_mean(results),
            std_closed_lamports=half_even_deviation(results),
            rate_sources=books.sources,
            realized_by_day=_days(books.realized_by_day),
            tokens=rows,
        )
    )


def _days(sums: Mapping[int | None, int]) -> tuple[RealizedDay, ...]:
    """The days that do not add up to nothing, the earliest first, before them what has no time."""
    days = [RealizedDay(day_at, lamports) for day_at, lamports in sums.items() if lamports]
    return tuple(sorted(days, key=lambda day: (day.day_at is not None, day.day_at or 0)))


def _unrealized(
    row: TokenPnl, price: Fraction | Decimal | None, sol_usd: Fraction | Decimal | None
) -> int | None:
    """What selling the row's units with basis at this price would add, in lamports."""
    if row.open_amount == 0:
        return 0
    if price is None or row.decimals is None or sol_usd is None or sol_usd <= 0:
        return None
    tokens = Fraction(row.open_basis_amount, 10**row.decimals)
    value = tokens * Fraction(price) / Fraction(sol_usd) * LAMPORTS_PER_SOL
    return round(value - row.open_cost_lamports)


def _with_unrealized(pnl: WalletPnl) -> WalletPnl:
    """The totals that follow from the rows' unrealized figures."""
    unrealized = _known_sum([row.unrealized_lamports for row in pnl.tokens])
    return replace(
        pnl,
        unrealized_lamports=unrealized,
        net_lamports=net_of(pnl.realized_lamports, unrealized, pnl.round_trip_lamports),
    )


def net_of(realized: int, unrealized: int | None, round_trips: int | None) -> int:
    """What a wallet made in all: what is not known adds nothing."""
    return realized + (unrealized or 0) + (round_trips or 0)


def _known_sum(values: Sequence[int | None]) -> int | None:
    """The sum of what is known, None when there is something and none of it is."""
    known = [value for value in values if value is not None]
    return sum(known) if known or not values else None


def _moved(sums: Mapping[str, int]) -> dict[str, int]:
    """The sums that are not zero, by mint."""
    return {mint: units for mint, units in sorted(sums.items()) if units}
