"""A worker is ready while requests are worked off, and says in words why it is not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from streamproc import limits
from streamproc.engine.health.readiness import Readiness
from streamproc.errors import StoreUnavailableError

if TYPE_CHECKING:
    from streamproc.engine.health.gauges import Gauges


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A worker's vital signs, set by hand."""

    def __init__(self, clock: Clock) -> None:
        self.has_broker = True
        self.has_store = True
        self.flows = True
        self.moved = clock()
        self.waits = 0

    def moved_at(self) -> float:
        return self.moved

    def waiting(self) -> int:
        return self.waits

    async def is_broker_reachable(self) -> bool:
        return self.has_broker

    async def store(self) -> None:
        if not self.has_store:
            raise StoreUnavailableError("Postgres: gone")


class Case:
    """A worker that has just answered every question."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.worker = Worker(self.clock)
        gauges: Gauges = self.worker  # type: ignore[assignment] # the part of it that is looked at
        self.readiness = Readiness(gauges, lambda: self.worker.flows, self.clock)
        self.readiness.watch("Postgres", self.worker.store)

    async def after(self, seconds: float) -> list[str]:
        """What keeps it from working after so long, with a question every two seconds."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + limits.PROBE_S)
            for name in ("Kafka", "Postgres"):
                await self.readiness.ask(name)
        return self.readiness.why_not()


@pytest.fixture
def case() -> Case:
    return Case()


async def test_a_worker_with_nothing_to_do_stays_ready(case: Case) -> None:
    assert await case.after(3600) == []


@pytest.mark.parametrize(("part", "name"), [("has_broker", "Kafka"), ("has_store", "Postgres")])
async def test_who_is_away_for_ten_seconds_is_named_until_it_answers(
    case: Case, part: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    setattr(case.worker, part, False)
    assert await case.after(10) == []
    assert await case.after(2) == [f"{name} has not answered for 12 s"]
    assert len([each for each in caplog.records if "has been away" in each.message]) == 1
    setattr(case.worker, part, True)
    assert await case.after(2) == []
    assert len([each for each in caplog.records if "is there again" in each.message]) == 1


async def test_a_short_outage_changes_nothing(case: Case) -> None:
    for _ in range(5):
        case.worker.has_broker = False
        assert await case.after(8) == []
        case.worker.has_broker = True
        assert await case.after(2) == []


async def test_records_that_wait_without_anything_moving_are_named(case: Case) -> None:
    case.worker.waits = 7
    assert await case.after(30) == []
    assert await case.after(2) == ["7 records wait and nothing has moved for 32 s"]
    case.worker.moved = case.clock()
    assert case.readiness.why_not() == []


async def test_without_partitions_a_worker_is_not_ready(case: Case) -> None:
    case.worker.flows = False
    assert case.readiness.why_not() == ["partitions are not assigned, or tables not restored"]


async def test_everything_that_is_wrong_is_named_at_once(case: Case) -> None:
    case.worker.has_broker = case.worker.has_store = False
    case.worker.waits = 1
    why = await case.after(60)
    assert [each.split(" ")[0] for each in why] == ["Kafka", "Postgres", "1"]
