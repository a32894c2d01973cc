"""When nothing is under way any more: all that agents read is committed, all that was said is read here."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamproc.topics import read_topology

if TYPE_CHECKING:
    from tests.flow.installation import Installation

QUIET_WITHIN_S = 60.0
AGENTS = {"requests", "sync", "balances", "join", "similarity"}
LOOK_S = 0.2


async def settled(installation: Installation) -> None:
    """Return when all that the agents read is committed and all that was said is read here; raises when never."""
    until = time.monotonic() + QUIET_WITHIN_S
    left = "nothing was asked"
    while time.monotonic() < until:
        try:
            left = await unsettled(installation)
        except KafkaError as error:
            left = repr(error)
        if not left:
            return
        await asyncio.sleep(LOOK_S)
    logs = "\n".join(installation.log(n)[-1500:] for n in range(len(installation.workers)))
    raise AssertionError(f"never settled: {left}\n{logs}")


async def unsettled(installation: Installation) -> str:
    """What is not committed or not read yet, "" for nothing."""
    brokers = installation.environment["STREAMPROC_KAFKA_BROKERS"]
    group = installation.environment["STREAMPROC_APP_ID"]
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers)
    await admin.start()
    await consumer.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
        topics = {installation.prefix + each.name: each for each in read_topology().topics}
        places = [
            TopicPartition(name, number)
            for name, topic in topics.items()
            for number in range(topic.partitions)
        ]
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
        await admin.close()
    read: dict[TopicPartition, int] = {}
    for each in installation.said:
        read[TopicPartition(installation.prefix + each.topic, each.partition)] = each.offset + 1
    for place, end in ends.items():
        if end and read.get(place, 0) < end:
            return f"{place} is not read to {end}"
        consumed = AGENTS & set(topics[place.topic].consumers)
        if end and consumed and (place not in committed or committed[place].offset < end):
            return f"{place} is not committed to {end}"
    return ""
