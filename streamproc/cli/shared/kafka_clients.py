"""Clients of the brokers for the command line: opened for a block, quiet, refused in words that name the setting."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from streamproc import limits
from streamproc.kafka.consumers import be_quiet, opened_consumer, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer

    from streamproc.settings import Settings


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer that waits for all replicas; raises BrokerUnavailableError when no broker answers."""
    be_quiet()
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
        await started(producer, settings.kafka_brokers, settings.kafka_security())
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group; raises BrokerUnavailableError when no broker answers."""
    async with opened_consumer(settings.kafka_brokers, settings.kafka_security()) as consumer:
        yield consumer
