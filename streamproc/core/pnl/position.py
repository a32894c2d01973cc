"""The books of one mint while a wallet's entries go by: its lots, and what counts within the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.pnl.lots import Lots
from streamproc.core.pnl.trades import Side

if TYPE_CHECKING:
    from streamproc.core.pnl.lots import Part
    from streamproc.core.pnl.trades import Trade

DAY_S: Final = 86_400
_CLOSED_AT_MOST = 10**9  # one part in so many of the peak may be left in a closed position


class QuoteSums:
    """One currency of a position, in its own base units."""

    __slots__ = ("realized", "received", "spent")

    def __init__(self) -> None:
        self.spent = 0
        self.received = 0
        self.realized = 0


class Position:
    """Everything that is summed for one mint. Sums count the window, lots the whole history."""

    def __init__(self, mint: str, realized_by_day: dict[int | None, int]) -> None:
        """`realized_by_day` is the wallet's: what this position realizes is added there too."""
        self.mint = mint
        self.realized_by_day = realized_by_day
        self.lots = Lots()
        self.peak = 0
        self.was_bought = False
        self.is_priced = True  # as far as every trade so far has a price and a SOL view
        self.sold_with_basis = 0  # units sold within the window, out of lots whose cost is known
        self.is_counted = False  # traded, received or sent within the window
        self.bought = self.sold = self.received = self.sent = 0
        self.buys = self.sells = 0
        self.spent = self.earned = self.fees = 0  # lamports
        self.realized = self.unknown_basis_proceeds = self.buy_cost = 0
        self.times: list[int] = []
        self.first_buy: Trade | None = None
        self.first_sell_at: int | None = None
        self.quotes: dict[str, QuoteSums] = {}

    def move(self, units: int, *, is_counted: bool) -> None:
        """Take in (> 0) units without basis, or let units (< 0) go at their cost, without profit."""
        if units > 0:
            self._add(units)
        else:
            self.lots.take(-units)
        if is_counted:
            self.is_counted = True
            self.received += max(0, units)
            self.sent += max(0, -units)

    def trade(self, trade: Trade, lamports: int | None, *, is_counted: bool) -> None:
        """Work a trade in; `lamports` is its SOL view, None when it has none."""
        self.is_priced = self.is_priced and lamports is not None
        if is_counted:
            self._count(trade, lamports)
        if trade.side is Side.BUY:
            self._buy(trade, lamports)
        else:
            parts = self.lots.take(trade.amount)
            if is_counted:
                self._realize(trade, lamports, parts)

    @property
    def is_closed(self) -> bool:
        """Whether it was bought at any time, sold within the window, and all but dust of its peak has left."""
        return self.was_bought and self.sells > 0 and self.lots.units * _CLOSED_AT_MOST <= self.peak

    @property
    def is_result_known(self) -> bool:
        """Whether every trade of it has a price in SOL, and not all that was sold within the window lacks a basis."""
        return self.is_priced and self.sold_with_basis > 0

    def _buy(self, trade: Trade, lamports: int | None) -> None:
        """Add a lot; each quote paid for it is its cost in that quote."""
        self.was_bought = True
        paid = {mint: -units for mint, units in trade.quotes.items() if units < 0}
        self._add(
            trade.amount,
            None if lamports is None else -lamports,
            paid if trade.is_priced else None,
            trade.time,
        )

    def _add(
        self,
        units: int,
        cost: int | None = None,
        quote_costs: dict[str, int] | None = None,
        time: int | None = None,
    ) -> None:
        """Add a lot and remember the peak."""
        self.lots.add(units, cost, quote_costs, time)
        self.peak = max(self.peak, self.lots.units)

    def _count(self, trade: Trade, lamports: int | None) -> None:
        """Add a trade of the window to the sums; fees are charged when they are paid."""
        self.is_counted = True
        if trade.time is not None:
            self.times.append(trade.time)
        self.fees += trade.fees
        self._gain(-trade.fees, trade.time)
        self.spent += max(0, -(lamports or 0))
        self.earned += max(0, lamports or 0)
        if trade.side is Side.BUY:
            self.buys += 1
            self.bought += trade.amount
            self.buy_cost += max(0, -(lamports or 0))
            self.first_buy = self.first_buy or trade
        else:
            self.sells += 1
            if self.first_sell_at is None:
                self.first_sell_at = trade.time
            self.sold += trade.amount
        if trade.is_priced:
            for mint, units in trade.quotes.items():
                sums = self.quotes.setdefault(mint, QuoteSums())
                sums.spent += max(0, -units)
                sums.received += max(0, units)

    def _gain(self, lamports: int, time: int | None) -> None:
        """Add to what is realized, and to the day on which it was."""
        self.realized += lamports
        day_at = None if time is None else time - time % DAY_S
        self.realized_by_day[day_at] = self.realized_by_day.get(day_at, 0) + lamports

    def _realize(self, trade: Trade, lamports: int | None, parts: list[Part]) -> None:
        """Set proceeds against cost, in lamports and in each quote; a sale without a price takes lots at cost."""
        if lamports is not None:
            known = sum(part.units for part in parts if part.cost is not None)
            cost = sum(part.cost for part in parts if part.cost is not None)
            self.sold_with_basis += known
            unknown_proceeds = lamports * (trade.amount - known) // trade.amount
            self.unknown_basis_proceeds += unknown_proceeds
            self._gain(lamports - unknown_proceeds - cost, trade.time)
        if trade.is_priced:
            for mint, received in trade.quotes.items():
                same = [part for part in parts if mint in part.quote_costs]
                units = sum(part.units for part in same)
                cost = sum(part.quote_costs[mint] for part in same)
                self.quotes[mint].realized += received * units // trade.amount - cost
