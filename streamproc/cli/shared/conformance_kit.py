"""What `conformance` does: reads a backend's records and checks them, or answers them from the published examples."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition

from streamproc import events
from streamproc.cli.shared.kafka_clients import consuming, producing
from streamproc.cli.shared.records import codec_for, send_record
from streamproc.contract.files import examples_folder
from streamproc.errors import DeadLetterError, Fault, InvalidInputError
from streamproc.intake import OutsideFaultsError, decode_outside
from streamproc.kafka.consumers import partitions_of
from streamproc.serde import ce_id
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from pathlib import Path

    from aiokafka import ConsumerRecord

    from streamproc.events import Event
    from streamproc.serde import Encoded
    from streamproc.settings import Settings

ADDED = "added_by_a_later_version"  # a field that no schema names yet


class Checked(NamedTuple):
    """A record of a backend, and what is wrong with it."""

    topic: str
    key: str
    faults: list[str]


async def checked(
    settings: Settings, *, count: int, timeout_s: float, started: Callable[[], object]
) -> list[Checked]:
    """The next so many records of backends, or fewer after as many seconds without one.

    `started` is called once what comes is read.
    """
    by_topic = {
        settings.topic_prefix + topic.name: topic
        for topic in read_topology().topics
        if topic.is_outside
    }
    found: list[Checked] = []
    async with aclosing(_from_now(settings, by_topic, timeout_s, started)) as records:
        async for record in records:
            model = getattr(events, str(by_topic[record.topic].event))
            key = (record.key or b"").decode("utf-8", "replace")
            found.append(Checked(by_topic[record.topic].name, key, faults_of(model, record)))
            if len(found) == count:
                break
    return found


def faults_of(model: type[Event], record: ConsumerRecord) -> list[str]:
    """Everything that is wrong with a record, in words."""
    try:
        event = decode_outside(model, record.value, tuple(record.headers))
    except OutsideFaultsError as error:
        return [*map(str, error.faults), *_key_faults(record, error.request_id)]
    except DeadLetterError as error:
        return [f"value: {error}"]
    return _key_faults(record, event.request_id)


def _key_faults(record: ConsumerRecord, request_id: str | None) -> list[str]:
    """What is wrong with a record's key, when its request can be told."""
    is_right = request_id is None or record.key == request_id.encode()
    return [] if is_right else ["key: must be the request id"]


async def answered(
    settings: Settings,
    outcome: str,
    *,
    count: int,
    timeout_s: float,
    started: Callable[[], object],
) -> list[tuple[str, int]]:
    """Each of the next so many requests, with how many records it was answered by; `started` as above."""
    wanted = {settings.topic_prefix + read_topology().by_event["AnalysisRequested"].name}
    examples = list(_examples(examples_folder(), outcome))
    if not examples:
        names = sorted({path.stem for path in examples_folder().glob("Analysis[CF]*/*.json")})
        fault = Fault("--outcome", outcome, f"must be one of {', '.join(names)}")
        raise InvalidInputError([fault])
    found: list[tuple[str, int]] = []
    async with (
        aclosing(_from_now(settings, wanted, timeout_s, started)) as records,
        producing(settings) as producer,
    ):
        async for record in records:
            request_id = (record.key or b"").decode("utf-8", "replace")
            said = [_record(settings, each, request_id) for each in examples]
            for each in (one for record in said for one in (record, record)):
                await send_record(producer, each)
            found.append((request_id, len(said)))
            if len(found) == count:
                break
    return found


def _examples(folder: Path, outcome: str) -> Iterable[tuple[str, dict[str, object]]]:
    """The event and value of each published record of an outcome: progress first, the end last."""
    steps = {
        int(number): path
        for path in folder.glob("AnalysisProgressed/*.json")
        for name, _, number in [path.stem.rpartition("-")]
        if name == outcome
    }
    ends = [
        path
        for event in ("AnalysisCompleted", "AnalysisFailed")
        for path in folder.glob(f"{event}/*.json")
        if path.stem == outcome
    ]
    for path in [*(steps[number] for number in sorted(steps)), *ends] if ends else []:
        yield path.parent.name, json.loads(path.read_text("utf-8"))["value"]


def _record(settings: Settings, example: tuple[str, dict[str, object]], request_id: str) -> Encoded:
    """The example as a record about this request, with a field that no reader can know."""
    name, value = example
    kind = getattr(events, name)
    value = {**value, "request_id": request_id}
    event = kind.model_validate(value)
    return codec_for(settings).encode_value(
        kind,
        json.dumps({**value, ADDED: True}).encode(),
        ce_id(event),
        event,
        time_ms=time.time_ns() // 1_000_000,  # the example's own would be past every retention
    )


async def _from_now(
    settings: Settings, topics: Iterable[str], timeout_s: float, started: Callable[[], object]
) -> AsyncGenerator[ConsumerRecord]:
    """Every record that comes to these topics from now on, until so many seconds have brought none."""
    async with consuming(settings) as consumer:
        places = [
            TopicPartition(topic, number)
            for topic in topics
            for number in await partitions_of(consumer, topic)
        ]
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        started()
        while True:
            try:
                yield await asyncio.wait_for(consumer.getone(), timeout_s)
            except TimeoutError:
                return
