"""The behavior record. Hours end in `_h`, shares (0..1) in `_share`; what cannot be said is None."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamproc.json_types import JsonValue
    from streamproc.result import Behavior as BehaviorRecord


@dataclass(frozen=True, slots=True)
class Holding:
    """How long sold units had been held, first in, first out, weighted by their cost in SOL.

    Shares are cumulative: `under_4h_share` contains `under_1h_share`; `beyond_168h_share` is what is in none of them.
    Parts without a price stand apart and weigh one each. Units whose purchase is not among the trades are in neither.
    """

    parts: int  # of lots with a price that were sold
    mean_h: float | None
    median_h: float | None  # the shortest time that half of the cost was held for at most
    under_half_hour_share: float | None
    under_1h_share: float | None
    under_4h_share: float | None
    under_8h_share: float | None
    under_24h_share: float | None
    under_168h_share: float | None
    beyond_168h_share: float | None
    unpriced_parts: int
    unpriced_mean_h: float | None
    unpriced_median_h: float | None


@dataclass(frozen=True, slots=True)
class OpenLots:
    """What has been bought and not sold, and how old it is at the end of the window."""

    lots: int
    mean_age_h: float | None  # weighted by cost in SOL, lots with a price alone
    oldest_age_h: float | None  # of all lots


@dataclass(frozen=True, slots=True)
class Sessions:
    """Runs of trades without a gap of more than two hours."""

    count: int
    mean_length_h: float | None  # 0 for a session of one trade
    mean_trades: float | None
    mean_start_h: (
        float | None
    )  # circular mean of the UTC time of day, 0 <= h < 24; None when it has no direction


@dataclass(frozen=True, slots=True)
class ActiveWindow:
    """Hours in a row with at least an even share of the trades, on the circular day."""

    start_h: int  # UTC, 0..23
    length_h: int  # 1..24
    trades_share: float


@dataclass(frozen=True, slots=True)
class TradedToken:
    """A token and how often it was traded."""

    mint: str
    trades: int


@dataclass(frozen=True, slots=True)
class Cycles:
    """From the first buy of a token until at most 20 % of the peak so far is left."""

    count: int
    median_hold_h: float | None
    mean_hold_h: float | None  # weighted by what the cycle's buys cost in SOL
    mean_sells: float | None
    exit_pattern: str | None  # gradual: more than two sales a cycle; else at_once


@dataclass(frozen=True, slots=True)
class Label:
    """A word for the wallet, and the number that decided it."""

    label: str
    decided_by: str  # the name of a figure of this record
    value: float | None


@dataclass(frozen=True, slots=True)
class Bot:
    """How much of a machine there is, 0..1, with its parts, each 0..1; None: too few trades to say.

    The score is the mean of the known parts.
    """

    score: float | None
    even_gaps: float | None  # 1 - variation of the gaps between trades: 1 is a clock, 0 is chance
    round_amounts: float | None  # share of buys paid with an amount of at most two digits
    trades_per_day: float | None  # 1 from 200 a day upwards
    around_the_clock: float | None  # 1 - the longest quiet stretch of the day / 8 h
    round_trips: float | None  # 1 from ten upwards; None without any
    sub_minute_holds: float | None  # share of sold lots that were held for less than a minute


@dataclass(frozen=True, slots=True)
class Behavior:
    """Everything that is said about how a wallet trades tokens, of the trades within a window.

    A wallet without trades has `has_trades` false, zero counts and None for everything else; round trips alone still
    show in the bot part.
    """

    has_trades: bool
    trades: int
    buys: int
    sells: int
    round_trips: int  # out of a quote and back in one transaction; no trades
    tokens: int
    tokens_both_sides: int  # tokens that were bought and sold
    buy_sell_ratio: float | None  # None without sells
    symmetry: (
        float | None
    )  # mean of min / max of buy and sell counts over tokens with both sides, 0..1
    positions: int  # times that a token was bought while none of it was held
    reentry_share: float | None  # of these, those after a full exit from the same token
    trades_per_day: float | None  # over the time from first to last trade, at least one day
    trades_per_week: float | None
    trades_per_month: float | None  # 30 days
    mean_trade_sol: float | None  # absolute, trades with a SOL view
    largest_trade_sol: float | None
    trades_per_hour: tuple[int, ...]  # by UTC hour, 24
    trades_per_weekday: tuple[int, ...]  # Monday first, 7
    active_windows: tuple[ActiveWindow, ...]  # most trades first, then by start
    most_traded: tuple[TradedToken, ...]  # most trades first, then by mint; at most ten
    holding: Holding
    open_lots: OpenLots
    sessions: Sessions
    cycles: Cycles
    type: Label
    pattern: Label
    bot: Bot


def behavior_to_json(behavior: Behavior) -> BehaviorRecord:
    """The record as JSON: the same names, tuples as lists."""
    record: BehaviorRecord = _listed(asdict(behavior))
    return record


def _listed(value: JsonValue) -> JsonValue:
    """The value with lists for tuples at any depth."""
    if isinstance(value, dict):
        return {name: _listed(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    return value
