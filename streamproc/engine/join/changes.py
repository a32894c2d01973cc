"""What has changed between two values of bytes, in few bytes: what stays is told by its place, what is new as it is.

Values are compared piece by piece, a piece being what stands between two commas, which suits JSON and is right for any
bytes. Nothing depends on what the values mean.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

_COMMA: Final = b","
_Run: TypeAlias = tuple[int, int]  # first piece and number of pieces of the old value
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[_Run | bytes])


def change_of(old: bytes, new: bytes) -> bytes:
    """What makes `new` of `old`."""
    known, said = old.split(_COMMA), new.split(_COMMA)
    places = {piece: place for place, piece in enumerate(known)}
    runs: list[_Run | bytes] = []
    at = fresh = 0  # the piece that is looked at, and the first one that is told as it is
    while at < len(said):
        place = places.get(said[at])
        if place is None:
            at += 1
            continue
        if fresh < at:
            runs.append(_COMMA.join(said[fresh:at]))
        length = _common(known, place, said, at)
        runs.append((place, length))
        at = fresh = at + length
    if fresh < at:
        runs.append(_COMMA.join(said[fresh:at]))
    return _ENCODER.encode(runs)


def _common(known: list[bytes], place: int, said: list[bytes], at: int) -> int:
    """How many pieces are the same from these two places on."""
    most = min(len(known) - place, len(said) - at)
    return next((n for n in range(most) if known[place + n] != said[at + n]), most)


def changed(old: bytes, change: bytes) -> bytes:
    """The new value. Raises msgspec.DecodeError for what is no change."""
    known = old.split(_COMMA)
    pieces: list[bytes] = []
    for run in _DECODER.decode(change):
        if isinstance(run, bytes):
            pieces.append(run)
        else:
            pieces += known[run[0] : run[0] + run[1]]
    return _COMMA.join(pieces)
