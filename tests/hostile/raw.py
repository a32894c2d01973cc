"""Record batches byte by byte, as no client would write them, and a way to put them on a topic."""

from __future__ import annotations

import gzip
import struct
import time
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

if TYPE_CHECKING:
    from collections.abc import Sequence

CODECS: Final = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
IS_TRANSACTIONAL: Final = 0x10
IS_CONTROL: Final = 0x20
CHUNK: Final = 1 << 20


class Raw(NamedTuple):
    """One record; names and values of headers are bytes."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[bytes, bytes | None]] = ()


def varint(number: int) -> bytes:
    """A zig-zag varint."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def field(content: bytes | None) -> bytes:
    """Nullable bytes with their length before them."""
    return varint(-1) if content is None else varint(len(content)) + content


def record_bytes(record: Raw, number: int) -> bytes:
    """The record as it stands in its batch."""
    headers = b"".join(field(name) + field(value) for name, value in record.headers)
    body = b"".join(
        (
            b"\0",
            varint(0),
            varint(number),
            field(record.key),
            field(record.value),
            varint(len(record.headers)),
            headers,
        )
    )
    return varint(len(body)) + body


def batch(
    records: Sequence[Raw],
    *,
    codec: str = "none",
    timestamp_ms: int | None = None,
    attributes: int = 0,
    base_offset: int = 0,
) -> bytes:
    """A batch of these records."""
    body = b"".join(record_bytes(record, number) for number, record in enumerate(records))
    return framed(packed(body, codec), len(records), codec, timestamp_ms, attributes, base_offset)


def packed(body: bytes, codec: str) -> bytes:
    """The bytes in this codec."""
    if codec == "gzip":
        return gzip.compress(body, 6)
    encode = {"snappy": snappy_encode, "lz4": lz4_encode, "zstd": zstd_encode}.get(codec)
    return body if encode is None else bytes(encode(body))


def bomb(codec: str, size: int, key: bytes = b"bomb") -> bytes:
    """A batch of one record whose value is so many zeros."""
    head = b"\0" + varint(0) + varint(0) + field(key) + varint(size)
    tail = varint(0)
    head = varint(len(head) + size + len(tail)) + head
    if codec != "gzip":
        return framed(packed(head + b"0" * size + tail, codec), 1, codec)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(head)]
    parts += [squeeze.compress(b"0" * min(CHUNK, size - at)) for at in range(0, size, CHUNK)]
    parts += [squeeze.compress(tail), squeeze.flush()]
    return framed(b"".join(parts), 1, codec)


def framed(  # noqa: PLR0917 - a test names those that it needs
    body: bytes,
    count: int,
    codec: str = "none",
    timestamp_ms: int | None = None,
    attributes: int = 0,
    base_offset: int = 0,
) -> bytes:
    """A batch around records that are packed already."""
    now_ms = time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms
    rest = struct.pack(
        ">hiqqqhii", CODECS[codec] | attributes, count - 1, now_ms, now_ms, -1, -1, -1, count
    )
    checked = rest + body
    head = struct.pack(">ibI", -1, 2, calc_crc32c(checked))
    return struct.pack(">qi", base_offset, len(head) + len(checked)) + head + checked


class RawProducer:
    """Puts batches on partitions as they are."""

    def __init__(self, brokers: str) -> None:
        self._client = AIOKafkaClient(bootstrap_servers=brokers)

    async def __aenter__(self) -> Self:
        await self._client.bootstrap()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def send(self, topic: str, partition: int, data: bytes) -> int:
        """Where the batch came to lie; raises what the broker says against it."""
        await self._client.fetch_all_metadata()
        node = next(broker.nodeId for broker in self._client.cluster.brokers())
        request = ProduceRequest(None, -1, 30_000, [(topic, [(partition, data)])])
        response = await self._client.send(node, request)
        ((_, ((_, code, offset, *_rest),)),) = response.topics
        error = for_code(code)
        if code:
            raise error(f"{topic}/{partition}")
        return int(offset)
