"""What brokers refuse for good: a record, or everything for a topic that is gone or not ours to write."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streamproc import limits
from streamproc.errors import StreamprocError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.client import AIOKafkaClient

log = logging.getLogger(__name__)

REFUSALS: Final = (MessageSizeTooLargeError, InvalidTimestampError)  # of a record
_CLOSED: Final[dict[type[Exception], str]] = {
    ClusterAuthorizationFailedError: "the brokers do not allow us to write at all",
    InvalidTopicError: "the brokers do not take its name",
    TopicAuthorizationFailedError: "the brokers do not allow it",
    TransactionalIdAuthorizationFailed: "the brokers do not allow its transactional ids",
}


class OutputRefusedError(StreamprocError):
    """The brokers refuse a record for good: it is too large, or its time is off the scale."""


class OutputImpossibleError(StreamprocError):
    """Nothing can be written to a topic: it is gone, or not ours to write."""


async def why_closed(producer: AIOKafkaProducer, topic: str, error: Exception) -> str | None:
    """Why nothing can be written to the topic, None when that may change by itself."""
    words = _CLOSED.get(type(error))
    if words is None and await _is_gone(producer.client, topic):
        words = "it does not exist, or we may not see it"
    if words is None:
        return None
    log.error("%s cannot be written: %s", topic, type(error).__name__)
    return f"{topic} cannot be written: {words}"


async def _is_gone(client: AIOKafkaClient, topic: str) -> bool:
    """Whether the brokers answer and do not know the topic, for a while: one that just started knows none yet."""
    until = time.monotonic() + limits.TOPIC_WAIT_S
    while True:
        try:
            asked = client.fetch_all_metadata()
            cluster = await asyncio.wait_for(asked, limits.PROBE_TIMEOUT_S)
        except (KafkaError, OSError, TimeoutError):
            return False
        if not cluster.brokers() or topic in cluster.topics():
            return False
        if time.monotonic() > until:
            return True
        await asyncio.sleep(1.0)
