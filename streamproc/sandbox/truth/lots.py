"""Lots and positions of the world's truth: first in, first out, in plain integers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

CLOSED_BELOW: Final = Fraction(1, 10**9)  # of a position's peak


@dataclass
class Lot:
    """Units bought together; `cost` None = without basis; `quotes` = what they cost in each currency."""

    units: int
    cost: int | None
    quotes: dict[str, int] = field(default_factory=dict)

    def take(self, units: int) -> Lot:
        """Split off some units with the floor of their part of the cost; the rest stays here."""
        cost = None if self.cost is None else self.cost * units // self.units
        quotes = {mint: amount * units // self.units for mint, amount in self.quotes.items()}
        if cost is not None and self.cost is not None:
            self.cost -= cost
        for mint, amount in quotes.items():
            self.quotes[mint] -= amount
        self.units -= units
        return Lot(units, cost, quotes)


@dataclass
class Row:
    """One mint of one wallet; amounts in base units and lamports."""

    mint: str
    lots: deque[Lot] = field(default_factory=deque)
    peak: int = 0
    bought: int = 0
    sold: int = 0
    received: int = 0
    sent: int = 0
    spent_lamports: int = 0
    received_lamports: int = 0
    fees_lamports: int = 0
    realized_lamports: int = 0
    realized_by_day: dict[int | None, int] = field(
        default_factory=dict
    )  # by the day's first second
    unknown_basis_proceeds_lamports: int = 0
    buys: int = 0
    sells: int = 0
    times: list[int] = field(default_factory=list)
    quotes: dict[str, dict[str, int]] = field(default_factory=dict)
    moved: bool = False  # something of it was counted
    was_bought: bool = False  # at any time, counted or not
    has_unpriced: bool = False  # some trade of it, counted or not, has no value in SOL
    sold_with_basis: int = 0  # units of the counted sales whose cost is known

    @property
    def open_units(self) -> int:
        """Units in lots, with basis or without."""
        return sum(lot.units for lot in self.lots)

    def realize(self, lamports: int, time: int | None) -> None:
        """Add what a trade of this time brought."""
        self.realized_lamports += lamports
        day = None if time is None else time // 86_400 * 86_400
        self.realized_by_day[day] = self.realized_by_day.get(day, 0) + lamports

    def put(self, lot: Lot) -> None:
        """Add a lot at the end of the queue."""
        self.lots.append(lot)
        self.peak = max(self.peak, self.open_units)

    def take(self, units: int) -> list[Lot]:
        """Take units from the oldest lots; fewer come when the lots hold fewer."""
        taken = []
        while units and self.lots:
            first = self.lots[0]
            part = first.take(min(units, first.units))
            if not first.units:
                self.lots.popleft()
            units -= part.units
            taken.append(part)
        return taken

    @property
    def is_closed(self) -> bool:
        """Whether it was bought at any time and sold within the window, and next to nothing is left."""
        return self.was_bought and self.sells > 0 and self.open_units <= self.peak * CLOSED_BELOW

    @property
    def is_known(self) -> bool:
        """Whether anybody can say what a closed position brought."""
        return not self.has_unpriced and self.sold_with_basis > 0
