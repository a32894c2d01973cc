"""Clients of the brokers for the command line: opened for a block, quiet, refused in words that name the setting."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from streamproc import limits
from streamproc.errors import BrokerUnavailableError
from streamproc.kafka.broker_access import refusal
from streamproc.kafka.record_batches import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.settings import Settings


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that waits for all replicas; raises BrokerUnavailableError when no broker answers."""
    _be_quiet()
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_brokers,
        acks="all",
        enable_idempotence=True,
        compression_type="gzip",
        max_request_size=limits.EVENT_MAX_BYTES * 2,
        request_timeout_ms=limits.CLI_REQUEST_TIMEOUT_MS,
        **settings.kafka_security(),
    )
    try:
        await _started(producer, settings)
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group; raises BrokerUnavailableError when no broker answers."""
    _be_quiet()
    install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_brokers,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=limits.CLI_FETCH_WAIT_MS,
        max_partition_fetch_bytes=limits.EVENT_MAX_BYTES * 2,
        request_timeout_ms=limits.CLI_REQUEST_TIMEOUT_MS,
        **settings.kafka_security(),
    )
    try:
        await _started(consumer, settings)
        yield consumer
    finally:
        await consumer.stop()


async def _started(client: AIOKafkaProducer | AIOKafkaConsumer, settings: Settings) -> None:
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
        refused = await refusal(settings.kafka_brokers, settings.kafka_security(), error)
        if refused is not None:
            raise refused from None
        what = f"no broker answers at STREAMPROC_KAFKA_BROKERS={settings.kafka_brokers}"
        raise BrokerUnavailableError(f"{what}: {error}") from error


def _be_quiet() -> None:
    """Keep aiokafka's own lines off the screen: what matters comes back as an exception."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
