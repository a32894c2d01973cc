"""A broker that dies under load and comes back on its old records: nothing is lost and the worker does not end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.local.broker import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.engine.conftest import Flow

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
async def own_broker(stack_dir: Path) -> AsyncIterator[EmbeddedBroker]:
    """A broker that nobody else uses."""
    broker = EmbeddedBroker(stack_dir / "kafka", say=lambda _: None)
    await asyncio.to_thread(broker.start)
    yield broker
    await asyncio.to_thread(broker.stop)


async def test_a_killed_broker_delays_and_loses_nothing(
    own_broker: EmbeddedBroker,
    flow_on: Callable[[str, Path], AbstractAsyncContextManager[Flow]],
    tmp_path: Path,
) -> None:
    async with flow_on(own_broker.bootstrap, tmp_path) as flow:
        worker = flow.worker(work_s=(0.02, 0.1))
        await worker.ready()
        ids = await flow.ask(200, 10)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_broker.kill)
        await asyncio.sleep(5)
        await asyncio.to_thread(own_broker.start)
        assert not await flow.answers(ids)
        assert worker.process.poll() is None, "the worker ended"
        flow.check_progress(ids)
        await flow.caught_up()
        assert not flow.violations
        assert len(worker.log.read_text().splitlines()) < 1000, "an outage floods the log"
