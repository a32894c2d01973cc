"""Profit and loss of one wallet: entries in, exact integers out; market values are added later.

Lamports are the SOL view of a wallet's trades; `quotes` holds the same per currency, without any rate. A ratio without
a denominator is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from streamproc.core.entries import Kind, token_deltas
from streamproc.core.position import Position
from streamproc.core.rates import RateSource, SolPrices, rates_from_entries, sol_view
from streamproc.core.rounding import half_even_deviation, half_even_median, half_even_trimmed_mean
from streamproc.core.solana import LAMPORTS_PER_SOL, STABLES
from streamproc.core.trades import trades_of
from streamproc.core.window import windowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from streamproc.core.entries import Entry
    from streamproc.core.rates import Rates


@dataclass(frozen=True, slots=True)
class QuotePnl:
    """One currency of one token, in the currency's base units: only what was traded for it."""

    spent: int
    received: int
    realized: int  # units bought and sold in this same quote, without fees


@dataclass(frozen=True, slots=True)
class TokenPnl:
    """One row: a token that was traded, received or sent within the window.

    Amounts are base units. Counts and sums are of the window; `open_*` is what is left at its end of all that came in.
    """

    mint: str
    decimals: int | None
    bought: int
    sold: int
    received: int
    sent: int
    spent_lamports: int
    received_lamports: int
    fees_lamports: int
    realized_lamports: int
    unrealized_lamports: int | None
    unknown_basis_proceeds_lamports: int
    open_amount: int
    open_cost_lamports: int  # of lots with basis
    open_basis_amount: int  # units of lots with basis, the ones that are valued
    buy_cost_lamports: int  # of priced buys alone
    trades: int
    buys: int
    sells: int
    first_trade_at: int | None
    last_trade_at: int | None
    first_buy_at: int | None
    first_buy_slot: int | None
    first_buy_signature: str | None
    is_closed: bool
    quotes: Mapping[str, QuotePnl] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WalletPnl:
    """A wallet's totals, and its rows: largest |realized| first, then by mint."""

    volume_lamports: int
    realized_lamports: int
    unrealized_lamports: int | None
    net_lamports: int
    fees_lamports: int
    wallet_costs_lamports: int
    unknown_basis_proceeds_lamports: int
    stable_net_flow: Mapping[str, int]
    trades: int
    buys: int
    sells: int
    tokens_traded: int
    closed_positions: int
    winning_positions: int
    losing_positions: int
    win_rate: float | None
    median_closed_lamports: int | None
    trimmed_mean_closed_lamports: int | None
    std_closed_lamports: int | None
    rate_sources: Mapping[str, int]
    tokens: tuple[TokenPnl, ...]


@dataclass(slots=True)
class _Books:
    """What is summed while a wallet's entries go by."""

    positions: dict[str, Position] = field(default_factory=dict)
    wallet_costs: int = 0
    stable_flow: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(
        default_factory=lambda: {source.value: 0 for source in RateSource}
    )

    def position(self, mint: str) -> Position:
        """The position of this mint, opened when it is new."""
        return self.positions.setdefault(mint, Position(mint))


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
    window = windowed(entries, since=since, until=until)
    rates = rates_from_entries((entry for entry, _ in window), prices)
    books = _Books()
    for entry, is_counted in window:
        _book(books, entry, wallet, rates, is_counted=is_counted)
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


def _book(books: _Books, entry: Entry, wallet: str, rates: Rates, *, is_counted: bool) -> None:
    """Work one entry into the books: as trades, as moves of lots, or as a cost of the wallet."""
    trades = trades_of(entry, wallet)
    for trade in trades:
        view = sol_view(trade, rates)
        books.position(trade.mint).trade(trade, view.lamports, is_counted=is_counted)
        if is_counted and view.source is not None:
            books.sources[view.source] += 1
    if not trades:
        for mint, units in token_deltas(entry):
            books.position(mint).move(units, is_counted=is_counted)
        if is_counted:
            books.wallet_costs += entry.network_fee + entry.tips
    if is_counted and (trades or entry.kind is Kind.QUOTE_SWAP):
        for mint, units in entry.deltas:
            if mint in STABLES:
                books.stable_flow[mint] = books.stable_flow.get(mint, 0) + units


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
        first_buy_at=first_buy.time if first_buy else None,
        first_buy_slot=first_buy.slot if first_buy else None,
        first_buy_signature=first_buy.signature if first_buy else None,
        is_closed=position.is_closed,
        quotes={
            mint: QuotePnl(sums.spent, sums.received, sums.realized)
            for mint, sums in sorted(position.quotes.items())
        },
    )


def _totals(books: _Books, rows: tuple[TokenPnl, ...]) -> WalletPnl:
    """The wallet's figures over its rows."""
    realized = sum(row.realized_lamports for row in rows)
    closed = [row.realized_lamports for row in rows if row.is_closed]
    won = sum(result > 0 for result in closed)
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
            stable_net_flow={
                mint: units for mint, units in sorted(books.stable_flow.items()) if units
            },
            trades=sum(row.trades for row in rows),
            buys=sum(row.buys for row in rows),
            sells=sum(row.sells for row in rows),
            tokens_traded=sum(row.trades > 0 for row in rows),
            closed_positions=len(closed),
            winning_positions=won,
            losing_positions=sum(result < 0 for result in closed),
            win_rate=won / len(closed) if closed else None,
            median_closed_lamports=half_even_median(closed),
            trimmed_mean_closed_lamports=half_even_trimmed_mean(closed),
            std_closed_lamports=half_even_deviation(closed),
            rate_sources=books.sources,
            tokens=rows,
        )
    )


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
    known = [row.unrealized_lamports for row in pnl.tokens if row.unrealized_lamports is not None]
    unrealized = sum(known) if known or not pnl.tokens else None
    return replace(
        pnl, unrealized_lamports=unrealized, net_lamports=pnl.realized_lamports + (unrealized or 0)
    )
