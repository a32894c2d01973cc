"""`skip`: step a stopped group over one record that it cannot get past."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from streamproc import limits
from streamproc.cli.shared.environment import effective_settings
from streamproc.cli.views.output import output_option, print_json, tell
from streamproc.errors import BrokerUnavailableError, DeadLetterError, Fault, InvalidInputError

if TYPE_CHECKING:
    from aiokafka import TopicPartition

    from streamproc.cli.shared.records import Placed
    from streamproc.engine import Record
    from streamproc.settings import Settings

EPILOG = """\b
Example:
  streamproc skip analysis-requested 2 1042 --dry-run      # then without --dry-run"""


@click.command(epilog=EPILOG)
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0))
@click.argument("offset", type=click.IntRange(0))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@output_option
def skip(topic: str, partition: int, offset: int, *, dry_run: bool, output: str) -> int:
    """Step the stopped workers over the record at OFFSET of PARTITION of TOPIC, after writing it to the dead letters.

    It must be the record at which the group stands, and no worker may run.
    """
    from aiokafka import TopicPartition

    settings = effective_settings(store=False)
    place = TopicPartition(_full_name(settings, topic), partition)
    letter = asyncio.run(_skipped(settings, place, offset, dry_run=dry_run))
    at = f"{place.topic}/{partition}/{offset}"
    if output == "json":
        print_json({"record": at, "dead_letter": letter._asdict() if letter else None})
    elif letter is None:
        tell(f"{at} would be written to the dead letters and stepped over")
    else:
        tell(f"{at} is dead letter {letter.partition}:{letter.offset}; workers go on behind it")
    return 0


async def _skipped(
    settings: Settings, place: TopicPartition, offset: int, *, dry_run: bool
) -> Placed | None:
    """Where the record's dead letter lies, None for a dry run.

    Raises InvalidInputError when workers run, or stand elsewhere.
    """
    from aiokafka import AIOKafkaConsumer
    from aiokafka.errors import KafkaError

    await _check_stopped(settings)
    await _check_partition(settings, place)
    record = await _record_at(settings, place, await _committed(settings, place), offset)
    if dry_run:
        return None
    letter = await _write_letter(settings, record)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_brokers,
        group_id=settings.app_id,
        enable_auto_commit=False,
        **settings.kafka_security(),
    )
    try:
        await consumer.start()
        consumer.assign([place])
        await consumer.commit({place: offset + 1})
    except KafkaError as error:
        raise BrokerUnavailableError(f"the offset was not committed: {error}") from error
    finally:
        await consumer.stop()
    return letter


async def _write_letter(settings: Settings, record: Record) -> Placed:
    """Put the record on the dead letters' topic, as a worker would."""
    from streamproc.cli.shared.kafka_clients import producing
    from streamproc.cli.shared.records import send_record
    from streamproc.engine.delivery.dead_letters import dead_letter
    from streamproc.serde import Encoded
    from streamproc.topics import read_topology

    topic = read_topology().dead_letters
    error = DeadLetterError("skipped", "an operator stepped over it")
    letter = dead_letter(
        settings.topic_prefix + topic.name,
        record,
        error,
        now_s=time.time(),
        most=topic.largest - limits.RECORD_FRAME_BYTES,
    )
    encoded = Encoded(letter.topic, letter.key, letter.value, letter.headers)  # type: ignore[arg-type] # may be null here
    async with producing(settings) as producer:
        return await send_record(producer, encoded)


async def _check_stopped(settings: Settings) -> None:
    """Raise InvalidInputError while the group has members."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_brokers, **settings.kafka_security()
    )
    try:
        await admin.start()
        answers = await admin.describe_consumer_groups([settings.app_id])
    except KafkaError as error:
        raise BrokerUnavailableError(f"the group cannot be looked at: {error}") from error
    finally:
        await admin.close()
    members = sum(len(group[5]) for answer in answers for group in answer.groups)
    if members:
        rule = "must be stopped before a record is stepped over"
        raise InvalidInputError([Fault("workers", f"{members} in group {settings.app_id}", rule)])


async def _check_partition(settings: Settings, place: TopicPartition) -> None:
    """Raise InvalidInputError for a partition that the topic does not have: Kafka's client would look for it."""
    from streamproc.cli.shared.kafka_clients import consuming
    from streamproc.kafka.consumers import partitions_of

    async with consuming(settings) as consumer:
        there = await partitions_of(consumer, place.topic)
    if place.partition not in there:
        rule = f"must be one of {there[0]} to {there[-1]}"
        raise InvalidInputError([Fault("partition", str(place.partition), rule)])


async def _committed(settings: Settings, place: TopicPartition) -> int:
    """Where the group stands in a partition: at its beginning, if it never committed there."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from streamproc.cli.shared.kafka_clients import consuming

    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_brokers, **settings.kafka_security()
    )
    try:
        await admin.start()
        found = await admin.list_consumer_group_offsets(settings.app_id, partitions=[place])
    except KafkaError as error:
        raise BrokerUnavailableError(f"the group cannot be looked at: {error}") from error
    finally:
        await admin.close()
    offset = found[place].offset if place in found else -1
    if offset >= 0:
        return int(offset)
    async with consuming(settings) as consumer:
        starts = await consumer.beginning_offsets([place])
    return int(starts[place])


async def _record_at(
    settings: Settings, place: TopicPartition, committed: int, offset: int
) -> Record:
    """The record at this offset; raises InvalidInputError when the group's next record is another."""
    from streamproc.cli.shared.kafka_clients import consuming
    from streamproc.engine.faust.packing import record_of

    async with consuming(settings) as consumer:
        ends = await consumer.end_offsets([place])
        consumer.assign([place])
        consumer.seek(place, committed)
        consumer._fetcher._check_crcs = False  # noqa: SLF001 - a wrong checksum may be why the group stopped
        fault = Fault("offset", str(offset), f"must be where the group stands, {committed}")
        if committed >= ends[place]:
            raise InvalidInputError([fault._replace(rule="must exist; the group is through")])
        try:
            async with asyncio.timeout(limits.CLI_REQUEST_TIMEOUT_MS / 1000):
                found = await consumer.getone()
        except TimeoutError:
            raise InvalidInputError([fault._replace(rule="must hold a committed record")]) from None
    if found.offset != offset:
        rule = f"must be the next record of the group, {found.offset}"
        raise InvalidInputError([fault._replace(rule=rule)])
    return record_of(found)


def _full_name(settings: Settings, topic: str) -> str:
    """The topic's full name, given with or without the prefix; raises InvalidInputError for one no agent reads."""
    from streamproc.topics import OUTSIDE, read_topology

    name = topic.removeprefix(settings.topic_prefix)
    read = [each.name for each in read_topology().topics if set(each.consumers) - OUTSIDE]
    if name not in read:
        raise InvalidInputError([Fault("topic", topic, f"must be one of {', '.join(read)}")])
    return settings.topic_prefix + name
