"""The command line's own access to Kafka: send records, and follow what is said about one request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streamproc import limits
from streamproc.cli.shared.kafka_clients import consuming, producing
from streamproc.errors import BrokerUnavailableError
from streamproc.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AnalysisProgressed,
    AnalysisRequested,
    Event,
    WalletAnalyzed,
    WalletProgressed,
)
from streamproc.kafka.consumers import partition_of, partitions_of, seek_to_time
from streamproc.serde import Encoded, codec_of, decode_internal
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from streamproc.serde import Codec
    from streamproc.settings import Settings

FIRST_MENTIONS: Final = (AnalysisProgressed, AnalysisFailed)
FOLLOWED: Final = (
    AnalysisProgressed,
    AnalysisFailed,
    AnalysisCompleted,
    WalletProgressed,
    WalletAnalyzed,
)


class Placed(NamedTuple):
    """Where a record came to lie."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int = -1


def codec_for(settings: Settings) -> Codec:
    """The codec of this installation's topics."""
    return codec_of(settings, read_topology())


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def send_event(settings: Settings, event: Event | AnalysisRequested) -> Placed:
    """Send one event to its topic and return where it lies once the broker has confirmed it."""
    # AnalysisRequested is Options with an id; for the codec it is as good as any event.
    encoded = codec_for(settings).encode(cast("Event", event), time_ms=now_ms())
    async with producing(settings) as producer:
        return await send_record(producer, encoded)


async def send_record(producer: AIOKafkaProducer, record: Encoded) -> Placed:
    """Send one record and return where it lies; raises BrokerUnavailableError when it is not confirmed."""
    try:
        placed = await producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )
    except KafkaError as error:
        raise BrokerUnavailableError(f"the record was not confirmed: {error}") from error
    return Placed(placed.topic, placed.partition, placed.offset, placed.timestamp)


async def follow(
    settings: Settings, request_id: str, *, since_ms: int | None = None
) -> AsyncIterator[Event]:
    """What is said about one request, as it is said, until its terminal record has come.

    Progress of the request and of its wallets, then AnalysisCompleted or AnalysisFailed as the last event. Without
    `since_ms` the request's first mention is looked for from the beginning of its partition, so that following may
    begin late, even after the end; a request never heard of is waited for.
    """
    async with consuming(settings) as consumer:
        if since_ms is None:
            since_ms = await _first_mention(consumer, settings, request_id)
        await _seek(consumer, settings, FOLLOWED, request_id, since_ms - limits.CLI_FOLLOW_SLACK_MS)
        told_end, terminal = False, None
        async for event in _events(consumer, settings, request_id):
            if isinstance(event, AnalysisCompleted | AnalysisFailed):
                terminal = event
            else:
                yield event
            told_end = told_end or (isinstance(event, AnalysisProgressed) and event.terminal)
            if terminal is not None and (told_end or _is_rejection(terminal)):
                break
        for event in await _left_over(consumer, settings, request_id):
            yield event
        if terminal is not None:
            yield terminal


def _is_rejection(terminal: Event) -> bool:
    """True for a request that was rejected: earlier versions kept no progress of it."""
    return isinstance(terminal, AnalysisFailed) and terminal.status == "rejected"


async def latest_progress(settings: Settings, asked_at_ms: Mapping[str, int]) -> dict[str, float]:
    """How many percent each of these requests was last said to have done, by what lies on Kafka now.

    Records are read from the time at which the first of them was asked.
    """
    codec = codec_for(settings)
    topic = codec.topic_of(AnalysisProgressed)
    keys = {request_id.encode(): request_id for request_id in asked_at_ms}
    since_ms = min(asked_at_ms.values()) - limits.CLI_FOLLOW_SLACK_MS
    percents: dict[str, float] = {}
    async with consuming(settings) as consumer:
        count = len(await partitions_of(consumer, topic))
        places = [TopicPartition(topic, at) for at in {partition_of(key, count) for key in keys}]
        consumer.assign(places)
        await seek_to_time(consumer, places, since_ms)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            fetched = await consumer.getmany(timeout_ms=limits.CLI_FETCH_WAIT_MS * 5)
            if not fetched:
                break
            for record in (each for records in fetched.values() for each in records):
                if (request_id := keys.get(record.key)) is not None:
                    event = decode_internal(AnalysisProgressed, record.value)
                    percents[request_id] = max(event.percent, percents.get(request_id, 0.0))
    return percents


async def _first_mention(consumer: AIOKafkaConsumer, settings: Settings, request_id: str) -> int:
    """When the request was first spoken of, in unix milliseconds of the record."""
    await _seek(consumer, settings, FIRST_MENTIONS, request_id, None)
    key = request_id.encode()
    async for record in consumer:
        if record.key == key:
            return int(record.timestamp)
    raise BrokerUnavailableError("the broker stopped answering")  # pragma: no cover - never ends


async def _events(
    consumer: AIOKafkaConsumer, settings: Settings, request_id: str
) -> AsyncIterator[Event]:
    """The events about one request on the consumer's partitions."""
    codec = codec_for(settings)
    kinds = {codec.topic_of(kind): kind for kind in FOLLOWED}
    key = request_id.encode()
    async for record in consumer:
        if record.key == key:
            yield decode_internal(kinds[record.topic], record.value)


async def _left_over(
    consumer: AIOKafkaConsumer, settings: Settings, request_id: str
) -> list[Event]:
    """What lies on the other partitions by now, so that no topic's slower answer is cut off by the end."""
    codec = codec_for(settings)
    kinds = {
        codec.topic_of(kind): kind
        for kind in (AnalysisProgressed, WalletProgressed, WalletAnalyzed)
    }
    ends = await consumer.end_offsets(consumer.assignment())
    found: list[Event] = []
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=limits.CLI_FETCH_WAIT_MS * 5)
        if not fetched:
            break
        found += [
            decode_internal(kinds[record.topic], record.value)
            for records in fetched.values()
            for record in records
            if record.key == request_id.encode() and record.topic in kinds
        ]
    return found


async def _seek(
    consumer: AIOKafkaConsumer,
    settings: Settings,
    kinds: Iterable[type[Event]],
    request_id: str,
    since_ms: int | None,
) -> None:
    """Point the consumer at this request's partition of each class's topic: at a time, or at the beginning."""
    codec = codec_for(settings)
    places = []
    for kind in kinds:
        topic = codec.topic_of(kind)
        count = len(await partitions_of(consumer, topic))
        places.append(TopicPartition(topic, partition_of(request_id.encode(), count)))
    consumer.assign(places)
    if since_ms is None:
        await consumer.seek_to_beginning(*places)
        return
    await seek_to_time(consumer, places, since_ms)
