"""What lies on the topics by now: about one request, or of all progress from given offsets on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition

from streamproc import limits
from streamproc.console.update import FOLLOWED, OF_WALLETS, PROGRESS, update_from
from streamproc.kafka.consumers import (
    kafka_errors,
    opened_consumer,
    partition_of,
    partitions_of,
    seek_to_time,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer

    from streamproc.console.update import Update
    from streamproc.serde import Codec
    from streamproc.settings import Settings


class Past(NamedTuple):
    """What was said about a request: progress by `seq`, and the last update of each wallet."""

    progress: dict[int, Update]
    wallets: dict[str, Update]


class PastReader:
    """Reads what lies on the topics, for a few readers at once; the others wait."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        """Read the topics of these settings."""
        self._access = settings.kafka_brokers, settings.kafka_security()
        self._codec = codec
        self._places = asyncio.Semaphore(limits.CONSOLE_PAST_READERS)

    async def of_request(self, request_id: str, since_ms: int) -> Past:
        """What was said about a request since it was asked; raises BrokerUnavailableError when Kafka is away."""
        found = Past({}, {})
        key = request_id.encode()
        async with self._consumer() as consumer:
            places = {}
            for kind in FOLLOWED:
                topic = self._codec.topic_of(kind)
                count = len(await partitions_of(consumer, topic))
                place = TopicPartition(topic, partition_of(key, count))
                places[place] = self._event_of(kind)
            consumer.assign(list(places))
            await seek_to_time(consumer, list(places), since_ms - limits.CLI_FOLLOW_SLACK_MS)
            async for update in _up_to_now(consumer, places, key):
                if update.seq:
                    found.progress.setdefault(update.seq, update)
                else:
                    _note(found.wallets, update, self._event_of(OF_WALLETS[-1]))
        return found

    async def of_all(self, places: dict[int, int]) -> AsyncIterator[Update]:
        """All progress from these offsets on, by partition, up to where the topic ends by now.

        What the topic no longer has is left out; places past its end are moved there, and those of no partition taken
        out. Raises BrokerUnavailableError as above.
        """
        topic, event = self._codec.topic_of(PROGRESS), self._event_of(PROGRESS)
        async with self._consumer() as consumer:
            known = [TopicPartition(topic, each) for each in await partitions_of(consumer, topic)]
            begins = await consumer.beginning_offsets(known)
            ends = await consumer.end_offsets(known)
            consumer.assign(known)
            for partition in places.keys() - {place.partition for place in known}:
                del places[partition]
            for place in known:
                wanted = min(places.get(place.partition, 0), ends[place])
                places[place.partition] = wanted
                consumer.seek(place, max(wanted, begins[place]))
            async for update in _up_to_now(consumer, dict.fromkeys(known, event)):
                yield update

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        with kafka_errors(self._access[0]):
            async with self._places, opened_consumer(*self._access) as consumer:
                yield consumer

    def _event_of(self, kind: type) -> str:
        return self._codec.topology.by_event[kind.__name__].name


def _note(wallets: dict[str, Update], update: Update, last: str) -> None:
    """Remember what was said last about a wallet; nothing comes after its analysis."""
    before = wallets.get(update.wallet)
    if before is None or before.event != last:
        wallets[update.wallet] = update


async def _up_to_now(
    consumer: AIOKafkaConsumer, events: dict[TopicPartition, str], key: bytes | None = None
) -> AsyncIterator[Update]:
    """The updates on the consumer's partitions up to where they end by now; with `key` those of this one alone."""
    ends = await consumer.end_offsets(list(events))
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=limits.CONSOLE_POLL_MS)
        for place, records in fetched.items():
            for record in records:
                if key is not None and record.key != key:
                    continue
                if (update := update_from(record, events[place])) is not None:
                    yield update
