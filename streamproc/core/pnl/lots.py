"""First in, first out: what was bought waits in lots, what leaves takes the oldest first."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Lot:
    """Units that came in together, and what is left of them and of their cost."""

    __slots__ = ("cost", "quote_costs", "time", "units")

    def __init__(
        self, units: int, cost: int | None, quote_costs: dict[str, int], time: int | None
    ) -> None:
        self.units = units  # > 0
        self.cost = cost  # lamports; None: without basis
        self.quote_costs = quote_costs  # quote mint -> units paid
        self.time = time


class Part(NamedTuple):
    """What one lot gave."""

    units: int
    cost: int | None
    quote_costs: dict[str, int]
    time: int | None


class Lots:
    """The queue of one mint."""

    __slots__ = ("queue", "units")

    def __init__(self) -> None:
        self.queue: deque[Lot] = deque()
        self.units = 0  # over all lots

    def add(
        self,
        units: int,
        cost: int | None = None,
        quote_costs: dict[str, int] | None = None,
        time: int | None = None,
    ) -> None:
        """Put a lot at the end; without a cost it is one without basis."""
        self.queue.append(Lot(units, cost, dict(quote_costs or {}), time))
        self.units += units

    def take(self, units: int) -> list[Part]:
        """What the oldest lots give for so many units, together less when the lots hold less.

        A part of a lot costs floor(cost * units / lot units) and the rest stays with the lot, so all parts of a lot add
        up to its cost exactly.
        """
        parts = []
        while units and self.queue:
            lot = self.queue[0]
            if lot.units <= units:
                self.queue.popleft()
                part = Part(lot.units, lot.cost, lot.quote_costs, lot.time)
            else:
                part = _split(lot, units)
            units -= part.units
            self.units -= part.units
            parts.append(part)
        return parts

    @property
    def known_units(self) -> int:
        """Units of lots with basis."""
        return sum(lot.units for lot in self.queue if lot.cost is not None)

    @property
    def cost(self) -> int:
        """Cost of lots with basis, in lamports."""
        return sum(lot.cost for lot in self.queue if lot.cost is not None)


def _split(lot: Lot, units: int) -> Part:
    """Take fewer units than the lot has out of it."""
    cost = None if lot.cost is None else lot.cost * units // lot.units
    quote_costs = {mint: paid * units // lot.units for mint, paid in lot.quote_costs.items()}
    lot.units -= units
    if lot.cost is not None and cost is not None:
        lot.cost -= cost
    for mint, paid in quote_costs.items():
        lot.quote_costs[mint] -= paid
    return Part(units, cost, quote_costs, lot.time)
