"""One record in two vocabularies: the engine's, which may lack a key or a value, and the store's, which has both."""

from __future__ import annotations

from streamproc.engine import Outgoing
from streamproc.serde import Encoded


def outgoing(record: Encoded) -> Outgoing:
    """The record in the engine's words."""
    return Outgoing(
        record.topic, record.key, record.value, record.headers, timestamp_ms=record.timestamp_ms
    )


def encoded(record: Outgoing) -> Encoded:
    """The record in the store's words; an end always has a key and a value."""
    return Encoded(
        record.topic,
        record.key or b"",
        record.value or b"",
        tuple((name, value or b"") for name, value in record.headers),
        record.timestamp_ms,
    )
