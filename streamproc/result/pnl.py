"""`wallets[].pnl`: what a wallet gained and lost."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from streamproc.units import (
    BaseUnits,
    Count,
    Decimals,
    Lamports,
    Share,
    Slot,
    UnixSeconds,
)


class QuoteFlows(TypedDict):
    """One currency of one token, exact: only what was traded for it. Base units of that currency."""

    spent: BaseUnits
    """What was paid."""

    received: BaseUnits
    """What came in."""

    realized: BaseUnits
    """Of units bought and sold in this same currency, without fees."""


class TokenRow(TypedDict):
    """One token that was traded, received or sent within the window."""

    mint: str
    """The token."""

    decimals: Decimals | None
    """Base units in a whole token, as a power of ten; null when nobody knows."""

    bought: BaseUnits
    """Came in by trades."""

    sold: BaseUnits
    """Left by trades."""

    received: BaseUnits
    """Came in by everything else."""

    sent: BaseUnits
    """Left by everything else."""

    spent_lamports: Lamports
    """The SOL view of what was paid."""

    received_lamports: Lamports
    """The SOL view of what was paid for what was sold."""

    fees_lamports: Lamports
    """Network fees and tips of its trades."""

    realized_lamports: Lamports
    """Profit of what was sold, fees taken off."""

    unrealized_lamports: Lamports | None
    """Profit of what is open, at today's prices; null without a price."""

    unknown_basis_proceeds_lamports: Lamports
    """What units sold for that have no known cost; no profit."""

    open_amount: BaseUnits
    """What is left at the end."""

    open_cost_lamports: Lamports
    """The cost of that part of it whose cost is known."""

    open_basis_amount: BaseUnits
    """That part."""

    buy_cost_lamports: Lamports
    """Spent on priced buys alone."""

    trades: Count
    """Buys and sells."""

    buys: Count
    """Trades by which it came in."""

    sells: Count
    """Trades by which it left."""

    first_trade_at: UnixSeconds | None
    """The first trade within the window; null without one that has a time."""

    last_trade_at: UnixSeconds | None
    """The last one."""

    first_sell_at: NotRequired[UnixSeconds | None]
    """The first sale within the window that has a time; null without one."""

    first_buy_at: UnixSeconds | None
    """The first buy within the window; null without one."""

    first_buy_slot: Slot | None
    """Its slot."""

    first_buy_signature: str | None
    """Its signature."""

    is_closed: bool
    """Bought at any time, sold within the window, nothing left."""

    is_result_known: bool
    """All of a closed position has a price, and some of what was sold a basis."""

    quotes: dict[str, QuoteFlows]
    """By the mint of the currency, exact."""


class RateSources(TypedDict):
    """Trades with a stable among their quotes, by where their SOL view comes from."""

    own_swaps: Count
    """The wallet's own exchanges of SOL and stables near them."""

    history: Count
    """A price history."""

    current: Count
    """Today's price."""

    missing: Count
    """Nowhere: without a SOL view."""


class UnreadCounts(TypedDict):
    """What is not read as a trader would wish, counted; see docs/analysis.md."""

    liquidity: Count
    """Deposits and withdrawals: no yield."""

    other: Count
    """Transactions that moved assets in no known way: no profit."""

    token_transfers: Count
    """Transfers of tokens: a second wallet's basis stays behind."""

    quote_transfers: Count
    """Transfers of SOL or a stable alone."""

    exchanges_without_rate: Count
    """Exchanges of SOL and a stable that price nothing."""

    unpriced_trades: Count
    """Trades without a price."""

    unpriced_round_trips: Count
    """Round trips of a stable without a rate: not in net."""


class RealizedDay(TypedDict):
    """What the wallet realized on one day."""

    day_at: UnixSeconds | None
    """When the day begins (UTC); null: trades whose time nobody knows."""

    realized_lamports: Lamports
    """Profit of what was sold on it, fees of its trades taken off."""


class Pnl(TypedDict):
    """A wallet's totals, and a row for each token."""

    volume_lamports: Lamports
    """Spent and received."""

    realized_lamports: Lamports
    """Profit of what was sold, fees taken off."""

    unrealized_lamports: Lamports | None
    """Profit of what is open, at today's prices; null when something is open and nothing has a price."""

    net_lamports: Lamports
    """Realized, unrealized and round trips."""

    fees_lamports: Lamports
    """Network fees and tips of trades."""

    wallet_costs_lamports: Lamports
    """Network fees and tips of everything else; not in net."""

    unknown_basis_proceeds_lamports: Lamports
    """What units sold for that have no known cost; no profit."""

    stable_net_flow: dict[str, BaseUnits]
    """By stable mint: base units that came in less those that went out."""

    trades: Count
    """Buys and sells."""

    buys: Count
    """Trades by which a token came in."""

    sells: Count
    """Trades by which one left."""

    tokens_traded: Count
    """Different tokens."""

    closed_positions: Count
    """Bought at any time, sold within the window, nothing left."""

    closed_unknown: Count
    """Of these, those whose result nobody knows: neither won nor lost."""

    round_trips: dict[str, BaseUnits]
    """By quote mint: base units gained or lost within single transactions, as by arbitrage."""

    round_trip_lamports: Lamports | None
    """Their SOL view; null when there are some and none has one."""

    unread: UnreadCounts
    """What is not read as a trader would wish."""

    winning_positions: Count
    """Closed ones whose result is known and above 0."""

    losing_positions: Count
    """Closed ones whose result is known and below 0."""

    win_rate: Share | None
    """Won / known; null without known ones."""

    median_closed_lamports: Lamports | None
    """Of realized over closed positions whose result is known; null without any."""

    trimmed_mean_closed_lamports: Lamports | None
    """Of the same, without the outermost ones; null without any."""

    std_closed_lamports: Lamports | None
    """Of the same; null where it is not defined."""

    rate_sources: RateSources
    """Where the SOL view of stables comes from."""

    realized_by_day: NotRequired[list[RealizedDay]]
    """`realized_lamports` by day, the earliest first; days that come to 0 are left out. Not in the event."""

    tokens: list[TokenRow]
    """Largest absolute realized first, then by mint."""
