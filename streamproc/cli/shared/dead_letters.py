"""Dead letters on Kafka: read up to where they end now, sent again as they were, removed up to an offset."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError

from streamproc import limits
from streamproc.cli.shared.kafka_clients import consuming, producing
from streamproc.cli.shared.records import Placed, send_record
from streamproc.errors import BrokerUnavailableError, Fault, InvalidInputError
from streamproc.kafka.consumers import partitions_of, seek_to_time
from streamproc.kafka.dead_letters import ERRORS, REASON, DeadLetter, Position, letter_of
from streamproc.serde import Encoded
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from aiokafka import AIOKafkaConsumer

    from streamproc.settings import Settings


class Filters(NamedTuple):
    """Which dead letters are meant; None means any."""

    reason: str | None = None
    topic: str | None = None  # the source's name, with or without the prefix
    since_ms: int | None = None
    positions: frozenset[Position] | None = None

    def match(self, letter: DeadLetter, prefix: str) -> bool:
        """True when the letter is one of them."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.topic is None or letter.source in {self.topic, prefix + self.topic})
            and (self.positions is None or letter.position in self.positions)
        )


def parsed_positions(texts: Iterable[str]) -> frozenset[Position]:
    """Positions written `partition:offset`; raises InvalidInputError with all that are not."""
    found, faults = set(), []
    for text in texts:
        partition, _, offset = text.partition(":")
        if partition.isdecimal() and offset.isdecimal():
            found.add(Position(int(partition), int(offset)))
        else:
            faults.append(
                Fault("position", text, "must be partition:offset, as `dlq list` shows it")
            )
    if faults:
        raise InvalidInputError(faults)
    return frozenset(found)


async def dead_letters(
    settings: Settings, filters: Filters, *, limit: int
) -> AsyncIterator[DeadLetter]:
    """The dead letters that match, up to `limit`, of those that are there now."""
    async with consuming(settings) as consumer:
        ends = await _start(consumer, _topic(settings), filters)
        given = 0
        while given < limit and not await _is_through(consumer, ends):
            batches = await consumer.getmany(timeout_ms=limits.CLI_REQUEST_TIMEOUT_MS)
            for place, records in batches.items():
                for record in records:
                    letter = letter_of(record)
                    is_meant = record.offset < ends[place] and filters.match(
                        letter, settings.topic_prefix
                    )
                    if is_meant and given < limit:
                        given += 1
                        yield letter


async def send_again(
    settings: Settings,
    letters: Iterable[DeadLetter],
    *,
    per_s: float,
    told: Callable[[DeadLetter, Placed], None],
) -> None:
    """Send each letter to the topic that it came from: same key, value and headers but for those that say why it died.

    At most `per_s` a second. What has no source, or neither key nor value, raises InvalidInputError before anything
    is sent.
    """
    letters = list(letters)
    faults = [
        Fault(
            str(letter.position),
            letter.source or "no source",
            "must name its source and have a key or a value, none of it left out",
        )
        for letter in letters
        if not letter.can_be_sent_again
    ]
    if faults:
        raise InvalidInputError(faults)
    async with producing(settings) as producer:
        for letter in letters:
            placed = await send_record(producer, _original(letter))
            told(letter, placed)
            await asyncio.sleep(1 / per_s)


async def remove_up_to(settings: Settings, positions: Iterable[Position]) -> dict[int, int]:
    """Remove all dead letters of each named partition up to and with the offset; return where each now begins.

    Raises BrokerUnavailableError when the broker refuses or does not answer.
    """
    topic = _topic(settings)
    up_to = {
        TopicPartition(topic, position.partition): RecordsToDelete(
            before_offset=position.offset + 1
        )
        for position in sorted(positions)
    }
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_brokers, **settings.kafka_security()
    )
    try:
        await admin.start()
        left = await admin.delete_records(up_to)
    except KafkaError as error:
        raise BrokerUnavailableError(f"dead letters were not removed: {error}") from error
    finally:
        await admin.close()
    return {place.partition: low for place, low in left.items()}


async def last_before(settings: Settings, until_ms: int) -> frozenset[Position]:
    """The last dead letter of each partition that is older than this; none of partitions without one."""
    topic = _topic(settings)
    async with consuming(settings) as consumer:
        places = [TopicPartition(topic, number) for number in await partitions_of(consumer, topic)]
        starts = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        found = await consumer.offsets_for_times(dict.fromkeys(places, until_ms))
    firsts = {place: ends[place] if at is None else at.offset for place, at in found.items()}
    return frozenset(
        Position(place.partition, first - 1)
        for place, first in firsts.items()
        if first > starts[place]
    )


async def count_up_to(settings: Settings, positions: Iterable[Position]) -> dict[int, int]:
    """How many offsets `remove_up_to` would remove of each partition.

    Raises InvalidInputError for positions that lie past the end.
    """
    topic = _topic(settings)
    async with consuming(settings) as consumer:
        places = {
            TopicPartition(topic, position.partition): position.offset
            for position in sorted(positions)  # of two in one partition the later one counts
        }
        _check_partitions(places, await partitions_of(consumer, topic))
        starts = await consumer.beginning_offsets(list(places))
        ends = await consumer.end_offsets(list(places))
    faults = [
        Fault("position", f"{place.partition}:{offset}", "must not lie past the last dead letter")
        for place, offset in places.items()
        if offset >= ends[place]
    ]
    if faults:
        raise InvalidInputError(faults)
    return {place.partition: max(0, offset + 1 - starts[place]) for place, offset in places.items()}


def _check_partitions(places: Iterable[TopicPartition], there: list[int]) -> None:
    """Raise InvalidInputError for partitions that the topic does not have: Kafka's client would ask without end."""
    faults = [
        Fault("position", f"{place.partition}:...", f"must name a partition up to {there[-1]}")
        for place in places
        if place.partition not in there
    ]
    if faults:
        raise InvalidInputError(faults)


def _topic(settings: Settings) -> str:
    """The full name of the dead letters' topic."""
    return settings.topic_prefix + read_topology().dead_letters.name


async def _start(
    consumer: AIOKafkaConsumer, topic: str, filters: Filters
) -> dict[TopicPartition, int]:
    """Point the consumer at the first letters that may match; returns where each partition ends now."""
    wanted = None if filters.positions is None else {place.partition for place in filters.positions}
    numbers = await partitions_of(consumer, topic)
    places = [
        TopicPartition(topic, number) for number in numbers if wanted is None or number in wanted
    ]
    consumer.assign(places)
    if not places:
        return {}
    if filters.since_ms is None:
        await consumer.seek_to_beginning(*places)
    else:
        await seek_to_time(consumer, places, filters.since_ms)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    return ends


async def _is_through(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    """True when every partition has been read to its end of then."""
    for place, end in ends.items():
        if await consumer.position(place) < end:
            return False
    return True


def _original(letter: DeadLetter) -> Encoded:
    """The record as it first came; when it was first seen to fail stays with it."""
    kept = tuple(
        (name, value)
        for name, value in letter.headers
        if not name.startswith(ERRORS) and name != REASON
    )
    return Encoded(letter.source, letter.key, letter.value, kept)  # type: ignore[arg-type] # may be null here
