"""Turns of tenants: a steady light one is served as if alone, equals alternate, nobody is passed without end."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.tenant_turns import TenantTurns

if TYPE_CHECKING:
    from collections.abc import Iterator


def anybody(_tenant: bytes) -> bool:
    """Whoever is asked about may go."""
    return True


def waiting(places: int, **items: int) -> TenantTurns:
    """Turns in which so many items of each tenant wait, in the order of the arguments."""
    turns = TenantTurns(places)
    for name, number in items.items():
        for _ in range(number):
            turns.add(name.encode())
    return turns


def served(turns: TenantTurns) -> Iterator[bytes]:
    """The tenants in the order of their turns, each done before the next."""
    while (tenant := turns.take(anybody)) is not None:
        yield tenant
        turns.done(tenant)


def test_a_light_tenant_that_is_never_idle_goes_within_two_turns_however_long_it_lasts() -> None:
    """Two of five turns are asked for by the light one, without a pause, for twenty thousand turns."""
    turns = waiting(1, heavy=20_000)
    waits: list[int] = []
    came: list[int] = []
    for turn in range(20_000):
        if turn % 5 < 2:
            turns.add(b"light")
            came.append(turn)
        tenant = turns.take(anybody)
        assert tenant is not None
        if tenant == b"light":
            waits.append(turn - came[len(waits)])
        turns.done(tenant)
    assert len(waits) > 7_990
    assert max(waits) <= 2


def test_tenants_that_ask_for_the_same_alternate() -> None:
    order = list(served(waiting(1, a=100, b=100, c=100)))
    for first in range(0, 300, 3):
        assert set(order[first : first + 3]) == {b"a", b"b", b"c"}


@pytest.mark.parametrize("before", [1, 10_000])
def test_what_a_tenant_had_before_is_neither_held_against_it_nor_saved_up(before: int) -> None:
    turns = waiting(1, old=before)
    assert len(list(served(turns))) == before
    for _ in range(100):
        turns.add(b"new")
        turns.add(b"old")
    order = list(served(turns))[:20]
    assert 8 <= order.count(b"old") <= 12
    assert max(len(run) for run in b"".join(each[:1] for each in order).split(b"o")) <= 2


def test_one_that_waits_is_passed_by_few_of_those_who_come_new_without_end() -> None:
    """As soon as one of the others has had its turn the next comes, which was never seen before."""
    turns = waiting(1, patient=200)
    order = [b"patient"]
    for number in range(1000):
        if order[-1] != b"patient" or number == 0:
            turns.add(b"new %d" % number)
        tenant = turns.take(anybody)
        assert tenant is not None
        order.append(tenant)
        turns.done(tenant)
    at = [index for index, tenant in enumerate(order) if tenant == b"patient"]
    assert len(at) > 150
    assert max(after - before for before, after in pairwise(at)) <= 6


def test_one_that_may_not_go_loses_its_turn_to_the_next_and_keeps_its_place() -> None:
    turns = waiting(1, a=2, b=2)
    assert turns.take(lambda tenant: tenant != b"a") == b"b"
    turns.done(b"b")
    assert not turns.has_turn(lambda _tenant: False)
    assert turns.take(anybody) == b"a"


def test_ten_thousand_tenants_that_are_gone_leave_little_behind() -> None:
    turns = TenantTurns(4)
    for number in range(10_000):
        turns.add(b"%d" % number)
        tenant = turns.take(anybody)
        assert tenant is not None
        turns.done(tenant)
    assert len(turns._times) < 2_000
    assert not turns._asked
    assert not turns._held
    assert not turns._order


STEPS = st.lists(st.tuples(st.sampled_from("adcx"), st.sampled_from([b"", b"s", b"t", b"u"])))


@given(STEPS, st.integers(1, 8))
def test_each_item_goes_once_and_no_more_than_the_places_are_held(
    steps: list[tuple[str, bytes]], places: int
) -> None:
    turns = TenantTurns(places)
    left: Counter[bytes] = Counter()
    held: Counter[bytes] = Counter()
    for what, tenant in steps:
        if what == "a":
            turns.add(tenant)
            left[tenant] += 1
        elif what == "d" and held[tenant]:
            turns.done(tenant)
            held[tenant] -= 1
        elif what == "c" and (turn := turns.take(anybody)) is not None:
            left[turn] -= 1
            held[turn] += 1
        elif what == "x":
            turns.clear()
            left.clear()
        assert len(turns) == left.total()
        assert min(left.values(), default=0) >= 0
        assert held.total() <= places
        assert turns.has_turn(anybody) or held.total() or not left.total()
    for tenant in list(held.elements()):
        turns.done(tenant)
    assert Counter(served(turns)) == +left
