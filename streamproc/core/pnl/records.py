"""The record of a wallet's profit and loss. Lamports are integers, amounts base units; what nobody knows is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class QuotePnl:
    """One currency of one token, in the currency's base units: only what was traded for it."""

    spent: int
    received: int
    realized: int  # units bought and sold in this same quote, without fees


class RealizedDay(NamedTuple):
    """What a wallet realized on one day: unix seconds at which it begins (UTC), None for trades without a time."""

    day_at: int | None
    realized_lamports: int


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
    first_sell_at: int | None
    first_buy_at: int | None
    first_buy_slot: int | None
    first_buy_signature: str | None
    is_closed: bool
    is_result_known: bool  # see `Position.is_result_known`; says something of closed positions
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
    closed_unknown: int  # of these, those whose result nobody knows: neither won nor lost
    round_trips: Mapping[str, int]  # quote mint -> what all round trips gained or lost of it
    round_trip_lamports: (
        int | None
    )  # their SOL view, in net; None when there are some and none has one
    unread: Mapping[str, int]  # see `Unread`; every key is there
    winning_positions: int
    losing_positions: int
    win_rate: float | None
    median_closed_lamports: int | None
    trimmed_mean_closed_lamports: int | None
    std_closed_lamports: int | None
    rate_sources: Mapping[str, int]
    realized_by_day: tuple[RealizedDay, ...]  # sums to realized_lamports; see result/pnl.py
    tokens: tuple[TokenPnl, ...]
