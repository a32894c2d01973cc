"""The tracker that decides what may be committed: per partition and reader, what was delivered and is not finished.

A *reader* is one stage or join. Nothing here knows Faust or Kafka: offsets in, offsets out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from streamproc import limits
from streamproc.engine.records import Batch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from streamproc.engine.records import Partition, Record

R = TypeVar("R")


class PartitionOffsets:
    """What one reader got of one partition and has not finished."""

    __slots__ = ("end", "gap", "held_bytes", "is_lost", "partition", "unfinished")

    def __init__(self, partition: Partition, end: int) -> None:
        self.partition = partition
        self.end = end  # everything below was delivered
        self.unfinished: dict[int, Record] = {}  # by offset, ascending
        self.held_bytes = 0  # of what is unfinished
        self.is_lost = False  # the partition was given up: what is queued is dropped
        self.gap: tuple[int, int] | None = None  # the hole that was last asked for again

    def admit(self, records: list[Record]) -> list[Record]:
        """The records that are new; what lies below the end is in work or finished."""
        if records[0].offset < self.end:
            records = [record for record in records if record.offset >= self.end]
        if records:
            self.unfinished.update((record.offset, record) for record in records)
            self.held_bytes += sum(record.held_bytes for record in records)
            self.end = records[-1].offset + 1
        return records

    def finish(self, offset: int) -> None:
        """Count a record as done; the same one twice, or one of a lost partition, changes nothing."""
        record = self.unfinished.pop(offset, None)
        if record is not None:
            self.held_bytes -= record.held_bytes

    def safe(self) -> int:
        """What may be committed: the first unfinished offset, else the end."""
        return next(iter(self.unfinished), self.end)

    def skip_to(self, offset: int) -> None:
        """Everything below is finished or gone: by another worker, or by retention."""
        if offset > self.safe():
            for done in [each for each in self.unfinished if each < offset]:
                self.finish(done)
            self.end = max(self.end, offset)

    def close_gap(self, offset: int) -> None:
        """The log holds nothing between the end and this offset."""
        self.end = max(self.end, offset)

    def lose(self) -> None:
        """Forget what is unfinished: the worker that owns the partition now gets it again."""
        self.is_lost = True
        self.unfinished.clear()
        self.held_bytes = 0


class Admitted(NamedTuple):
    """A partition's offsets and those records of a batch that are new to them, at least one."""

    offsets: PartitionOffsets
    records: list[Record]


class Hole(NamedTuple):
    """Records before the batch are missing: lost on the way here, or never in the log.

    Lost ones (the rule) come when they are asked for again. When the same hole shows a second time, only the log itself
    can tell: a transaction marker and what retention removed leave offsets without records.
    """

    offsets: PartitionOffsets
    is_repeated: bool


class OffsetTracker(Generic[R]):
    """The offsets of every partition and reader of this worker, and which partitions it owns."""

    def __init__(self) -> None:
        self.readers: defaultdict[str, list[R]] = defaultdict(list)  # by topic
        self.offsets_by_reader: dict[Partition, dict[R, PartitionOffsets]] = {}
        self.committed: dict[Partition, int] = {}
        self.assigned: frozenset[Partition] = frozenset()
        self.generation = -1
        self._tails: dict[Partition, int] = {}  # where the last packed batch ended
        self.outside: frozenset[str] = frozenset()  # topics that strangers write
        self._on_the_way: Counter[Partition] = Counter()  # bytes packed and not admitted

    def register(self, reader: R, topics: Collection[str]) -> None:
        """Remember that a reader consumes these topics; a commit waits for all readers of a topic."""
        for topic in topics:
            if reader in self.readers[topic]:
                raise ValueError(f"{topic} feeds the same reader twice")
            self.readers[topic].append(reader)

    def pack(self, partition: Partition, records: list[Record], known: int | None) -> Batch | None:
        """The batch of a fetch, None when the partition is not ours; `known` is the group's committed offset."""
        if partition not in self.assigned:
            return None
        first = records[0].offset
        offsets_by_reader = self.offsets_by_reader.setdefault(partition, {})
        for reader in self.readers[partition[0]]:
            offsets = offsets_by_reader.get(reader)
            if offsets is None:
                offsets_by_reader[reader] = PartitionOffsets(
                    partition, first if known is None else known
                )
            elif known is not None:
                offsets.skip_to(known)
        if known is not None and known > self.committed.get(partition, -1):
            self.committed[partition] = known
        start = min(self._tails.get(partition, first), first)
        self._tails[partition] = records[-1].offset + 1
        self._on_the_way[partition] += sum(record.held_bytes for record in records)
        return Batch(partition, self.generation, start, records)

    def admit(self, reader: R, batch: Batch) -> Admitted | Hole | None:
        """What of a batch is new to this reader; None when nothing is or its generation has passed."""
        offsets = self.offsets_by_reader.get(batch.partition, {}).get(reader)
        if offsets is None or batch.generation != self.generation:
            return None
        self._on_the_way[batch.partition] -= sum(record.held_bytes for record in batch.records)
        if batch.start > offsets.end:
            seen, offsets.gap = offsets.gap, (offsets.end, batch.start)
            return Hole(offsets, is_repeated=seen == offsets.gap)
        records = offsets.admit(batch.records)
        return Admitted(offsets, records) if records else None

    def safe(self) -> dict[Partition, int]:
        """For each partition that all its readers read, the offset below which they are done."""
        return {
            partition: min(offsets.safe() for offsets in offsets_by_reader.values())
            for partition, offsets_by_reader in self.offsets_by_reader.items()
            if len(offsets_by_reader) == len(self.readers[partition[0]])
        }

    def committable(self) -> dict[Partition, int]:
        """What is safe, where that is news to the group."""
        return {
            partition: offset
            for partition, offset in self.safe().items()
            if offset > self.committed.get(partition, 0)
        }

    def give_up(self) -> None:
        """Between two assignments nothing is ours: what is still on its way here is refused."""
        self.assigned = frozenset()

    def drop_reader(self, reader: R) -> None:
        """Lose all partitions of one reader; what it had not finished comes again after the next assignment."""
        for offsets_by_reader in self.offsets_by_reader.values():
            offsets = offsets_by_reader.pop(reader, None)
            if offsets is not None:
                offsets.lose()

    def assign(self, partitions: Collection[Partition], generation: int) -> None:
        """Keep the offsets of partitions that stay, lose the others, and refuse batches of older generations."""
        self.assigned = frozenset(partitions)
        self.generation = generation
        self._tails.clear()
        self._on_the_way.clear()
        for partition in [each for each in self.offsets_by_reader if each not in self.assigned]:
            for offsets in self.offsets_by_reader.pop(partition).values():
                offsets.lose()
        self.committed = {
            partition: offset
            for partition, offset in self.committed.items()
            if partition in self.assigned
        }

    def has_room(self, partition: Partition) -> bool:
        """Whether more of the partition may be read: what is held of it is within the bound."""
        held = max(
            (offsets.held_bytes for offsets in self.offsets_by_reader.get(partition, {}).values()),
            default=0,
        )
        is_outside = partition[0] in self.outside
        most = limits.OUTSIDE_HELD_MAX_BYTES if is_outside else limits.PARTITION_HELD_MAX_BYTES
        return held + self._on_the_way[partition] < most

    def lag(self, partition: Partition, unread: int, position: int, *, delivered: bool) -> int:
        """How many records of a partition are not delivered, or not worked off.

        `unread` is what lies beyond the fetcher's position. Behind that, offsets without records (the marks of
        transactions, what was aborted) are no lag: what is packed, or worked off, up to its end counts as all of it.
        """
        offsets_by_reader = self.offsets_by_reader.get(partition, {})
        tail = self._tails.get(partition, position)
        reached = min(
            (
                offsets.end if delivered else offsets.safe()
                for offsets in offsets_by_reader.values()
            ),
            default=tail,
        )
        return unread + (0 if reached >= tail else position - reached)

    def behind(self) -> dict[tuple[Partition, R], int]:
        """Where delivery ends below what was packed: it is on its way, or lost with nothing after it."""
        return {
            (partition, reader): offsets.end
            for partition, offsets_by_reader in self.offsets_by_reader.items()
            for reader, offsets in offsets_by_reader.items()
            if offsets.end < self._tails.get(partition, 0)
        }

    def of(self, reader: R) -> Iterator[PartitionOffsets]:
        """The offsets of one reader, partition by partition."""
        return (
            offsets_by_reader[reader]
            for offsets_by_reader in self.offsets_by_reader.values()
            if reader in offsets_by_reader
        )

    def unfinished(self, reader: R) -> int:
        """How many records the reader has taken and not finished."""
        return sum(len(offsets.unfinished) for offsets in self.of(reader))
