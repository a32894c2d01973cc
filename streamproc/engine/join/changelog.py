"""What the table's changelog keeps of a key: the state *together with* the outputs that it decided.

Batches are cut differently after a crash, so outputs that are decided again could differ from those already seen. What
was written ahead is published again instead, byte for byte.

A large state is written whole now and then, under its key, and in between only what has changed, under keys of the
changes' own: the first, second, third change since. A change names the whole state that it belongs to, so that one of
an earlier whole state, which nothing has written over yet, is none of this one.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc import limits
from streamproc.engine.join.changes import change_of, changed
from streamproc.engine.records import Outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One value of the changelog."""

    state: bytes | None  # None: the state is forgotten, only its last outputs remain
    outs: tuple[Outgoing, ...] = ()
    source: tuple[str, int] | None = (
        None  # topic and offset of one record that is done when `outs` are out
    )
    number: int = 0  # of the whole state that this is, or changes; 0: it has no changes


class Series(NamedTuple):
    """A whole state and its changes, as far as they are written."""

    number: int = 0
    changes: int = 0
    whole_bytes: int = 0
    changes_bytes: int = 0


class Step(NamedTuple):
    """What is to be written next of a key: its state, or what has changed of it."""

    key: bytes
    state: bytes | None
    series: Series  # with this step

    def value(self, outs: Sequence[Outgoing] = (), source: tuple[str, int] | None = None) -> bytes:
        """The changelog's value."""
        return encode(self.state, outs, source, self.series.number)

    def weighing(self, value_bytes: int) -> Step:
        """The same, counted into its series."""
        whole, changes = self.series.whole_bytes, self.series.changes_bytes
        if is_of_a_change(self.key):
            series = self.series._replace(changes_bytes=changes + value_bytes)
        else:
            series = self.series._replace(whole_bytes=whole + value_bytes)
        return self._replace(series=series)


class Restored(NamedTuple):
    """What is known of a key: its state, and what was written ahead of it last."""

    state: bytes | None
    outs: tuple[Outgoing, ...]
    source: tuple[str, int] | None
    series: Series


_PACKED: Final = b"z"  # no array of msgpack begins so
_FAST: Final = 1  # zlib's level: 3 ms for a thousand wallets
_CHANGE: Final = b"\xff"  # no key of a state begins so: they are UTF-8
_PLACE_BYTES: Final = 2
_NUMBER_BYTES: Final = 7
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Stored)


def encode(
    state: bytes | None,
    outs: Sequence[Outgoing] = (),
    source: tuple[str, int] | None = None,
    number: int = 0,
) -> bytes:
    """The changelog's value; a large one is packed."""
    value = _ENCODER.encode(Stored(state, tuple(outs), source, number))
    if len(value) < limits.CHANGELOG_PACKED_FROM_BYTES:
        return value
    return _PACKED + zlib.compress(value, _FAST)


def decode(value: bytes) -> Stored:
    """The inverse; raises msgspec.DecodeError or zlib.error for what this engine has not written."""
    return _DECODER.decode(_unpacked(value[1:]) if value[:1] == _PACKED else value)


def _unpacked(packed: bytes) -> bytes:
    """The bytes of a packed value; raises zlib.error for more than a state may have, before they are made."""
    unpacker = zlib.decompressobj()
    value = unpacker.decompress(packed, limits.CHANGELOG_UNPACKED_BYTES)
    if not unpacker.eof:
        raise zlib.error(f"cut off, or over {limits.CHANGELOG_UNPACKED_BYTES} bytes")
    return value


def is_of_a_change(key: bytes) -> bool:
    """Whether this is the key of a change."""
    return key.startswith(_CHANGE)


def change_key(key: bytes, place: int) -> bytes:
    """The key of the first change (0) of a state's series, the second, and so on."""
    return _CHANGE + place.to_bytes(_PLACE_BYTES) + key


def changes_of(data: Mapping[bytes, bytes], key: bytes) -> list[bytes]:
    """The keys of all changes of this key that there are, of earlier whole states too."""
    keys: list[bytes] = []
    while (each := change_key(key, len(keys))) in data:
        keys.append(each)
    return keys


def kept_of(data: Mapping[bytes, bytes], key: bytes) -> Restored | None:
    """What a table knows of a key; raises as `decode` does for what this engine has not written."""
    raw = data.get(key)
    if raw is None or is_of_a_change(key):
        return None
    last = decode(raw)
    state, series = last.state, Series(last.number, 0, len(raw))
    while series.number and (raw := data.get(change_key(key, series.changes))) is not None:
        change = decode(raw)
        if change.number != series.number:
            break
        last, state = change, changed(state or b"", change.state or b"")
        series = series._replace(
            changes=series.changes + 1, changes_bytes=series.changes_bytes + len(raw)
        )
    return Restored(state, last.outs, last.source, series)


def next_step(
    key: bytes, series: Series, old: bytes | None, new: bytes | None, changes_from: int
) -> Step:
    """How a new state is written after the old one: whole, unless it is large and a change of it much smaller."""
    if new is None or len(new) < changes_from:
        return Step(key, new, Series())
    may_change = (
        series.number != 0
        and series.changes < limits.CHANGES_MAX
        and series.changes_bytes < limits.CHANGES_BY_WHOLE * series.whole_bytes
    )
    if may_change and old is not None:
        change = change_of(old, new)
        if len(change) < len(new) // 2:
            place = change_key(key, series.changes)
            return Step(place, change, series._replace(changes=series.changes + 1))
    return Step(key, new, Series(int.from_bytes(os.urandom(_NUMBER_BYTES)) + 1))
