"""What the table's changelog keeps of a key: the state *together with* the outputs that it decided.

Batches are cut differently after a crash, so outputs that are decided again could differ from those already seen. What
was written ahead is published again instead, byte for byte.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from streamproc import limits
from streamproc.engine.records import Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One value of the changelog."""

    state: bytes | None  # None: the state is forgotten, only its last outputs remain
    outs: tuple[Outgoing, ...] = ()
    source: tuple[str, int] | None = (
        None  # topic and offset of one record that is done when `outs` are out
    )


_PACKED: Final = b"z"  # no array of msgpack begins so
_FAST: Final = 1  # zlib's level: 3 ms for a thousand wallets
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Stored)


def encode(
    state: bytes | None, outs: Sequence[Outgoing] = (), source: tuple[str, int] | None = None
) -> bytes:
    """The changelog's value; a large one is packed."""
    value = _ENCODER.encode(Stored(state, tuple(outs), source))
    if len(value) < limits.CHANGELOG_PACKED_FROM_BYTES:
        return value
    return _PACKED + zlib.compress(value, _FAST)


def decode(value: bytes) -> Stored:
    """The inverse; raises msgspec.DecodeError or zlib.error for what this engine has not written."""
    return _DECODER.decode(zlib.decompress(value[1:]) if value[:1] == _PACKED else value)
