"""What became of a request that was just sent under an id of the sender's choice: accepted, or the id was taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from streamproc import limits
from streamproc.cli.shared.kafka_clients import consuming
from streamproc.cli.shared.records import codec_for
from streamproc.errors import StreamprocError
from streamproc.events import AnalysisAccepted, AnalysisFailed, CohortRequested
from streamproc.kafka.consumers import partition_of, partitions_of, seek_to_time
from streamproc.kafka.dead_letters import ERRORS, REASON
from streamproc.serde import decode_internal, header
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer

    from streamproc.cli.shared.records import Placed
    from streamproc.settings import Settings


class NotTakenError(StreamprocError):
    """A record that was sent became a dead letter."""


async def is_taken_up(settings: Settings, request_id: str, placed: Placed) -> bool:
    """True when a worker has accepted or answered this very record, False when none has said anything in time.

    Raises NotTakenError when it became a dead letter: the id belongs to another request.
    """
    try:
        async with asyncio.timeout(limits.CLI_ACCEPTED_S), consuming(settings) as consumer:
            async for record in _said(settings, consumer, request_id, placed):
                if _is_about(record, placed):
                    return True
    except (TimeoutError, TopicAuthorizationFailedError):
        return False
    return False  # pragma: no cover - a consumer never ends


async def _said(
    settings: Settings, consumer: AIOKafkaConsumer, request_id: str, placed: Placed
) -> AsyncIterator[object]:
    """What is said under the request's key where the answer to it would stand."""
    codec = codec_for(settings)
    letters = settings.topic_prefix + read_topology().dead_letters.name
    key = request_id.encode()
    places = []
    answers = (AnalysisAccepted, CohortRequested, AnalysisFailed)
    topics: list[str] = [codec.topic_of(each) for each in answers]
    if letters in await consumer.topics():  # who may not see them is told of acceptances alone
        topics.append(letters)
    for topic in topics:
        count = len(await partitions_of(consumer, topic))
        places.append(TopicPartition(topic, partition_of(key, count)))
    consumer.assign(places)
    await seek_to_time(consumer, places, placed.timestamp_ms - limits.CLI_FOLLOW_SLACK_MS)
    async for record in consumer:
        if record.key == key:
            if record.topic == letters:
                _raise_for(record, request_id, placed)
            else:
                yield decode_internal(answers[topics.index(record.topic)], record.value)


def _is_about(event: object, placed: Placed) -> bool:
    """Whether an event answers this very record."""
    if isinstance(event, AnalysisAccepted | CohortRequested):
        return event.requested_at_ms == placed.timestamp_ms
    return (
        isinstance(event, AnalysisFailed)
        and event.status == "rejected"
        and event.at * 1000 >= placed.timestamp_ms
    )


def _raise_for(letter: object, request_id: str, placed: Placed) -> None:
    """Raise NotTakenError if this is the dead letter of the record."""
    headers = letter.headers  # type: ignore[attr-defined] # aiokafka has no types
    found = [header(headers, f"{ERRORS}{name}") for name in ("topic", "partition", "offset")]
    if found == [placed.topic.encode(), b"%d" % placed.partition, b"%d" % placed.offset]:
        why = (header(headers, f"{ERRORS}message") or b"").decode("utf-8", "replace")
        reason = (header(headers, REASON) or b"").decode("ascii", "replace")
        raise NotTakenError(f"{request_id} was not taken up ({reason}): {why}")
