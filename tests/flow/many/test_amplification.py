"""What little input may not cause: megabytes on the topics, memory for ids that nobody knows, endless answers."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from solders.keypair import Keypair

from streamproc.topics import read_topology
from tests.flow.conftest import served
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

MEGABYTE: Final = 1_000_000
CANCELS: Final = 20_000
REASON: Final = "r" * 490


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(world: World, open_installation: Opener) -> AsyncIterator[Installation]:
    """An installation with one worker that has answered a request."""
    with served(world) as sandbox:
        async with open_installation(sandbox) as installation:
            await installation.ready_worker()
            await installation.request("warm", world.addresses[:2])
            await installation.ending("warm")
            yield installation


def addresses(number: int) -> list[str]:
    """So many addresses that nobody knows."""
    return [str(Keypair().pubkey()) for _ in range(number)]


async def test_cancels_of_ids_that_nobody_knows_are_worked_off_and_cost_no_memory(
    house: Installation, world: World
) -> None:
    await cancels(house, range(CANCELS // 10))  # what a worker needs to work at all is not counted
    before, started = memory_of(house), time.monotonic()
    await cancels(house, range(CANCELS // 10, CANCELS))
    assert time.monotonic() - started < 60
    assert memory_of(house) - before < 20 * MEGABYTE
    assert await changelog_bytes(house, b"nobody-") == 0
    await house.request("nobody-7", world.addresses[:2])
    end = await house.ending("nobody-7")
    assert (end["status"], REASON in end["message"][:600]) == ("cancelled", False)
    assert "rrrr" in end["message"]


@pytest.mark.slow
async def test_ten_thousand_excluded_mints_are_said_once_and_not_with_every_wallet(
    house: Installation,
) -> None:
    wallets, mints = addresses(1000), addresses(10_000)
    await house.request("amplified", wallets, excluded_mints=mints, enrich=False)
    await house.ending("amplified")
    assert check_end(house.said, "amplified")["status"] == "completed"
    said = [each for each in house.said if b"amplified" in (each.value or b"")]
    by_topic: dict[str, int] = {}
    for each in said:
        size = len(each.key or b"") + len(each.value or b"")
        size += sum(len(name) + len(value) for name, value in each.headers.items())
        by_topic[each.topic] = by_topic.get(each.topic, 0) + size
    by_topic["changelog"] = await changelog_bytes(house, b"amplified")
    for topic in ("analysis-requested", "analysis-completed"):  # as large as they are
        del by_topic[topic]
    assert sum(by_topic.values()) < 3 * MEGABYTE, by_topic


async def cancels(house: Installation, numbers: range) -> None:
    """Cancel so many requests that nobody has made; returns when they are worked off."""
    for number in numbers:
        name = f"nobody-{number}"
        await house.send("analysis-cancel-requested", name, {"request_id": name, "reason": REASON})
    await house.until_committed("analysis-cancel-requested")


def memory_of(house: Installation) -> int:
    """Bytes of memory that the worker's process holds."""
    status = Path(f"/proc/{house.workers[0].pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def changelog_bytes(house: Installation, prefix: bytes) -> int:
    """Bytes that the join's changelog holds of keys that begin so."""
    (table,) = read_topology().tables
    topic = f"{house.prefix}app-{table.name}-changelog"
    consumer = AIOKafkaConsumer(
        bootstrap_servers=house.environment["STREAMPROC_KAFKA_BROKERS"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    total = 0
    try:
        places = [TopicPartition(topic, number) for number in range(table.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                mine = [each for each in records if (each.key or b"").startswith(prefix)]
                total += sum(len(each.key or b"") + len(each.value or b"") for each in mine)
    finally:
        await consumer.stop()
    return total
