"""`wallets[].behavior`: how a wallet trades. Each figure is defined in docs/analysis.md."""

from __future__ import annotations

from typing_extensions import TypedDict

from streamproc.units import Count, Hours, Mean, Ratio, Share, Sol, WholeHours


class ActiveWindow(TypedDict):
    """Hours in a row with at least an even share of the trades, on the circular day."""

    start_h: WholeHours
    """Hour of the day at which it begins, UTC, 0 to 23."""

    length_h: WholeHours
    """Hours, 1 to 24."""

    trades_share: Share
    """Share of all trades."""


class TradedToken(TypedDict):
    """A token and how often it was traded."""

    mint: str
    """The token."""

    trades: Count
    """Buys and sells."""


class Holding(TypedDict):
    """How long sold units had been held, first in, first out, weighted by their cost in SOL; shares are cumulative."""

    parts: Count
    """Parts of lots with a price that were sold."""

    mean_h: Hours | None
    """Mean over that cost; null without any."""

    median_h: Hours | None
    """The shortest time that half of the cost was held for at most."""

    under_half_hour_share: Share | None
    """Held for less than half an hour."""

    under_1h_share: Share | None
    """Held for less than an hour."""

    under_4h_share: Share | None
    """Held for less than 4 hours."""

    under_8h_share: Share | None
    """Held for less than 8 hours."""

    under_24h_share: Share | None
    """Held for less than a day."""

    under_168h_share: Share | None
    """Held for less than a week."""

    beyond_168h_share: Share | None
    """The rest."""

    unpriced_parts: Count
    """Sold parts without a price; they weigh one each."""

    unpriced_mean_h: Hours | None
    """Their mean; null without any."""

    unpriced_median_h: Hours | None
    """Their median; null without any."""


class OpenLots(TypedDict):
    """What has been bought and not sold, at the end of the window."""

    lots: Count
    """How many."""

    mean_age_h: Hours | None
    """Weighted by cost in SOL, lots with a price alone; null without any."""

    oldest_age_h: Hours | None
    """Of all lots; null without any."""


class Sessions(TypedDict):
    """Runs of trades without a gap of more than two hours."""

    count: Count
    """How many."""

    mean_length_h: Hours | None
    """0 for a session of one trade; null without any."""

    mean_trades: Mean | None
    """Trades a session; null without any."""

    mean_start_h: Hours | None
    """Circular mean of the UTC time of day, below 24; null when it has no direction."""


class Cycles(TypedDict):
    """From the first buy of a token until at most 20 % of the peak so far is left."""

    count: Count
    """How many."""

    median_hold_h: Hours | None
    """Median length; null without any."""

    mean_hold_h: Hours | None
    """Mean length, weighted by what the cycle's buys cost in SOL; null without any."""

    mean_sells: Mean | None
    """Sales a cycle; null without any."""

    exit_pattern: str | None
    """gradual: more than two sales a cycle; else at_once. Null without any."""


class Label(TypedDict):
    """A word for the wallet, and the figure that decided it."""

    label: str
    """The word."""

    decided_by: str
    """The name of a figure of the behavior record."""

    value: Ratio | None
    """That figure; null where it is."""


class Bot(TypedDict):
    """How much of a machine there is, with its parts; null: too few trades to say."""

    score: Share | None
    """The mean of the known parts."""

    even_gaps: Share | None
    """1 - variation of the gaps between trades: 1 is a clock, 0 is chance."""

    round_amounts: Share | None
    """Share of buys paid with an amount of at most two digits."""

    trades_per_day: Share | None
    """1 from 200 a day upwards."""

    around_the_clock: Share | None
    """1 - the longest quiet stretch of the day / 8 h."""

    round_trips: Share | None
    """1 from ten upwards; null without any."""

    sub_minute_holds: Share | None
    """Share of sold lots that were held for less than a minute."""


class Behavior(TypedDict):
    """How a wallet trades tokens, of the trades within the window. Without trades: zero, empty or null."""

    has_trades: bool
    """False: everything below is zero, empty or null, but for round trips."""

    trades: Count
    """Buys and sells."""

    buys: Count
    """Trades by which a token came in."""

    sells: Count
    """Trades by which one left."""

    round_trips: Count
    """Out of a quote and back in one transaction; no trades."""

    tokens: Count
    """Different tokens."""

    tokens_both_sides: Count
    """Tokens that were bought and sold."""

    buy_sell_ratio: Ratio | None
    """Buys / sells; null without sells."""

    symmetry: Share | None
    """Mean of min / max of buy and sell counts over tokens with both sides; null without any."""

    positions: Count
    """Times that a token was bought while none of it was held."""

    reentry_share: Share | None
    """Of these, those after a full exit from the same token; null without any."""

    trades_per_day: Mean | None
    """Over the time from first to last trade, at least one day."""

    trades_per_week: Mean | None
    """The same by 7 days."""

    trades_per_month: Mean | None
    """The same by 30 days."""

    mean_trade_sol: Sol | None
    """Mean size of trades with a SOL view; null without any."""

    largest_trade_sol: Sol | None
    """The largest of them."""

    trades_per_hour: list[Count]
    """24 counts, by hour of the day, UTC."""

    trades_per_weekday: list[Count]
    """7 counts, Monday first."""

    active_windows: list[ActiveWindow]
    """Most trades first, then by start."""

    most_traded: list[TradedToken]
    """Most trades first, then by mint; at most ten."""

    holding: Holding
    """How long it holds."""

    open_lots: OpenLots
    """What it holds."""

    sessions: Sessions
    """When it trades."""

    cycles: Cycles
    """From first buy to nearly all sold."""

    type: Label
    """A word for the wallet's trading."""

    pattern: Label
    """A word for its rhythm."""

    bot: Bot
    """How much of a machine."""
