"""Whatever becomes a dead letter or is lost, its request ends; and of ended requests nothing is left in the table.

The worker is the product's own, with shorter patience, and with a similarity agent that fails for some requests as a
bug would make it fail.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from streamproc.store import NewRequest, open_store
from streamproc.topics import read_topology
from tests.flow.conftest import House, served
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

IMPATIENT: Final = """
from streamproc import limits

limits.TIMER_S = 0.2
limits.DUE_REPEAT_S = 1.0
limits.HEAL_AFTER_S = 2
limits.READY_OVERDUE_S = 2
limits.UNSAID_S = 1
limits.ENDED_KEPT_S = 3
limits.UNOPENED_KEPT_S = 3
limits.REOPEN_LOOK_S = 1.0
limits.REOPEN_AFTER_S = 3
limits.HANDLER_TRIES = 1

from streamproc.agents import similarity

compare, failures = similarity.compare_wallets, set()


async def fails_for_some(ready, **given):
    is_first = ready.request_id not in failures
    failures.add(ready.request_id)
    if ready.request_id.startswith("mute") or (ready.request_id.startswith("deaf") and is_first):
        raise RuntimeError("a bug")
    async for said in compare(ready, **given):
        yield said


similarity.compare_wallets = fails_for_some
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    open_installation: Opener, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """An installation whose worker is impatient."""
    folder = tmp_path_factory.mktemp("impatient")
    (folder / "sitecustomize.py").write_text(IMPATIENT, encoding="utf-8")
    with served(world) as sandbox:
        async with open_installation(sandbox) as installation:
            await installation.ready_worker(PYTHONPATH=str(folder))
            yield House(installation, sandbox, world, "")


async def test_a_hand_over_that_became_a_dead_letter_is_repeated_and_the_request_completes(
    house: House,
) -> None:
    await house.installation.request("deaf", house.world.addresses[:2])
    await house.installation.ending("deaf")
    assert check_end(house.installation.said, "deaf")["status"] == "completed"
    assert len(house.installation.of("analysis-ready", "deaf")) > 1
    assert house.installation.of("dead-letters", "deaf")


async def test_a_request_that_nobody_can_compose_ends_by_the_joins_own_word(house: House) -> None:
    await house.installation.request("mute", house.world.addresses[:2], deadline_s=6)
    await house.installation.ending("mute")
    end = check_end(house.installation.said, "mute")
    assert (end["status"], end["code"]) == ("expired", "deadline_passed")


async def test_a_request_whose_opening_was_lost_is_opened_from_its_row(house: House) -> None:
    dsn = house.installation.environment["STREAMPROC_POSTGRES_DSN"]
    async with open_store(dsn, pool_size=1) as store:
        now_ms = await store.now_ms()
        wallets = sorted(house.world.addresses[:2])
        lost = NewRequest("lost", b"", "nowhere/0/0", wallets, {}, now_ms, now_ms // 1000 + 600)
        await store.record_requests([lost])
    await house.installation.ending("lost")
    assert check_end(house.installation.said, "lost")["status"] == "completed"
    assert not house.installation.of("analysis-requested", "lost")


async def test_nothing_of_an_ended_request_stays_in_the_table_and_late_parts_are_dropped(
    house: House,
) -> None:
    await house.installation.request("gone", house.world.addresses[:2])
    await house.installation.ending("gone")
    await forgotten(house.installation, "gone")
    said = len(house.installation.of("analysis-progress", "gone"))
    (part, *_) = house.installation.of("wallet-analyzed", "gone")
    before = await late_parts(house.installation)
    await house.installation.send("wallet-analyzed", "gone", part.value)
    async with asyncio.timeout(20):
        while await late_parts(house.installation) == before:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.2)
    await forgotten(house.installation, "gone")
    assert await late_parts(house.installation) == before + 1
    assert len(house.installation.of("analysis-progress", "gone")) == said


async def late_parts(installation: Installation) -> float:
    """How many parts of requests that it does not know the worker has dropped."""
    text = await installation.metrics(0)
    found = re.search(
        r'^streamproc_late_parts_dropped_total\{why="unopened"\} (\S+)$', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


async def forgotten(installation: Installation, request_id: str) -> None:
    """Wait until the last that the changelog says about a request is a tombstone."""
    (table,) = read_topology().tables
    topic = f"{installation.prefix}app-{table.name}-changelog"
    consumer = AIOKafkaConsumer(
        bootstrap_servers=installation.environment["STREAMPROC_KAFKA_BROKERS"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(table.partitions)]
        consumer.assign(places)
        values: list[bytes | None] = []
        async for record in consumer:
            if record.key == request_id.encode():
                values.append(record.value)
            if values and values[-1] is None and await _is_read(consumer, places):
                return
    finally:
        await consumer.stop()


async def _is_read(consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> bool:
    """Whether nothing is left to be read."""
    ends = await consumer.end_offsets(places)
    return all([await consumer.position(place) >= ends[place] for place in places])
