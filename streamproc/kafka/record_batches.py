"""Record batches as the brokers send them, read so that none of them can hurt: aiokafka's own way, with bounds.

aiokafka unpacks a batch of any size, and one record that it cannot read (a header's name that is no UTF-8) ends its
fetcher. Here a batch is unpacked up to a bound and no further, and what cannot be read comes as an `Unreadable` value
under its offset, so that a reader steps over it and can say where it lay.

`install` puts this in the place of the two classes by which aiokafka's fetcher reads what a fetch brought.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.util import decode_varint

from streamproc import limits
from streamproc.kafka.unpacking import UnreadableError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka.structs import ConsumerRecord

# Base offset, length, leader's epoch, magic; then checksum, attributes, last offset's delta, first and last time,
# producer's id and epoch, base sequence, count of records.
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_FRAME: Final = 12  # bytes before what the length counts
_MAGIC_AT: Final = 16
_ATTRIBUTES_AT: Final = struct.calcsize(">qiibI")
_CODEC_BITS: Final = 0x07
_IS_APPEND_TIME: Final = 0x08
_MAGIC: Final = 2  # the one format since Kafka 0.11


class Unreadable(bytes):
    """The value of a record that could not be read: empty, and why."""

    why: str
    last_offset: int | None  # it stands for all records up to this one

    def __new__(cls, why: str, last_offset: int | None = None) -> Self:
        """An empty value with its reason."""
        self = super().__new__(cls)
        self.why, self.last_offset = why, last_offset
        return self


class RawRecord(NamedTuple):
    """A record as aiokafka's fetcher takes it from a batch."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


def install() -> None:
    """Let aiokafka's fetcher read batches this way, in this process; a second call changes nothing."""
    fetcher.MemoryRecords = Batches
    fetcher.PartitionRecords = Records


class Records(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types for it
    """aiokafka's way through the batches of a partition, which tells them where it begins."""

    def __init__(
        self, tp: object, records: Batches, aborted: object, fetch_offset: int, *settings: object
    ) -> None:
        super().__init__(tp, records, aborted, fetch_offset, *settings)
        records.begin_at(fetch_offset)


class Batches:
    """What a fetch brought of one partition: batch after batch, in the shape of aiokafka's MemoryRecords.

    After so many unpacked bytes it ends early, at a record that the next fetch begins with.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._left = limits.FETCH_UNPACKED_MAX_BYTES
        self.first_offset = 0
        self.is_full = False

    def begin_at(self, offset: int) -> None:
        """Leave out what lies below: the first batch is fetched whole, wherever in it the reading goes on."""
        self.first_offset = offset

    def size_in_bytes(self) -> int:
        """How many bytes the fetch brought."""
        return len(self._data)

    def has_next(self) -> bool:
        """Whether another whole batch is there."""
        return not self.is_full and self._end() <= len(self._data)

    def next_batch(self) -> Batch | LegacyRecordBatch | None:
        """The next batch, None when there is none."""
        if not self.has_next():
            return None
        start, self._at = self._at, self._end()
        raw = self._data[start : self._at]
        if raw[_MAGIC_AT] < _MAGIC:  # no broker has written one since Kafka 3.0
            return LegacyRecordBatch(raw, raw[_MAGIC_AT])
        return Batch(raw, self)

    def spend(self, size: int) -> bool:
        """Count so many unpacked bytes; False once it is full: the record behind them waits for the next fetch."""
        if self._left <= 0:
            self.is_full = True
            return False
        self._left -= size
        return True

    def _end(self) -> int:
        """Where the next batch ends."""
        if self._at + _MAGIC_AT >= len(self._data):
            return len(self._data) + 1
        length: int = struct.unpack_from(">i", self._data, self._at + 8)[0]
        return self._at + _FRAME + max(length, _HEADER.size - _FRAME)


class Batch:
    """One batch of the present format, in the shape of aiokafka's DefaultRecordBatch."""

    def __init__(self, raw: memoryview, batches: Batches) -> None:
        self._raw = raw
        self._batches = batches
        self._native = DefaultRecordBatch(bytes(raw))
        self._stopped_at: int | None = None
        found = _HEADER.unpack_from(raw)
        self.base_offset: int = found[0]
        self._attributes: int = found[5]
        self._last_offset: int = self.base_offset + found[6]
        self._times: tuple[int, int] = found[7:9]
        self._count: int = found[12]

    def validate_crc(self) -> bool:
        """Whether the bytes are those that the broker was sent."""
        return bool(self._native.validate_crc())

    @property
    def producer_id(self) -> int:
        """Who wrote it, where that counts."""
        return int(self._native.producer_id)

    @property
    def is_control_batch(self) -> bool:
        """Whether it only says how a transaction ended."""
        return bool(self._native.is_control_batch)

    @property
    def is_transactional(self) -> bool:
        """Whether it stands in a transaction."""
        return bool(self._native.is_transactional)

    @property
    def next_offset(self) -> int:
        """Where reading goes on after what was read of this batch."""
        return self._last_offset + 1 if self._stopped_at is None else self._stopped_at

    def __next__(self) -> RawRecord:
        """The first record: of a control batch, its marker."""
        return next(self._records())

    def __iter__(self) -> Iterator[RawRecord]:
        """Its records, as far as the fetch has room."""
        for record in self._records():
            if record.offset < self._batches.first_offset:
                continue
            if not self._batches.spend(_size_of(record)):
                self._stopped_at = record.offset
                return
            yield record

    def _records(self) -> Iterator[RawRecord]:
        """Its records: as aiokafka reads them, and one by one where it fails."""
        try:
            whole = self._uncompressed()
        except UnreadableError as error:
            yield from self._unreadable(str(error))
            return
        done = self.base_offset - 1
        try:
            for record in DefaultRecordBatch(whole):
                yield record
                done = record.offset
        except (
            ValueError,
            IndexError,
            KafkaError,
        ):  # a name that is no UTF-8, a length that is wrong
            yield from (
                each for each in self._one_by_one(whole[_HEADER.size :]) if each.offset > done
            )

    def _uncompressed(self) -> bytes:
        """The batch without compression, the one copy there is; raises UnreadableError past the bounds."""
        codec = self._attributes & _CODEC_BITS
        if not codec:
            return bytes(self._raw)
        if self._count > limits.BATCH_MAX_RECORDS:
            most = limits.BATCH_MAX_RECORDS
            raise UnreadableError(
                f"a packed batch of {self._count} records; at most {most} are read"
            )
        header = bytearray(self._raw[: _HEADER.size])
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self._attributes & ~_CODEC_BITS)
        packed = self._raw[_HEADER.size :]
        return bytes(header) + unpacked(codec, packed, limits.BATCH_UNPACKED_MAX_BYTES)

    def _one_by_one(self, payload: bytes) -> Iterator[RawRecord]:
        """Each record by its own length; one that cannot be read does not hide the next."""
        data, at, offset = bytearray(payload), 0, self.base_offset
        for _ in range(self._count):
            try:
                field, at = _field(data, at)  # a record is framed as a field is
            except (UnreadableError, IndexError, ValueError) as error:
                yield self._unread(offset, f"the record cannot be read: {error}", self._last_offset)
                return
            record = self._record(bytearray(field or b""), offset)
            offset = record.offset + 1
            yield record

    def _record(self, data: bytearray, offset: int) -> RawRecord:
        """One record of these bytes, unreadable where they are wrong."""
        try:
            at = 1  # its attributes mean nothing
            time_delta, at = decode_varint(data, at)
            offset_delta, at = decode_varint(data, at)
            offset = self._offset(offset_delta, at_least=offset)
            key, at = _field(data, at)
            value, at = _field(data, at)
            count, at = decode_varint(data, at)
            headers: list[tuple[str, bytes | None]] = []
            for _ in range(count):
                name, at = _field(data, at)
                content, at = _field(data, at)
                headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        except (IndexError, ValueError, UnreadableError) as error:
            return self._unread(offset, f"the record cannot be read: {error}", None)
        is_append_time = bool(self._attributes & _IS_APPEND_TIME)
        time = self._times[1] if is_append_time else self._times[0] + time_delta
        return RawRecord(offset, time, int(is_append_time), key, value, headers)

    def _offset(self, delta: int, *, at_least: int) -> int:
        """The offset that a record claims, which lies behind the one before it and in its batch."""
        if not at_least <= self.base_offset + delta <= self._last_offset:
            raise UnreadableError("it does not follow the record before it")
        return self.base_offset + delta

    def _unreadable(self, why: str) -> Iterator[RawRecord]:
        """What stands for the records of a batch that is not unpacked: each of them, or one for very many."""
        if self._count > limits.UNREADABLE_EACH_MAX:
            yield self._unread(self.base_offset, why, self._last_offset)
            return
        for offset in range(self.base_offset, self._last_offset + 1):
            yield self._unread(offset, why, None)

    def _unread(self, offset: int, why: str, last_offset: int | None) -> RawRecord:
        """What stands for a record that cannot be read."""
        return RawRecord(offset, self._times[1], 0, None, Unreadable(why, last_offset), [])


def _field(data: bytearray, at: int) -> tuple[bytes | None, int]:
    """A length and so many bytes, null for a negative one, and where the next field begins."""
    length, at = decode_varint(data, at)
    if length < 0:
        return None, at
    if length > len(data) - at:
        raise UnreadableError("a field is longer than its record")
    return bytes(data[at : at + length]), at + length


def _size_of(record: ConsumerRecord) -> int:
    """About how many bytes of memory a record takes."""
    headers = sum(
        len(name) + len(value or b"") + limits.HEADER_FRAME_BYTES for name, value in record.headers
    )
    return limits.RECORD_OBJECT_BYTES + len(record.key or b"") + len(record.value or b"") + headers
