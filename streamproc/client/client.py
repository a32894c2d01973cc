"""Submit, watch, result and cancel over Kafka alone."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, Unpack, cast

import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

from streamproc.client.records import (
    AnalysisEndedError,
    CohortRule,
    Failure,
    Progress,
    RequestOptions,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from types import TracebackType

    from streamproc.json_types import Json, JsonValue
    from streamproc.result import AnalysisResult

LARGEST_BYTES: Final = 16 * 2**20  # of a fetched partition: twice the largest event
SLACK_MS: Final = 60_000  # by which a backend's clock may differ from the broker's
PROGRESS: Final = "AnalysisProgressed"
COMPLETED: Final = "AnalysisCompleted"
FAILED: Final = "AnalysisFailed"


class Client:
    """One connection to an installation: used as `async with Client(...)`."""

    def __init__(self, brokers: str, *, topic_prefix: str = "", **connection: object) -> None:
        """Connect to nothing yet; `connection` is aiokafka's own, as `security_protocol` and `sasl_mechanism`."""
        self._connection = {"bootstrap_servers": brokers, **connection}
        self._topics = {event: topic_prefix + name for event, name in _topics().items()}
        self._producer: AIOKafkaProducer | None = None
        self._asked_ms: dict[str, int] = {}  # by request that was asked here

    async def __aenter__(self) -> Self:
        """Connect; raises aiokafka's KafkaError when no broker answers."""
        self._producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def submit(
        self,
        wallets: Iterable[str] | None = None,
        *,
        cohort: CohortRule | None = None,
        request_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> str:
        """Ask for the analysis of 1 to 1000 wallets, or of a cohort; the id once the broker has the request.

        Submitted again under the same id with the same content it is the same request.
        """
        request_id = request_id or f"py-{secrets.token_hex(8)}"
        now_ms = time.time_ns() // 1_000_000
        whose = {"wallets": None if wallets is None else list(wallets), "cohort": cohort}
        named = {name: value for name, value in whose.items() if value is not None}
        await self._send("AnalysisRequested", {"request_id": request_id, **named, **options})
        self._asked_ms.setdefault(request_id, now_ms)
        return request_id

    async def cancel(self, request_id: str, reason: str | None = None) -> None:
        """Say that the result is no longer wanted; after the end that is ignored."""
        await self._send("AnalysisCancelRequested", {"request_id": request_id, "reason": reason})

    async def watch(self, request_id: str) -> AsyncIterator[Progress]:
        """The request's progress from its beginning, however late, each record once; ends with the terminal one."""
        seq = 0
        async with self._reading(request_id, [PROGRESS]) as records:
            async for _, value in records:
                progress = cast("Progress", value)
                if progress["seq"] > seq:
                    seq = progress["seq"]
                    yield progress
                if progress["terminal"]:
                    return

    async def result(self, request_id: str) -> AnalysisResult:
        """The result, waited for; raises AnalysisEndedError when the request ended without one."""
        async with self._reading(request_id, [COMPLETED, FAILED]) as records:
            async for event, value in records:
                if event == FAILED:
                    raise AnalysisEndedError(cast("Failure", value))
                return cast("AnalysisResult", value)
        raise AssertionError("reading never ends by itself")  # pragma: no cover

    async def _send(self, event: str, value: Json) -> None:
        """Put a record on its topic."""
        assert self._producer is not None, "use it as `async with Client(...)`"  # noqa: S101 - misuse, at once
        key = value["request_id"].encode()
        await self._producer.send_and_wait(self._topics[event], json.dumps(value).encode(), key)

    @asynccontextmanager
    async def _reading(
        self, request_id: str, events: list[str]
    ) -> AsyncIterator[AsyncIterator[tuple[str, JsonValue]]]:
        """The request's records of these events, from its first mention on."""
        consumer = AIOKafkaConsumer(
            **self._connection,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=LARGEST_BYTES,
        )
        try:
            await consumer.start()
            since_ms = self._asked_ms.get(request_id)
            if since_ms is None:
                since_ms = await self._first_mention(consumer, request_id)
            places = await self._places(consumer, request_id, events)
            consumer.assign(list(places))
            # The ends first: what comes between the two answers is read, not stepped over.
            ends = await consumer.end_offsets(list(places))
            found = await consumer.offsets_for_times(
                dict.fromkeys(places, max(0, since_ms - SLACK_MS))
            )
            for place in places:
                consumer.seek(place, found[place].offset if found[place] else ends[place])
            yield _of_request(consumer, places, request_id)
        finally:
            await consumer.stop()

    async def _first_mention(self, consumer: AIOKafkaConsumer, request_id: str) -> int:
        """The time of the request's first progress record, in unix milliseconds; waited for."""
        places = await self._places(consumer, request_id, [PROGRESS])
        consumer.assign(list(places))
        await consumer.seek_to_beginning(*places)
        async for record in consumer:
            if record.key == request_id.encode():
                return int(record.timestamp)
        raise AssertionError("a consumer never ends by itself")  # pragma: no cover

    async def _places(
        self, consumer: AIOKafkaConsumer, request_id: str, events: list[str]
    ) -> dict[TopicPartition, str]:
        """The partition of each event's topic on which the request's records lie, and which event it carries."""
        await consumer.topics()
        found = {}
        for event in events:
            topic = self._topics[event]
            await consumer.end_offsets([TopicPartition(topic, 0)])  # makes the client learn of it
            count = len(consumer.partitions_for_topic(topic) or ())
            number = (murmur2(request_id.encode()) & 0x7FFFFFFF) % count
            found[TopicPartition(topic, number)] = event
        return found


async def _of_request(
    consumer: AIOKafkaConsumer, places: dict[TopicPartition, str], request_id: str
) -> AsyncIterator[tuple[str, JsonValue]]:
    """The event and value of each record about the request."""
    key = request_id.encode()
    async for record in consumer:
        if record.key == key:
            yield places[TopicPartition(record.topic, record.partition)], json.loads(record.value)


def _topics() -> dict[str, str]:
    """The topic of each event, without a prefix, as `topics.yaml` declares them."""
    package = Path(__file__).parents[1]
    inside = package / "topics.yaml"
    declared = yaml.safe_load(
        (inside if inside.exists() else package.parent / "topics.yaml").read_text("utf-8")
    )
    return {topic["event"]: name for name, topic in declared["topics"].items() if topic["event"]}
