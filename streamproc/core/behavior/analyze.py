"""Trades in, the whole behavior record out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.behavior.activity import (
    active_windows,
    per_hour,
    per_weekday,
    sessions_of,
    trades_per_day,
)
from streamproc.core.behavior.averages import plain_mean, ratio
from streamproc.core.behavior.bot import bot_of
from streamproc.core.behavior.cycles import completed_cycles, cycles_of, holds_h
from streamproc.core.behavior.holding import holding_of, open_lots_of, walk
from streamproc.core.behavior.labels import pattern_of, type_of
from streamproc.core.behavior.records import Behavior, TradedToken
from streamproc.core.chain.solana import LAMPORTS_PER_SOL
from streamproc.core.pnl.trades import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.behavior.cycles import Cycle
    from streamproc.core.behavior.holding import Walk
    from streamproc.core.pnl.window import PricedTrade

_WEEK_DAYS = 7
_MONTH_DAYS = 30


def behavior_of(
    trades: Sequence[PricedTrade], *, round_trips: int = 0, at: int | None = None
) -> Behavior:
    """How a wallet trades, from its trades in canonical order and the number of its round trips.

    `at` (unix seconds) is when the age of open lots is taken, by default at the last trade. What was bought before the
    first of these trades is not known here: its sale has no holding time. A trade whose time is not known counts, and
    is left out of everything that has to do with time.
    """
    facts = _facts_of(trades)
    times, daily, hours = facts.times, facts.daily, facts.hours
    return Behavior(
        has_trades=bool(trades),
        trades=len(trades),
        buys=facts.buys.total(),
        sells=facts.sells.total(),
        round_trips=round_trips,
        tokens=len(facts.buys | facts.sells),
        tokens_both_sides=len(facts.buys & facts.sells),
        buy_sell_ratio=ratio(facts.buys.total(), facts.sells.total()),
        symmetry=facts.symmetry,
        positions=facts.walked.positions,
        reentry_share=ratio(facts.walked.reentries, facts.walked.positions),
        trades_per_day=daily,
        trades_per_week=None if daily is None else daily * _WEEK_DAYS,
        trades_per_month=None if daily is None else daily * _MONTH_DAYS,
        mean_trade_sol=plain_mean(facts.sizes),
        largest_trade_sol=max(facts.sizes, default=None),
        trades_per_hour=hours,
        trades_per_weekday=per_weekday(times),
        active_windows=active_windows(hours),
        most_traded=_most_traded(facts.buys + facts.sells),
        holding=holding_of(facts.walked.held),
        open_lots=open_lots_of(facts.walked.open_lots, facts.latest if at is None else at),
        sessions=sessions_of(times),
        cycles=cycles_of(facts.cycles),
        type=type_of(holds_h(facts.cycles)),
        pattern=pattern_of(facts.buys.total(), facts.sells.total(), facts.symmetry),
        bot=bot_of(trades, times, facts.walked.held, daily, hours, round_trips=round_trips),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the figures are made of, each taken from the trades once."""

    times: list[int]  # unix seconds, where known
    latest: int | None
    sizes: list[float]  # SOL, absolute, where known
    buys: Counter[str]  # by mint
    sells: Counter[str]  # by mint
    symmetry: float | None
    daily: float | None  # trades a day
    hours: tuple[int, ...]  # trades by UTC hour
    walked: Walk
    cycles: list[Cycle]


def _facts_of(trades: Sequence[PricedTrade]) -> _Facts:
    buys = Counter(trade.mint for trade, _ in trades if trade.side is Side.BUY)
    sells = Counter(trade.mint for trade, _ in trades if trade.side is Side.SELL)
    times = [trade.time for trade, _ in trades if trade.time is not None]
    return _Facts(
        times=times,
        latest=max(times, default=None),
        sizes=[abs(lamports) / LAMPORTS_PER_SOL for _, lamports in trades if lamports is not None],
        buys=buys,
        sells=sells,
        symmetry=_symmetry(buys, sells),
        daily=trades_per_day(times),
        hours=per_hour(times),
        walked=walk(trades),
        cycles=completed_cycles(trades),
    )


def _symmetry(buys: Counter[str], sells: Counter[str]) -> float | None:
    """Mean of min / max of the two counts over tokens with both sides, in the order of mints; None without any."""
    return plain_mean(
        [
            min(buys[mint], sells[mint]) / max(buys[mint], sells[mint])
            for mint in sorted(buys & sells)
        ]
    )


def _most_traded(trades: Counter[str]) -> tuple[TradedToken, ...]:
    """The tokens with most trades, ties by mint."""
    ranked = sorted(trades.items(), key=lambda item: (-item[1], item[0]))
    return tuple(TradedToken(mint, count) for mint, count in ranked[: limits.MOST_TRADED_MAX])
