"""Words for a wallet, each with the number that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.behavior.averages import plain_median, ratio
from streamproc.core.behavior.records import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

_CYCLES_MIN: Final = 3  # fewer say nothing about a habit
# By median hold of completed cycles: under so many hours.
_TYPES: Final = (
    (1 / 60, "sniper"),
    (5 / 60, "scalper"),
    (0.5, "momentum"),
    (4.0, "intraday"),
    (24.0, "day_trader"),
    (7 * 24.0, "swing"),
    (30 * 24.0, "position"),
)
_ONE_SIDED: Final = 2.5  # times as many trades on one side as on the other
_BALANCED: Final = 0.7


def type_of(hold_hours: Sequence[float]) -> Label:
    """The type by the median hold of completed cycles; fewer than three are insufficient data."""
    if len(hold_hours) < _CYCLES_MIN:
        return Label("insufficient_data", "cycles.count", len(hold_hours))
    middle = plain_median(hold_hours) or 0.0
    label = next((word for below, word in _TYPES if middle < below), "holder")
    return Label(label, "cycles.median_hold_h", middle)


def pattern_of(buys: int, sells: int, symmetry: float | None) -> Label:
    """The pattern of sides; none without trades, holder with buys alone."""
    if not buys and not sells:
        return Label("none", "trades", 0)
    if not sells:
        return Label("holder", "sells", 0)
    if buys > _ONE_SIDED * sells:
        return Label("accumulator", "buy_sell_ratio", ratio(buys, sells))
    if sells > _ONE_SIDED * buys:
        return Label("distributor", "buy_sell_ratio", ratio(buys, sells))
    if symmetry is not None and symmetry > _BALANCED:
        return Label("balanced", "symmetry", symmetry)
    return Label("mixed", "symmetry", symmetry)
