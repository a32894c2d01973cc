"""Kafka's four codecs, unpacked into so much memory and no more."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, TypeAlias

import cramjam

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable

Buffer: TypeAlias = "bytes | bytearray | memoryview"
_CODECS: Final = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}  # a batch's attributes name them so
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16
_GZIP_WINDOW: Final = 31  # zlib's word for gzip's frame and any window


class UnreadableError(Exception):
    """A batch or a record cannot be read; the text says why."""


def unpacked(codec: int, packed: Buffer, most: int) -> Buffer:
    """What was packed, if that is not more than so many bytes; no more memory than that is taken.

    Raises UnreadableError for more, for what is no such format, and for a codec that does not exist.
    """
    name = _CODECS.get(codec)
    if name is None:
        raise UnreadableError(f"packed in an unknown way ({codec})")
    try:
        return _UNPACK[name](bytes(packed), most)
    except (zlib.error, cramjam.DecompressionError, struct.error, EOFError) as error:
        raise UnreadableError(f"a batch that is no {name}, or is cut off: {error}") from None


def _too_large(most: int) -> UnreadableError:
    return UnreadableError(f"a batch that unpacks to more than {most} bytes")


def _gunzip(packed: bytes, most: int) -> Buffer:
    """All members of a gzip file."""
    out = bytearray()
    while packed:
        member = zlib.decompressobj(_GZIP_WINDOW)
        out += member.decompress(packed, most + 1 - len(out))
        if len(out) > most:
            raise _too_large(most)
        if not member.eof:
            raise EOFError("it ends too early")
        packed = member.unused_data.lstrip(b"\x00")
    return out


def _unsnap(packed: bytes, most: int) -> Buffer:
    """Snappy, in blocks as Java's library frames them, or raw; each block says how long it is."""
    if not packed.startswith(_XERIAL):
        return _unsnapped(packed, most)
    out, at = bytearray(), _XERIAL_HEADER
    while at < len(packed):
        (size,) = struct.unpack_from(">i", packed, at)
        if not 0 <= size <= len(packed) - at - 4:
            raise EOFError("a block's length is wrong")
        out += _unsnapped(packed[at + 4 : at + 4 + size], most - len(out))
        at += 4 + size
    return out


def _unsnapped(block: bytes, most: int) -> bytes:
    """One raw block."""
    if cramjam.snappy.decompress_raw_len(block) > most:
        raise UnreadableError("a batch that unpacks to too many bytes")
    return bytes(cramjam.snappy.decompress_raw(block))


def _into(unpack: Callable[[bytes, bytearray], int]) -> Callable[[bytes, int], Buffer]:
    """Unpacking into memory of a fixed size: first what is likely enough, then four times as much, up to the bound."""

    def unpack_into(packed: bytes, most: int) -> Buffer:
        size = min(most, limits.UNPACKED_FIRST_BYTES + 8 * len(packed))
        while True:
            room = bytearray(size)
            try:
                return room[: unpack(packed, room)]  # a copy: what was not needed is not kept
            except cramjam.DecompressionError as error:
                if "write whole buffer" not in str(error):
                    raise
            if size == most:
                raise _too_large(most)
            size = min(most, 4 * size)

    return unpack_into


_UNPACK: Final[dict[str, Callable[[bytes, int], Buffer]]] = {
    "gzip": _gunzip,
    "snappy": _unsnap,
    "lz4": _into(cramjam.lz4.decompress_into),
    "zstd": _into(cramjam.zstd.decompress_into),
}
