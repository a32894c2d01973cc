"""Nothing is lost and nothing is committed too early, whatever happens to the workers; on the real broker."""

from __future__ import annotations

import asyncio
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.engine.conftest import Flow

pytestmark = [pytest.mark.real, pytest.mark.slow]

STATIC: dict[str, Any] = {
    "options": {"worker_id": "w"}
}  # a restarted worker gets its place at once
WORKING: dict[str, Any] = {"work_s": (0.02, 0.1)}


async def test_ten_starts_on_a_backlog_lose_nothing(flow: Flow) -> None:
    """Each with a table to recover and 300 requests waiting: unfixed, one start in four loses some."""
    worker = flow.worker(**STATIC)
    await worker.ready()
    assert not await flow.answers(await flow.ask(5, 5))
    for _ in range(10):
        assert (await worker.terminated())[0] == 0
        ids = await flow.ask(300, 10)
        worker = flow.worker(**STATIC)
        await worker.ready()
        assert not await flow.answers(ids)
        flow.check_progress(ids)
    assert not flow.violations


async def test_ten_kills_under_load_lose_nothing(flow: Flow) -> None:
    """Every request is answered, no commit passes unfinished work, repeated progress has the same content."""
    chance = random.Random(3)  # noqa: S311 - when to kill
    worker = flow.worker(**STATIC, **WORKING)
    await worker.ready()
    repeats = 0
    for _ in range(10):
        ids = await flow.ask(100, 10)
        await asyncio.sleep(chance.uniform(0.3, 0.8))
        worker.kill()
        worker = flow.worker(**STATIC, **WORKING)
        await worker.ready()
        assert not await flow.answers(ids)
        repeats = flow.check_progress(ids)
    assert repeats > 0, "no kill hit a request under way: the trial shows nothing"
    assert flow.looks > 10
    assert not flow.violations
    await flow.caught_up()


@pytest.mark.parametrize(
    "point", ["before-outputs", "after-outputs-before-ack", "after-join-outputs-before-table"]
)
async def test_a_kill_at_a_named_point_loses_nothing(flow: Flow, point: str) -> None:
    worker = flow.worker(**STATIC, failpoints=f"{point}=kill")
    ids = await flow.ask(20, 5)
    assert await worker.ended() == -9
    await flow.worker(**STATIC).ready()
    assert not await flow.answers(ids)
    flow.check_progress(ids)
    assert not flow.violations


async def test_a_kill_while_the_table_is_recovered_loses_nothing(flow: Flow) -> None:
    worker = flow.worker(**STATIC)
    ids = await flow.ask(20, 5)
    assert not await flow.answers(ids)
    worker.kill()
    ids += await flow.ask(20, 5)
    assert await flow.worker(**STATIC, failpoints="during-recovery=kill").ended() == -9
    await flow.worker(**STATIC).ready()
    assert not await flow.answers(ids)
    flow.check_progress(ids)


async def test_stops_under_load_are_quick_and_lose_nothing(flow: Flow) -> None:
    """A worker that is asked to stop leaves within ten seconds, says 0, and its work goes on elsewhere."""
    ids: list[str] = []
    for _ in range(3):
        worker = flow.worker(**WORKING)
        await worker.ready()
        ids += await flow.ask(100, 10)
        await asyncio.sleep(0.3)
        code, took_s = await worker.terminated()
        assert code == 0
        assert took_s < 10
    await flow.worker(**WORKING).ready()
    assert not await flow.answers(ids)
    assert flow.check_progress(ids) == 0, (
        "a stop repeats nothing: what is under way is settled first"
    )
    assert not flow.violations


async def test_a_worker_that_slept_through_its_session_says_nothing_of_its_own(flow: Flow) -> None:
    """Another one has its partitions by then, and may have said the same things in other words."""
    sleeper, other = flow.worker(**WORKING), flow.worker(**WORKING)
    await sleeper.ready()
    await other.ready()
    await asyncio.sleep(1)
    ids = await flow.ask(200, 10)
    await asyncio.sleep(0.5)
    sleeper.process.send_signal(signal.SIGSTOP)
    assert not await flow.answers(ids)
    await asyncio.sleep(1)
    sleeper.process.send_signal(signal.SIGCONT)
    ids += await flow.ask(100, 10)
    assert not await flow.answers(ids)
    await flow.caught_up()
    flow.check_progress(ids)
    assert not flow.violations
    assert sleeper.process.poll() is None


async def test_workers_share_join_and_leave_without_a_loss(flow: Flow) -> None:
    first = flow.worker(**WORKING)
    await first.ready()
    ids = await flow.ask(200, 10)
    await asyncio.sleep(0.3)
    second = flow.worker(**WORKING)
    await second.ready()
    ids += await flow.ask(100, 10)
    assert not await flow.answers(ids)
    assert second.handled() > 0, "the second worker got nothing to do"
    assert first.handled() > 0
    ids += await flow.ask(200, 10)
    await asyncio.sleep(0.3)
    assert (await second.terminated())[0] == 0
    assert not await flow.answers(ids)
    third = flow.worker(**WORKING)
    await third.ready()
    ids += await flow.ask(200, 10)
    await asyncio.sleep(0.5)
    third.kill()
    assert not await flow.answers(ids)
    flow.check_progress(ids)
    assert not flow.violations
    await flow.caught_up()
