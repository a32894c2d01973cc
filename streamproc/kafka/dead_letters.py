"""Dead letters as they lie on Kafka: what a record's headers say of why it could not be worked off."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

ERRORS: Final = "__streams.errors."
REASON: Final = "x-reason"
LEFT_OUT: Final = frozenset({"x-value-bytes", "x-headers-left-out", "x-key-bytes"})


class Position(NamedTuple):
    """Where a dead letter lies; written `partition:offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class DeadLetter(NamedTuple):
    """One record that could not be worked off, its bytes untouched."""

    position: Position
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int

    def says(self, name: str) -> str:
        """A header's text, empty when there is none."""
        found = next((value for header, value in self.headers if header == name), b"")
        return (found or b"").decode("utf-8", "replace")

    @property
    def reason(self) -> str:
        """The word for why it is here."""
        return self.says(REASON)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the record was left out because the letter would have been too large."""
        return not any(name in LEFT_OUT for name, _ in self.headers)

    @property
    def message(self) -> str:
        """The sentence that says why it is here."""
        return self.says(f"{ERRORS}message")

    def as_json(self, *, with_value: bool) -> dict[str, object]:
        """The letter for programs; bytes that are no UTF-8 come as base64."""
        shown: dict[str, object] = {
            "letter": str(self.position),
            "timestamp_ms": self.timestamp_ms,
            "reason": self.reason,
            "topic": self.source,
            "key": text_of(self.key),
            "bytes": None if self.value is None else len(self.value),
            "headers": {name: text_of(value) for name, value in self.headers},
        }
        return shown | ({"value": text_of(self.value)} if with_value else {})

    @property
    def can_be_sent_again(self) -> bool:
        """Whether it names its source and has a key or a value, none of it left out."""
        has_content = self.key is not None or self.value is not None
        return bool(self.source) and self.is_whole and has_content

    @property
    def source(self) -> str:
        """The full name of the topic that it came from."""
        return self.says(f"{ERRORS}topic")


def letter_of(record: ConsumerRecord[bytes, bytes]) -> DeadLetter:
    """The dead letter in a record of its topic."""
    return DeadLetter(
        Position(record.partition, record.offset),
        record.key,
        record.value,
        tuple(record.headers),
        record.timestamp,
    )


def text_of(value: bytes | None) -> str | dict[str, str] | None:
    """Bytes as text where they are text, else as base64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
