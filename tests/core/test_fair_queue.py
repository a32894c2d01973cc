"""Turns: everything that waits goes once, small requests go as if alone, nobody holds what others need."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.fair_queue import FairQueue, Share, Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

BIG = b"big"
STEPS = st.lists(
    st.tuples(st.sampled_from("adc"), st.sampled_from([b"a", b"b", b"c"])), max_size=60
)


def queued(places: int, **waiting: int) -> Turns[int]:
    """So many items of each request, in the order of the arguments."""
    return filled(Turns(places), waiting)


def filled(turns: Turns[int], waiting: Mapping[str, int]) -> Turns[int]:
    """The same in turns of one's own."""
    for name, number in waiting.items():
        for item in range(number):
            turns.add(name.encode(), item)
    return turns


def served(turns: Turns[int]) -> list[bytes]:
    """The requests in the order of their turns, each done before the next."""
    order = []
    while (turn := turns.take()) is not None:
        order.append(turn[0])
        turns.done(turn[0])
    return order


@given(STEPS, st.integers(1, 8))
def test_each_item_goes_once_in_the_order_of_its_request_and_places_are_never_exceeded(
    steps: list[tuple[str, bytes]], places: int
) -> None:
    turns: Turns[int] = Turns(places)
    added: Counter[bytes] = Counter()
    gone: Counter[bytes] = Counter()
    held: list[bytes] = []
    for what, share in steps:
        if what == "a":
            turns.add(share, added[share])
            added[share] += 1
        elif what == "d" and held:
            turns.done(held.pop())
        elif what == "c" and (turn := turns.take()) is not None:
            assert turn[1] == gone[turn[0]]
            gone[turn[0]] += 1
            held.append(turn[0])
        assert len(held) <= places
        assert len(turns) == added.total() - gone.total()
        assert turns.has_turn or len(held) == places or not len(turns) or held
    for share in held:
        turns.done(share)
    rest = served(turns)
    assert Counter(rest) + gone == added


def test_small_requests_are_done_before_a_huge_one_that_came_first() -> None:
    order = served(queued(64, big=1000, a=20, b=20))
    ends = {share: len(order) - 1 - order[::-1].index(share) for share in set(order)}
    assert ends[b"a"] < 100 < ends[BIG]
    assert ends[b"b"] < 100
    assert order.count(BIG) == 1000


def test_a_huge_request_gets_on_although_small_ones_never_end() -> None:
    turns = queued(8, big=1000)
    order = []
    for number in range(400):
        for item in range(2):
            turns.add(b"small %d" % number, item)
        turn = turns.take()
        assert turn is not None
        order.append(turn[0])
        turns.done(turn[0])
    assert order.count(BIG) >= 400 // limits.TURNS_OF_THE_OLDEST


def test_one_that_comes_after_a_thousand_of_its_size_does_not_wait_for_all_of_them() -> None:
    burst = {f"burst {number}": 2 for number in range(1000)}
    turns = filled(Turns(8, newest_too=True), {**burst, "other": 2})
    order = served(turns)
    assert order.index(b"other") < 4
    assert len(order) - order[::-1].index(b"other") <= 8
    assert order[0] == b"burst 0"
    assert order.index(b"burst 1") < order.index(b"burst 2") < order.index(b"burst 900")


def test_equal_ones_whose_statements_wait_go_in_the_order_of_arrival() -> None:
    """A turn of the newest there would leave the oldest behind whenever more come than are served."""
    names = [f"request {number}" for number in range(50)]
    assert served(queued(8, **dict.fromkeys(names, 1))) == [name.encode() for name in names]


def test_three_requests_whose_work_never_ends_leave_places_for_a_fourth() -> None:
    turns: Turns[int] = Turns(64)
    for request in range(3):
        for item in range(100):
            turns.add(b"whales %d" % request, item)
        held = 0
        while turns.take() is not None:
            held += 1
        assert held
        turns.add(b"small", 0)
        turn = turns.take()
        assert turn == (b"small", 0)
        turns.done(b"small")


def test_a_request_that_is_gone_leaves_nothing_behind() -> None:
    turns = queued(4, big=100)
    served(turns)
    assert not turns._had
    assert not turns._held
    turns.add(BIG, 0)
    turns.clear()
    assert len(turns) == 0
    assert turns.take() is None


def test_what_is_put_first_goes_before_the_others_of_its_request() -> None:
    turns = queued(4, a=2)
    turns.add(b"a", 9, is_first=True)
    assert turns.take() == (b"a", 9)


def test_beside_a_small_request_a_huge_one_holds_few_places() -> None:
    turns = queued(64, big=1000)
    for _ in range(40):
        assert turns.take() is not None
    for _ in range(40):
        turns.done(BIG)
        turns.add(BIG, 0)
        turns.take()
    turns.add(b"small", 0)
    assert turns.take() == (b"small", 0)
    for _ in range(40):
        turns.done(BIG)
    held = 0
    while turns.take() is not None:
        held += 1
    assert held == 64 // limits.TURNS_BESIDE_SMALLER
    turns.done(b"small")
    while turns.take() is not None:
        held += 1
    assert held > 40, "alone again it may go on as before"


TENANTS = st.lists(
    st.tuples(
        st.sampled_from("adc"),
        st.sampled_from([b"", b"s", b"t"]),
        st.sampled_from([b"", b"1", b"2"]),
    ),
    max_size=80,
)


@given(TENANTS, st.integers(1, 8))
def test_with_tenants_too_each_item_goes_once_in_order_and_places_are_never_exceeded(
    steps: list[tuple[str, bytes, bytes]], places: int
) -> None:
    queue: FairQueue[int] = FairQueue(places)
    added: Counter[Share] = Counter()
    gone: Counter[Share] = Counter()
    held: list[Share] = []
    for what, tenant, request in steps:
        share = Share(tenant, request)
        if what == "a":
            queue.add(share, added[share])
            added[share] += 1
        elif what == "d" and held:
            queue.done(held.pop())
        elif what == "c" and (turn := queue.take()) is not None:
            assert turn[1] == gone[turn[0]]
            gone[turn[0]] += 1
            held.append(turn[0])
        assert len(held) <= places
        assert len(queue) == added.total() - gone.total()
        assert queue.has_turn or len(held) == places or not len(queue) or held
    for share in held:
        queue.done(share)
    while (turn := queue.take()) is not None:
        gone[turn[0]] += 1
        queue.done(turn[0])
    assert gone == added
    assert not queue._requests


def heavy(places: int, *, requests: int = 100, wallets: int = 200) -> FairQueue[int]:
    """What many large requests of one tenant put in a queue."""
    queue: FairQueue[int] = FairQueue(places)
    for request in range(requests):
        for item in range(wallets):
            queue.add(Share(b"heavy", b"%d" % request), item)
    return queue


def test_a_hundred_heavy_requests_of_one_tenant_weigh_on_another_as_one_does() -> None:
    queue = heavy(64)
    for _ in range(200):
        turn = queue.take()
        assert turn is not None
        queue.done(turn[0])
    for item in range(3):
        queue.add(Share(b"light", b"small"), item)
    order: list[bytes] = []
    while len(order) < 8:
        turn = queue.take()
        assert turn is not None
        order.append(turn[0].tenant)
        queue.done(turn[0])
    assert order[:5].count(b"light") == 3, (
        "at least two turns of three, the third turn is the oldest's"
    )


def test_the_only_tenant_may_hold_every_place_and_one_of_several_leaves_some_free() -> None:
    queue = heavy(64)
    held = 0
    while queue.take() is not None:
        held += 1
    assert held == 64
    queue = heavy(64)
    queue.add(Share(b"light", b"before"), 0)
    taken = []
    while (turn := queue.take()) is not None:
        taken.append(turn[0])
        if turn[0].tenant == b"light":
            queue.done(turn[0])
    assert len([each for each in taken if each.tenant == b"heavy"]) == 32
    queue.add(Share(b"light", b"after"), 0)
    turn = queue.take()
    assert turn is not None
    assert turn[0].tenant == b"light", "a place was free for it"


def test_beside_a_lighter_tenant_at_work_a_heavy_one_holds_few_places() -> None:
    queue = heavy(64)
    for _ in range(200):
        turn = queue.take()
        assert turn is not None
        queue.done(turn[0])
    queue.add(Share(b"light", b"small"), 0)
    held = Counter[bytes]()
    while (turn := queue.take()) is not None:
        held[turn[0].tenant] += 1
    assert held == {b"light": 1, b"heavy": 4}


def test_work_that_is_nobodys_makes_no_tenant_step_back() -> None:
    queue = heavy(64)
    queue.add(Share(b"", b""), 0)
    held = Counter[bytes]()
    while (turn := queue.take()) is not None:
        held[turn[0].tenant] += 1
    assert held == {b"": 1, b"heavy": 63}
