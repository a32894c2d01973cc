"""Consumers without a group, for who reads what lies on topics: opened for a block, placed by key and by time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from streamproc import limits
from streamproc.errors import BrokerUnavailableError, ConfigurationError, Fault
from streamproc.kafka.broker_access import refusal
from streamproc.kafka.record_batches import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from aiokafka import AIOKafkaProducer


@asynccontextmanager
async def opened_consumer(
    brokers: str, security: Mapping[str, object]
) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group; raises BrokerUnavailableError when no broker answers."""
    be_quiet()
    install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=limits.CLI_FETCH_WAIT_MS,
        max_partition_fetch_bytes=limits.EVENT_MAX_BYTES * 2,
        request_timeout_ms=limits.CLI_REQUEST_TIMEOUT_MS,
        **security,
    )
    try:
        await started(consumer, brokers, security)
        yield consumer
    finally:
        await consumer.stop()


@contextmanager
def kafka_errors(brokers: str) -> Iterator[None]:
    """Raise BrokerUnavailableError for whatever Kafka's library raises in the block."""
    try:
        yield
    except (KafkaError, OSError) as error:
        what = f"no usable answer from Kafka at {brokers}: {type(error).__name__}"
        raise BrokerUnavailableError(f"{what}: {error}") from error


async def started(
    client: AIOKafkaProducer | AIOKafkaConsumer, brokers: str, security: Mapping[str, object]
) -> None:
    """Start a client, or say which setting is wrong, or named the broker that does not answer.

    Who is cancelled meanwhile waits for a moment until it has started: half-way it would leave a connection open.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=limits.CLI_STARTED_S)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise
    except KafkaError as error:
        refused = await refusal(brokers, security, error)
        if refused is not None:
            raise refused from None
        what = f"no broker answers at STREAMPROC_KAFKA_BROKERS={brokers}"
        raise BrokerUnavailableError(f"{what}: {error}") from error


def be_quiet() -> None:
    """Keep aiokafka's own lines off the screen: what matters comes back as an exception."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own clients choose for a key (murmur2, as Java's default partitioner)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    """The topic's partitions, in order; raises ConfigurationError when the topic does not exist."""
    if topic not in await consumer.topics():
        rule = "must exist on the broker; `streamproc topics apply` creates it"
        raise ConfigurationError([Fault("topic", topic, rule)])
    await consumer.end_offsets([TopicPartition(topic, 0)])  # makes the client learn of the topic
    found: set[int] = consumer.partitions_for_topic(topic)
    return sorted(found)


async def seek_to_time(
    consumer: AIOKafkaConsumer, places: list[TopicPartition], since_ms: int
) -> None:
    """Point the consumer at the first record of that time or later; at the end where there is none."""
    # The ends first: what comes between the two answers is read, not stepped over.
    ends = await consumer.end_offsets(places)
    found = await consumer.offsets_for_times(dict.fromkeys(places, max(0, since_ms)))
    for place in places:
        at = found[place]
        consumer.seek(place, ends[place] if at is None else at.offset)
