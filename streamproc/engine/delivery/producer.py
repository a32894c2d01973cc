"""The one idempotent producer of a worker: a sender gets one confirmation for all records of a call.

Each partition has a queue and at most one batch on its way. What is sent meanwhile waits and becomes the next batch, so
batches form by themselves and the order of a partition holds through every retry. What can be tried again is tried
without end: a broker that is away delays, it loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from streamproc import limits
from streamproc.core.backoff import delay_s
from streamproc.engine.delivery.batches import Call, filled
from streamproc.engine.delivery.claims import claimed, mark_of
from streamproc.engine.delivery.fence import guard_writes
from streamproc.engine.delivery.refusals import (
    REFUSALS,
    OutputImpossibleError,
    OutputRefusedError,
    why_closed,
)
from streamproc.errors import BrokerUnavailableError, ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from aiokafka.producer.message_accumulator import BatchBuilder

    from streamproc.engine.delivery.batches import Item
    from streamproc.engine.delivery.claims import Claim
    from streamproc.engine.delivery.fence import Fence
    from streamproc.engine.records import Outgoing, Partition

log = logging.getLogger(__name__)

_NO_LIMIT: Final = 1 << 30


class Producer:
    """Sends records and says when the brokers have them."""

    def __init__(self, brokers: str, security: Mapping[str, object], fence: Fence) -> None:
        self._fence = fence
        self._options = {
            "bootstrap_servers": brokers,
            "enable_idempotence": True,
            "acks": "all",
            "linger_ms": 0,
            "max_batch_size": limits.PRODUCER_BATCH_BYTES,
            "request_timeout_ms": int(limits.REQUEST_TIMEOUT_S * 1000),
            **security,
        }
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()
        self._counts: dict[str, int] = {}  # partitions of each topic
        self._hashes: dict[bytes, int] = {}
        self._queues: dict[Partition, deque[Item]] = {}
        self._drains: dict[Partition, asyncio.Task[None]] = {}
        self.confirmed_at = time.monotonic()  # when the brokers last took a batch
        self.claimed_topics: set[str] = set()  # changelogs: only the owner of a partition writes it
        self._claims: dict[Partition, Claim] = {}
        self.runs: dict[Partition, tuple[int, int]] = {}  # offsets that only we wrote: first, end

    async def start(self, topics: Collection[str]) -> None:
        """Connect, and learn how many partitions each topic has.

        Raises BrokerUnavailableError, or ConfigurationError that names the topics that do not exist.
        """
        try:
            producer = self._producer = await self._connected()
        except KafkaError as error:
            raise BrokerUnavailableError(f"the brokers do not answer: {error}") from error
        found = await asyncio.gather(*(self._count(producer, topic) for topic in topics))
        missing = sorted(topic for topic, count in zip(topics, found, strict=True) if not count)
        if missing:
            raise ConfigurationError([Fault("topics", topic, "must exist") for topic in missing])

    async def _count(self, producer: AIOKafkaProducer, topic: str) -> int:
        """How many partitions a topic has; 0 when the brokers do not know it, even after a while."""
        try:
            async with asyncio.timeout(limits.TOPIC_WAIT_S):
                self._counts[topic] = len(await producer.partitions_for(topic))
        except (KafkaError, TimeoutError):
            return 0
        return self._counts[topic]

    async def stop(self, limit_s: float) -> None:
        """Give what may be written so much time, then let go."""
        await self.emptied(0.0 if self._fence.is_down else limit_s)
        for task in list(self._drains.values()):
            task.cancel()
        if self._producer is not None:
            await _stopped(self._producer)

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        """A future that is done when all records are confirmed; cancelled, what is not yet on its way is not sent.

        It fails with OutputRefusedError or OutputImpossibleError; then some of the records may be out.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not records:
            future.set_result(None)
            return future
        try:
            placed = [(self._place(record), record) for record in records]
        except OutputRefusedError as error:
            future.set_exception(error)
            return future
        call = Call(future, len(placed))
        for partition, record in placed:
            self._queues.setdefault(partition, deque()).append((record, call))
            if partition not in self._drains:
                self._drains[partition] = asyncio.create_task(self._drain(partition))
        return future

    def claim(self, partitions: Iterable[Partition]) -> asyncio.Future[None]:
        """Become the only writer of these partitions; done when the brokers refuse a former writer."""
        marks = [mark_of(partition) for partition in partitions]
        for mark in marks:
            self._claims.pop((mark.topic, mark.partition or 0), None)
        return self.send(marks)

    async def emptied(self, limit_s: float) -> None:
        """Wait until nothing is queued, for so long at most."""
        if self._drains:
            await asyncio.wait(list(self._drains.values()), timeout=limit_s)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for a confirmation."""
        return not self._drains

    async def is_broker_reachable(self) -> bool:
        """Whether a broker answers a question about its topics in time."""
        if self._producer is None:
            return False
        try:
            asked = self._producer.client.force_metadata_update()
            return bool(await asyncio.wait_for(asked, limits.PROBE_TIMEOUT_S))
        except (KafkaError, TimeoutError):
            return False

    def _place(self, record: Outgoing) -> Partition:
        """The partition of a record: the given one, else the one that every Kafka client derives from the key."""
        count = self._counts.get(record.topic)
        if count is None:
            raise OutputRefusedError(f"{record.topic} is not declared as an output of this worker")
        if record.partition is not None:
            return record.topic, record.partition
        key = record.key if record.key is not None else b""
        if (known := self._hashes.get(key)) is None:
            if len(self._hashes) >= limits.KEYS_REMEMBERED:
                self._hashes.clear()
            known = self._hashes[key] = murmur2(key) & 0x7FFF_FFFF
        return record.topic, known % count

    async def _drain(self, partition: Partition) -> None:
        """Send what the partition's queue holds, batch after batch, until it is empty."""
        queue = self._queues[partition]
        tries = 0
        most = _NO_LIMIT  # records of a batch; one by one after a refusal, to find the one that is refused
        try:
            while queue:
                await self._fence.passed()
                producer = self._producer
                items: list[Item] = []
                try:
                    batch = await self._batch_for(partition, producer)
                    items = filled(batch, queue, most)
                    if not items:
                        continue
                    first = await self._deliver(producer, batch, partition)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever went wrong, nothing may be lost
                    tries += 1
                    self._claims.pop(partition, None)
                    why = await why_closed(producer, partition[0], error)
                    if why is not None:
                        self._refuse(queue, items, why)
                        await self._renew(producer)
                        continue
                    most = self._set_back(queue, items, error)
                    await self._renew(producer)
                    await asyncio.sleep(delay_s(tries))
                    continue
                tries = 0
                self.confirmed_at = time.monotonic()
                self._note_run(partition, first, len(items))
                for _, call in items:
                    call.confirm(1)
        finally:
            del self._drains[partition]
            if queue and self._producer is not None:  # cancelled while waiting: only on stop
                queue.clear()

    async def _batch_for(self, partition: Partition, producer: AIOKafkaProducer) -> BatchBuilder:
        """An empty batch of this partition; one of a changelog has the identity of the partition's owner."""
        if partition[0] not in self.claimed_topics:
            return producer.create_batch()
        if partition not in self._claims:
            self._claims[partition] = await claimed(producer.client, partition)
        return self._claims[partition].create_batch()

    @staticmethod
    async def _deliver(
        producer: AIOKafkaProducer, batch: BatchBuilder, partition: Partition
    ) -> int:
        """Hand one batch to the producer and wait for its confirmation; the first record's offset, -1 if unknown."""
        topic, number = partition
        confirmed = await (await producer.send_batch(batch, topic, partition=number))
        return -1 if confirmed is None else int(confirmed.offset)

    def _note_run(self, partition: Partition, first: int, records: int) -> None:
        """Extend the run of offsets without anybody else's records, or begin a new one."""
        start, end = self.runs.get(partition, (first, first))
        if first < 0:
            self.runs.pop(partition, None)
        else:
            self.runs[partition] = (start if first == end else first, first + records)

    @staticmethod
    def _refuse(queue: deque[Item], items: list[Item], why: str) -> None:
        """Fail the calls of a batch and of all that waits behind it: their topic takes nothing any more."""
        for _, call in [*items, *queue]:
            call.refuse(OutputImpossibleError(why))
        queue.clear()

    @staticmethod
    def _set_back(queue: deque[Item], items: list[Item], error: Exception) -> int:
        """Put a batch back at the head of its queue; how many records the next one may have.

        A single record that is refused for good fails its call instead.
        """
        is_refusal = isinstance(error, REFUSALS)
        if is_refusal and len(items) == 1:
            record, call = items[0]
            log.error("a record for %s is refused: %s", record.topic, type(error).__name__)
            call.refuse(OutputRefusedError(f"{record.topic}: {type(error).__name__}"))
            return _NO_LIMIT
        log.warning("%d records are not confirmed, again: %r", len(items), error)
        queue.extendleft(reversed(items))
        return 1 if is_refusal else _NO_LIMIT

    async def _renew(self, failed: AIOKafkaProducer) -> None:
        """Replace a producer that has failed a batch: its sequence numbers no longer match the brokers'."""
        async with self._renewing:
            if self._producer is not failed:
                return
            tries = 0
            while True:
                tries += 1
                try:
                    self._producer = await self._connected()
                except (KafkaError, OSError) as error:
                    log.warning("no producer yet: %r", error)
                    await asyncio.sleep(delay_s(tries))
                else:
                    break
        await _stopped(failed)

    async def _connected(self) -> AIOKafkaProducer:
        """A producer that is connected and knows its identity."""
        producer = AIOKafkaProducer(**self._options)
        guard_writes(producer.client, self._fence)
        try:
            await producer.start()
        except BaseException:
            await _stopped(producer)
            raise
        return producer


async def _stopped(producer: AIOKafkaProducer) -> None:
    """Close a producer, however broken it is; what the brokers do not confirm in time is given up."""
    try:
        await asyncio.wait_for(producer.stop(), limits.STOP_PRODUCER_S)
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("a producer did not close cleanly: %r", error)
    finally:  # what is not confirmed keeps it from disconnecting
        leaving = asyncio.ensure_future(producer.client.close())
        await asyncio.wait([leaving], timeout=limits.STOP_PRODUCER_S)
