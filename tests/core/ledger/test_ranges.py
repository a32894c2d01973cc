"""Interval arithmetic agrees with plain sets of slots."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.ledger.ranges import SlotRange, gaps, reach, tip, union

SLOTS = st.integers(0, 30)
RANGES = st.lists(st.tuples(SLOTS, SLOTS).map(lambda pair: SlotRange(min(pair), max(pair))))


def _slots(ranges: list[SlotRange]) -> set[int]:
    return {slot for low, high in ranges for slot in range(low, high + 1)}


@given(RANGES)
def test_a_union_holds_the_same_slots_in_ranges_that_do_not_touch(ranges: list[SlotRange]) -> None:
    merged = union(ranges)
    assert _slots(merged) == _slots(ranges)
    assert all(before.to_slot + 1 < after.from_slot for before, after in pairwise(merged))


@given(RANGES, SLOTS, SLOTS)
def test_gaps_are_what_is_missing(ranges: list[SlotRange], low: int, high: int) -> None:
    missing = gaps(ranges, from_slot=low, to_slot=high)
    assert _slots(missing) == set(range(low, high + 1)) - _slots(ranges)
    assert missing == union(missing)


@given(RANGES, SLOTS)
def test_reach_goes_down_to_the_first_missing_slot(ranges: list[SlotRange], to_slot: int) -> None:
    held = _slots(ranges)
    lowest = to_slot
    while lowest - 1 in held:
        lowest -= 1
    assert reach(ranges, to_slot=to_slot) == (lowest if to_slot in held else None)


@given(RANGES)
def test_the_tip_is_the_highest_slot_held(ranges: list[SlotRange]) -> None:
    assert tip(ranges) == max(_slots(ranges), default=None)
