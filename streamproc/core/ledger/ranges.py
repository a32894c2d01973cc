"""Closed intervals of slots: which part of a wallet's history is known, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class SlotRange(NamedTuple):
    """All slots from `from_slot` to `to_slot`, both included; `from_slot <= to_slot`."""

    from_slot: int
    to_slot: int


def union(ranges: Iterable[tuple[int, int]]) -> list[SlotRange]:
    """The same slots as few ranges, ascending; neighbours without a slot between them are one.

    >>> union([(5, 9), (1, 4), (12, 12)])
    [SlotRange(from_slot=1, to_slot=9), SlotRange(from_slot=12, to_slot=12)]
    """
    merged: list[SlotRange] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1].to_slot + 1:
            merged[-1] = SlotRange(merged[-1].from_slot, max(merged[-1].to_slot, high))
        else:
            merged.append(SlotRange(low, high))
    return merged


def gaps(ranges: Iterable[tuple[int, int]], *, from_slot: int, to_slot: int) -> list[SlotRange]:
    """The slots of [from_slot, to_slot] that no range holds, as few ranges, ascending; empty when all are held.

    >>> gaps([(3, 4), (8, 20)], from_slot=0, to_slot=10)
    [SlotRange(from_slot=0, to_slot=2), SlotRange(from_slot=5, to_slot=7)]
    """
    missing = []
    at = from_slot
    for low, high in union(ranges):
        if low > to_slot:
            break
        if low > at:
            missing.append(SlotRange(at, low - 1))
        at = max(at, high + 1)
    if at <= to_slot:
        missing.append(SlotRange(at, to_slot))
    return missing


def reach(ranges: Iterable[tuple[int, int]], *, to_slot: int) -> int | None:
    """The lowest slot from which everything up to `to_slot` is held; None when `to_slot` itself is not.

    >>> reach([(3, 4), (5, 20)], to_slot=10)
    3
    """
    for low, high in union(ranges):
        if low <= to_slot <= high:
            return low
    return None


def tip(ranges: Iterable[tuple[int, int]]) -> int | None:
    """The highest slot that is held, None when none is."""
    return max((high for _, high in ranges), default=None)
