"""How much of a machine there is in a wallet's trades."""

from __future__ import annotations

from itertools import pairwise
from math import fsum, sqrt
from typing import TYPE_CHECKING, Final

from streamproc.core.behavior.activity import HOURS
from streamproc.core.behavior.averages import plain_mean, ratio
from streamproc.core.behavior.records import Bot
from streamproc.core.pnl.trades import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.behavior.holding import Held
    from streamproc.core.pnl.window import PricedTrade

_GAPS_MIN: Final = 10  # fewer gaps are even by accident
_CLOCK_TRADES_MIN: Final = 48  # two for each hour of the day
_DAILY_TRADES: Final = 200  # what no hand does day after day
_SLEEP_H: Final = 8
_ROUND_TRIPS: Final = 10  # one may have been an accident of a router
_QUIET: Final = 4  # an hour with less than a quarter of an even share is quiet
_ROUND_DIGITS: Final = 2
_MINUTE_S: Final = 60


def bot_of(
    trades: Sequence[PricedTrade],
    times: Sequence[int],
    held: Sequence[Held],
    daily: float | None,
    hours: Sequence[int],
    *,
    round_trips: int = 0,
) -> Bot:
    """The parts and their mean; `daily` is trades per day and `hours` the trades per UTC hour.

    Round trips are no trades: no hand makes them, so few are enough, and their absence says nothing.
    """
    parts = {
        "even_gaps": even_gaps(times),
        "round_amounts": round_amounts(trades),
        "trades_per_day": None if daily is None else min(1.0, daily / _DAILY_TRADES),
        "around_the_clock": around_the_clock(hours),
        "round_trips": min(1.0, round_trips / _ROUND_TRIPS) if round_trips else None,
        "sub_minute_holds": ratio(sum(part.seconds < _MINUTE_S for part in held), len(held)),
    }
    known = [part for part in parts.values() if part is not None]
    return Bot(score=plain_mean(known), **parts)


def even_gaps(times: Sequence[int]) -> float | None:
    """1 - coefficient of variation of the gaps, at least 0, which is what chance gives; None of fewer than ten gaps."""
    ordered = sorted(times)
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    mean = plain_mean(gaps)
    if len(gaps) < _GAPS_MIN or not mean:
        return None
    deviation = sqrt(fsum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    return max(0.0, 1 - deviation / mean)


def round_amounts(trades: Sequence[PricedTrade]) -> float | None:
    """The share of priced buys paid in one quote with an amount of at most two significant digits, as 0.25 SOL."""
    paid = [
        -units
        for trade, _ in trades
        if trade.side is Side.BUY and trade.is_priced and len(trade.quotes) == 1
        for units in trade.quotes.values()
        if units < 0
    ]
    return ratio(sum(_digits(units) <= _ROUND_DIGITS for units in paid), len(paid))


def around_the_clock(hours: Sequence[int]) -> float | None:
    """1 - the longest quiet stretch of the circular day / 8 hours, at least 0; None of fewer than 48 trades."""
    total = sum(hours)
    if total < _CLOCK_TRADES_MIN:
        return None
    longest = run = 0
    for hour in range(2 * HOURS):  # twice around, so that a stretch past midnight is whole
        run = run + 1 if hours[hour % HOURS] * HOURS * _QUIET < total else 0
        longest = max(longest, run)
    return max(0.0, 1 - longest / _SLEEP_H)


def _digits(units: int) -> int:
    """How many digits are left without the zeros at the end."""
    return len(str(units).rstrip("0"))
