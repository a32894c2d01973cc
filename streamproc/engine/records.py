"""What the engine hands to handlers and takes from them: consumed records, records to produce, batches of a fetch."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from aiokafka.partitioner import murmur2

from streamproc import limits

Partition: TypeAlias = tuple[
    str, int
]  # topic and number; Faust's and aiokafka's TP are equal to it
# As they came: a value may be null, a name that is no UTF-8 has escapes in it.
Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]


class Record(NamedTuple):
    """One consumed record, its bytes untouched; the value is an `Unreadable` where there is no reading it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def held_bytes(self) -> int:
        """About how many bytes of memory it takes."""
        headers = sum(
            len(name) + len(value or b"") + limits.HEADER_FRAME_BYTES
            for name, value in self.headers
        )
        return limits.RECORD_OBJECT_BYTES + len(self.key or b"") + len(self.value or b"") + headers


class Outgoing(NamedTuple):
    """One record to produce: the partition follows from the key and the time is now, unless they are given."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None


class Batch(NamedTuple):
    """What one fetch returned of one partition: the value of one Faust message."""

    partition: Partition
    generation: int  # of the consumer group, when it was fetched
    start: int  # where the batch before it ended; below the first offset where the log has a gap
    records: list[Record]


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among so many, as Kafka's own clients (Java's default) choose it."""
    return int((murmur2(key) & 0x7FFF_FFFF) % partitions)
