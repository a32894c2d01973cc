"""The guarded consumer: Faust's, without the losses that it has on a real broker, committing what the tracker says.

1. aiokafka's `fetched_records` takes an *empty* set of partitions for "all of them". Faust hands over a set that it
   empties when it pauses everything at the end of a recovery: a waiting fetch then takes stream records which `getmany`
   drops. The set is handed over as a view that is never false.
2. At the end of a recovery Faust resumes the stream partitions, seeks, and then clears the streams' queues: what was
   fetched in between is gone. Stream partitions stay paused here until the queues have been cleared.
3. Before partitions are given up, what is finished is committed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError
from faust.transport.drivers import aiokafka as driver

from streamproc import limits
from streamproc.engine import failpoints
from streamproc.engine.faust.consumer_thread import NOT_ALLOWED, GuardedThread
from streamproc.engine.faust.packing import message_of, record_of
from streamproc.kafka.record_batches import Unreadable, install

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from streamproc.engine.config import EngineConfig
    from streamproc.engine.delivery.fence import Fence
    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import OffsetTracker
    from streamproc.engine.records import Partition

log = logging.getLogger(__name__)


class Rebalances(Protocol):
    """What the engine does around an assignment."""

    config: EngineConfig
    fence: Fence
    flow: Flow

    @property
    def tracker(self) -> OffsetTracker[Any]:
        """What was delivered and what may be committed."""

    async def before_revoked(self) -> None:
        """Stop taking; settle what is under way."""

    def assigned(self, partitions: Collection[Partition], generation: int) -> None:
        """These partitions are ours now."""

    async def claimed(self, partitions: Iterable[Partition]) -> None:
        """Nobody else can write these changelogs any more."""

    def recovering(self, records: int) -> None:
        """Recovery gets on by so many records of a changelog."""

    def flowing(self) -> None:
        """The tables are recovered, stream records are about to come."""


class LivePartitions:
    """A view of a set of partitions that follows its changes and is never false: those of which more may be read."""

    def __init__(
        self, partitions: set[Partition], has_room: Callable[[Partition], bool] = lambda _: True
    ) -> None:
        self._partitions = partitions
        self._has_room = has_room

    def __bool__(self) -> bool:
        return True

    def __contains__(self, partition: object) -> bool:
        return partition in self._partitions and self._has_room(partition)

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._partitions))

    def __len__(self) -> int:
        return len(self._partitions)


class GuardedConsumer(driver.Consumer):  # type: ignore[misc]  # Faust ships no types
    """Faust's consumer, packing what it fetches and committing what the tracker says."""

    def __init__(self, transport: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.engine: Rebalances = transport.engine
        self.polled_at = time.monotonic()
        self._held: set[Partition] = set()
        super().__init__(transport, *args, **kwargs)

    def _new_consumer_thread(self) -> GuardedThread:
        return GuardedThread(self, loop=self.loop, beacon=self.beacon)

    # --- fetching ---

    async def _getmany(self, active_partitions: Any, timeout: float) -> dict[Any, list[Any]]:  # noqa: ANN401, ASYNC109
        """Records of a fetch by partition: one packed message for each of a stream's, changelogs as they come."""
        view = (
            None
            if active_partitions is None
            else LivePartitions(active_partitions, self.engine.tracker.has_room)
        )
        try:
            fetched = await super()._getmany(view, timeout)
        except (CorruptRecordException, *NOT_ALLOWED) as error:
            self.engine.flow.give_up(_why_nothing_is_read(error))
            await asyncio.sleep(timeout)
            return {}
        self.polled_at = time.monotonic()
        messages: dict[Any, list[Any]] = {}
        for partition, raw in fetched.items():
            if raw and self._is_changelog_tp(partition):
                self.engine.recovering(len(raw))
                await failpoints.reach("during-recovery")
                messages[partition] = [_readable(each) for each in raw]
            elif raw:
                known = self._committed_offset.get(partition)
                records = [record_of(each) for each in raw]
                batch = self.engine.tracker.pack(partition, records, known)
                if batch is not None:
                    messages[partition] = [message_of(raw[-1], batch)]
        return messages

    def resume_partitions(self, tps: Iterable[Any]) -> None:
        """Resume changelogs now, streams not before the queues have been cleared."""
        streams = {tp for tp in tps if not self._is_changelog_tp(tp)}
        self._held |= streams
        super().resume_partitions(set(tps) - streams)

    def resume_flow(self) -> None:
        """Let records flow; Faust calls it last, after the queue clear."""
        super().resume_flow()
        held, self._held = self._held, set()
        if held:
            super().resume_partitions(held & self.assignment())
            self.engine.flowing()

    async def perform_seek(self) -> None:
        """Go to the committed offsets, and tell the tracker where they are."""
        await super().perform_seek()
        self.engine.tracker.committed.update(
            {tp: offset for tp, offset in self._committed_offset.items() if offset is not None}
        )

    async def highwaters(self, *partitions: Any) -> Mapping[Any, int]:  # noqa: ANN401 - Faust's
        """How far a recovery has to read: Faust asks first, so from here on a former owner writes nothing more."""
        await self.engine.claimed(partitions)
        return cast("Mapping[Any, int]", await super().highwaters(*partitions))

    async def fetch_again(self, partition: Partition, offset: int) -> None:
        """Read a partition again from this offset."""
        await self.seek(partition, offset)

    async def first_offset_from(self, partition: Partition, offset: int) -> int:
        """The offset of the first record that the log has at or after this one; it must have one."""
        config = self.engine.config
        reader = AIOKafkaConsumer(
            bootstrap_servers=config.brokers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **config.security,
        )
        try:
            await reader.start()
            reader.assign([TopicPartition(*partition)])
            reader.seek(TopicPartition(*partition), offset)
            first = await asyncio.wait_for(reader.getone(), limits.REQUEST_TIMEOUT_S)
            return int(first.offset)
        finally:
            await reader.stop()

    def unread(self, partition: Partition) -> tuple[int, int] | None:
        """As the thread's."""
        return self._thread.unread(partition) if self._thread is not None else None

    # --- committing ---

    def _filter_committable_offsets(self, _tps: object) -> dict[Any, int]:
        """What the tracker says, whatever Faust believes to be acknowledged."""
        return {TopicPartition(*p): o for p, o in self.engine.tracker.committable().items()}

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit, and remember what the brokers took."""
        if offsets:
            await failpoints.reach("after-publish-before-ack")
        did_commit = bool(await super()._commit(offsets))
        if did_commit:
            self.engine.tracker.committed.update(offsets)
        return did_commit

    async def commit_finished(self) -> None:
        """Commit what is finished by now, for a limited time; a commit under way may be older, so it is waited for."""
        try:
            async with asyncio.timeout(limits.GIVE_UP_COMMIT_S):
                await self.maybe_wait_for_commit_to_finish()
                await self.commit()
        except (KafkaError, TimeoutError) as error:
            log.warning("no commit before partitions were given up: %r", error)

    # --- assignments ---

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Settle and commit first, then let Faust clear its queues."""
        self._held = set()
        self.stop_flow()
        await self.engine.before_revoked()
        await self.commit_finished()
        self.engine.tracker.give_up()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[Any], generation_id: int = 0) -> None:
        """Tell the engine, then let Faust recover the tables.

        After a lapse of the lease another worker may have had the very partitions that are ours again: what was under
        way of them is given up, and what nobody has finished comes again.
        """
        if self.engine.fence.has_lapsed:
            self.engine.tracker.assign((), generation_id)
        self.engine.assigned(assigned, generation_id)
        await super().on_partitions_assigned(assigned, generation_id)


class GuardedTransport(driver.Transport):  # type: ignore[misc]  # Faust ships no types
    """Faust's transport with our consumer in it."""

    Consumer = GuardedConsumer

    def __init__(self, *args: Any, engine: Rebalances, **kwargs: Any) -> None:  # noqa: ANN401
        install()
        super().__init__(*args, **kwargs)
        self.engine = engine


def _why_nothing_is_read(error: KafkaError) -> str:
    """The sentence for a worker that is not allowed to read on, or cannot."""
    if isinstance(error, CorruptRecordException):
        return f"a record's checksum is wrong ({error}); `streamproc skip` steps over it"
    return f"a topic cannot be read: {type(error).__name__} ({error})"


def _readable(raw: Any) -> Any:  # noqa: ANN401 - Faust's message
    """A changelog's message; one that cannot be read says nothing about any key."""
    if not isinstance(raw.value, Unreadable):
        return raw
    log.error(
        "a changelog's record is stepped over: %s/%d/%d", raw.topic, raw.partition, raw.offset
    )
    return dataclasses.replace(raw, key=b"", value=None)
