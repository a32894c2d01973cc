"""The watchdog ends a process that only looks alive, and none that waits."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from streamproc import limits
from streamproc.engine.health.watchdog import LoopGuard, Watchdog


class Worker:
    """A worker's vital signs, set by hand."""

    def __init__(self) -> None:
        self.works = False
        self.moved = self.polled = time.monotonic() - 1000
        self.waiting = 5
        self.has_broker = True
        self.stuck = 0.0

    def is_at_work(self) -> bool:
        return self.works

    def moved_at(self) -> float:
        return self.moved

    def polled_at(self) -> float:
        return self.polled

    def stuck_s(self) -> float:
        return self.stuck

    def lag(self) -> int:
        return self.waiting

    async def is_broker_reachable(self) -> bool:
        return self.has_broker


class Case:
    """A watchdog that has watched for long, and what it said at the end of the process."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.ends: list[str] = []
        self.dog = Watchdog(self.worker, stall_s=60, end=self.ends.append)
        self.dog._since = time.monotonic() - 1000


@pytest.fixture
def case() -> Case:
    """A worker with lag, at which nothing moves."""
    case = Case()
    case.worker.polled = time.monotonic()
    return case


async def test_lag_and_nothing_moving_ends_the_process(case: Case) -> None:
    await case.dog.look()
    assert len(case.ends) == 1
    assert "5 records wait" in case.ends[0]


async def test_a_fetcher_that_asks_for_nothing_ends_the_process(case: Case) -> None:
    case.worker.polled = time.monotonic() - 1000
    case.worker.waiting = 0
    await case.dog.look()
    assert "fetcher" in case.ends[0]


async def test_an_assignment_that_never_ends_ends_the_process(case: Case) -> None:
    case.worker.moved = time.monotonic()
    case.worker.stuck = limits.UNREADY_S + 1
    await case.dog.look()
    assert "no records have flowed" in case.ends[0]


async def test_a_long_handler_is_no_stall(case: Case) -> None:
    case.worker.works = True
    await case.dog.look()
    case.worker.works = False
    await case.dog.look()
    assert case.ends == []


async def test_no_lag_is_no_stall(case: Case) -> None:
    case.worker.waiting = 0
    await case.dog.look()
    assert case.ends == []


async def test_brokers_that_are_away_are_waited_for(case: Case) -> None:
    case.worker.has_broker = False
    await case.dog.look()
    assert case.ends == []


async def test_what_moves_is_no_stall(case: Case) -> None:
    case.worker.moved = time.monotonic()
    await case.dog.look()
    assert case.ends == []


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guarding thread looks a hundred times a second."""
    monkeypatch.setattr("streamproc.engine.health.watchdog._BEAT_S", 0.01)


@pytest.mark.usefixtures("quick_looks")
def test_a_blocked_event_loop_ends_the_process() -> None:
    ends: list[str] = []
    guard = LoopGuard(0.2, end=ends.append)
    guard.start()
    time.sleep(0.5)
    guard.finish()
    guard.join()
    assert "blocked" in ends[0]


@pytest.mark.usefixtures("quick_looks")
async def test_a_loop_that_turns_is_left_alone() -> None:
    ends: list[str] = []
    guard = LoopGuard(0.2, end=ends.append)
    beating = asyncio.create_task(guard.beat())
    guard.start()
    await asyncio.sleep(0.6)
    guard.finish()
    beating.cancel()
    assert ends == []


@pytest.mark.usefixtures("quick_looks")
def test_a_turning_loop_and_a_quick_stop_end_nothing_but_a_slow_stop_does() -> None:
    ends: list[str] = []
    guard = LoopGuard(3600, end=ends.append)
    guard.start()
    guard.stop_within(3600)
    time.sleep(0.1)
    assert ends == []
    guard.stop_within(0.0)
    time.sleep(0.2)
    guard.finish()
    guard.join()
    assert ends[0] == "the stop takes too long"


def test_the_end_of_the_time_to_stop_waits_for_no_other_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamproc.engine.health.watchdog._BEAT_S", 3600.0)
    ended = threading.Event()
    guard = LoopGuard(3600, end=lambda _: ended.set())
    guard.stop_within(0.1)
    guard.start()
    assert ended.wait(60)
    guard.finish()
    guard.join()
