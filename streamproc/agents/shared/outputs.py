"""What an agent said is kept: a repeated source gets the same record, byte for byte, and asks nobody again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc import metrics
from streamproc.errors import RequestEndedError
from streamproc.serde import Encoded

if TYPE_CHECKING:
    from streamproc.store import Store

_DECODER = msgspec.msgpack.Decoder(Encoded)


async def stored_output(store: Store, request_id: str, name: str) -> Encoded | None:
    """The record that was kept under this name of the request, None when nothing was said yet.

    A repeat is counted. Raises RequestEndedError when nothing was said and nobody listens any more.
    """
    found = await store.output_state(request_id, name)
    if found.content is not None:
        metrics.REPEATS_DROPPED.labels("sync" if ":" in name else name).inc()
        return _unpacked(found.content)
    if found.has_ended:
        raise RequestEndedError(f"request {request_id} has ended")
    return None


async def store_output(store: Store, request_id: str, name: str, record: Encoded) -> Encoded:
    """Keep the record unless one was kept under this name before; returns the one that is kept."""
    packed = msgspec.msgpack.encode(record)
    kept = await store.snapshot_once(request_id, name, packed)
    return record if kept == packed else _unpacked(kept)


def _unpacked(packed: bytes) -> Encoded:
    """The record that these bytes were made of."""
    return _DECODER.decode(packed)
