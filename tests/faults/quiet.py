"""When nothing is under way any more: all that agents read is committed, all that was said is read here."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.topics import Topic
    from tests.flow.installation import Installation

QUIET_WITHIN_S = 60.0
AGENTS = {"requests", "sync", "balances", "join", "similarity"}
LOOK_S = 0.2
TIMEOUT_MS = 5000


async def settled(installation: Installation) -> None:
    """Return when all that the agents read is committed and all that was said is read here; raises when never."""
    until = time.monotonic() + QUIET_WITHIN_S
    left = "nothing was asked"
    while time.monotonic() < until:
        try:
            async with clients(installation) as (admin, consumer):
                while time.monotonic() < until:
                    left = await unsettled(installation, admin, consumer)
                    if not left:
                        return
                    await asyncio.sleep(LOOK_S)
        except KafkaError as error:
            left = repr(error)
            await asyncio.sleep(LOOK_S)
    logs = "\n".join(installation.log(n)[-1500:] for n in range(len(installation.workers)))
    raise AssertionError(f"never settled: {left}\n{logs}")


@asynccontextmanager
async def clients(
    installation: Installation,
) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
    """An admin and a consumer of the installation's broker, for the length of the block."""
    brokers = installation.environment["STREAMPROC_KAFKA_BROKERS"]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers, request_timeout_ms=TIMEOUT_MS)
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        await consumer.start()
        yield admin, consumer
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            await consumer.stop()
            await admin.close()


def places(installation: Installation) -> dict[TopicPartition, Topic]:
    """All partitions of the installation's topics."""
    return {
        TopicPartition(installation.prefix + topic.name, number): topic
        for topic in read_topology().topics
        for number in range(topic.partitions)
    }


async def unsettled(
    installation: Installation, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer
) -> str:
    """What is not committed or not read yet, "" for nothing."""
    committed = await admin.list_consumer_group_offsets(
        installation.environment["STREAMPROC_APP_ID"]
    )
    topics = places(installation)
    ends = await consumer.end_offsets(list(topics))
    read: dict[TopicPartition, int] = {}
    for each in installation.said:
        read[TopicPartition(installation.prefix + each.topic, each.partition)] = each.offset + 1
    for place, end in ends.items():
        if end and read.get(place, 0) < end:
            return f"{place} is not read to {end}"
        consumed = AGENTS & set(topics[place].consumers)
        if end and consumed and (place not in committed or committed[place].offset < end):
            return f"{place} is not committed to {end}"
    return ""
