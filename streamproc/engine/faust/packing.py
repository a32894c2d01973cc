"""Packing: one Faust message carries all that one fetch returned of one partition."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import faust

from streamproc.engine.records import Record

if TYPE_CHECKING:
    from streamproc.engine.records import Batch


class PassThrough(faust.Schema):  # type: ignore[misc]  # Faust ships no types
    """Hands a packed batch through undecoded: keys and values are decoded by our own code, record by record."""

    def loads_key(self, *_args: object, **_kwargs: object) -> None:
        """A packed message has no key."""
        return

    def loads_value(self, _app: object, message: Any, **_kwargs: object) -> Any:  # noqa: ANN401
        """The batch itself."""
        return message.value


def record_of(raw: Any) -> Record:  # noqa: ANN401 - aiokafka's ConsumerRecord, untyped
    """What aiokafka calls a record, as ours."""
    return Record(
        raw.topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp
    )


def message_of(last: Any, batch: Batch) -> Any:  # noqa: ANN401 - as above
    """The one message that Faust sees: the batch as value, under its last record's offset."""
    return dataclasses.replace(last, key=None, headers=(), value=batch)
