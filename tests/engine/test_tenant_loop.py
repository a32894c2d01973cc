"""Whose callback an event loop runs next."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.fair_queue import Share
from streamproc.engine.tenant_loop import Callbacks, TenantLoop
from streamproc.fair_limiter import CURRENT_REQUEST, NO_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

A, B, C = (Share(name, b"r") for name in (b"a", b"b", b"c"))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def a_loop() -> Iterator[TenantLoop]:
    """A loop that is closed in the end."""
    loop = TenantLoop()
    try:
        yield loop
    finally:
        loop.close()


def handle(loop: TenantLoop, share: Share) -> asyncio.Handle:
    """A callback of this share."""
    context = copy_context()
    context.run(CURRENT_REQUEST.set, share)
    return asyncio.Handle(lambda: None, (), loop, context)


def whose(ready: asyncio.Handle) -> Share:
    """The share that a callback is of."""
    context: Context = ready._context  # type: ignore[attr-defined]
    return context[CURRENT_REQUEST]


@given(st.lists(st.tuples(st.sampled_from([NO_REQUEST, A, B, C]), st.integers(1, 9))))
def test_everything_runs_once_and_each_tenants_in_the_order_of_arrival(
    arriving: list[tuple[Share, int]],
) -> None:
    with a_loop() as loop:
        clock = Clock()
        ready = Callbacks(clock)
        handles = [(handle(loop, share), share, took_s) for share, took_s in arriving]
        for each, _, _ in handles:
            ready.append(each)
        assert len(ready) == len(handles)
        took = {id(each): took_s for each, _, took_s in handles}
        ran = []
        while ready:
            ran.append(ready.popleft())
            clock.now_s += took[id(ran[-1])]
        with pytest.raises(IndexError):
            ready.popleft()
    for share in (NO_REQUEST, A, B, C):
        of_it = {id(each) for each, whose, _ in handles if whose == share}
        assert [id(each) for each in ran if id(each) in of_it] == [
            id(each) for each, whose, _ in handles if whose == share
        ]
    of_nobody = sum(share == NO_REQUEST for _, share, _ in handles)
    assert all(
        id(each) in {id(one) for one, share, _ in handles if share == NO_REQUEST}
        for each in ran[:of_nobody]
    )


@given(st.lists(st.integers(1, 9), min_size=40, max_size=40), st.integers(1, 9))
def test_two_that_always_wait_have_the_same_time_but_for_one_callback(
    of_a: list[int], of_b: int
) -> None:
    with a_loop() as loop:
        clock = Clock()
        ready = Callbacks(clock)
        had = {A: 0, B: 0}
        durations = iter(of_a)
        for share in (A, B):
            ready.append(handle(loop, share))
        for took in durations:
            share = whose(ready.popleft())
            took_s = took if share == A else of_b
            clock.now_s += took_s
            had[share] += took_s
            assert len(ready) == 1
            assert abs(had[A] - had[B]) <= 9
            ready.append(handle(loop, share))


def test_who_comes_to_a_backlog_of_another_waits_for_one_callback() -> None:
    with a_loop() as loop:
        clock = Clock()
        ready = Callbacks(clock)
        for _ in range(100):
            ready.append(handle(loop, A))
        ready.popleft()
        clock.now_s += 1.0
        late = handle(loop, B)
        ready.append(late)
        assert ready.popleft() is late


def test_who_was_away_has_saved_nothing_up() -> None:
    with a_loop() as loop:
        clock = Clock()
        ready = Callbacks(clock)
        for _ in range(9):
            ready.append(handle(loop, A))
            ready.popleft()
            clock.now_s += 1.0
            assert not ready
        for share in (B, B, B, A, A, A):
            ready.append(handle(loop, share))
        order = []
        while ready:
            order.append(whose(ready.popleft()).tenant)
            clock.now_s += 1.0
    assert order == [b"b", b"a", b"b", b"a", b"b", b"a"]


def test_tenants_without_number_are_not_remembered() -> None:
    with a_loop() as loop:
        clock = Clock()
        ready = Callbacks(clock)
        for number in range(3 * limits.TURNS_REMEMBERED):
            ready.append(handle(loop, Share(b"t%d" % number, b"r")))
            ready.popleft()
            clock.now_s += 0.001
            assert len(ready) == 0
        assert len(ready._had_s) <= limits.TURNS_REMEMBERED + 1


def test_the_loop_runs_its_callbacks_by_these_turns() -> None:
    """Asyncio's own queue is private: a Python that keeps its callbacks elsewhere is noticed here."""
    order: list[str] = []
    with a_loop() as loop:
        for number in range(3):
            as_of(A, loop.call_soon, order.append, f"a{number}")
        as_of(B, loop.call_soon, order.append, "b0")
        loop.call_soon(order.append, "nobody's")
        loop.call_soon(loop.stop)
        as_of(A, loop.call_soon, order.append, "a3")
        loop.run_forever()
    assert order[0] == "nobody's"
    assert order.index("b0") <= 2
    assert [each for each in order if each[0] == "a"] == ["a0", "a1", "a2", "a3"]


def test_other_threads_wake_it() -> None:
    with a_loop() as loop:

        async def wait_for_threads() -> int:
            counted = 0
            done = asyncio.Event()

            def count() -> None:
                nonlocal counted
                counted += 1
                if counted == 800:
                    done.set()

            def call() -> None:
                CURRENT_REQUEST.set(A)
                for _ in range(100):
                    loop.call_soon_threadsafe(count)

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            async with asyncio.timeout(30):
                await done.wait()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            return counted

        assert loop.run_until_complete(wait_for_threads()) == 800


def as_of(share: Share, call: Callable[..., object], *arguments: object) -> None:
    """Call this on behalf of a share."""
    context = copy_context()
    context.run(CURRENT_REQUEST.set, share)
    context.run(call, *arguments)
