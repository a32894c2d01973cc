"""The words in which agents and store speak about requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from streamproc.serde import Encoded

if TYPE_CHECKING:
    from streamproc.json_types import Json
    from streamproc.store.postgres.database import Row

Status = Literal["running", "completed", "failed", "cancelled", "expired", "rejected"]


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A valid request as it came."""

    request_id: str
    digest: bytes  # of its content; another one under the same id is a conflict
    source: str  # the record it came by, topic/partition/offset
    wallets: list[str]
    options: Json
    requested_at_ms: int
    deadline_at: int
    repeats_dropped: int = 0
    traceparent: bytes | None = None  # of the record it came by
    tenant: str = "default"
    cohort: Json | None = None  # the rule that the wallets are to be chosen by

    @property
    def most_wallets(self) -> int:
        """How many wallets it has, or may have once they are chosen."""
        return len(self.wallets) if self.cohort is None else int(self.cohort["count"])


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request that breaks rules and names an id that can be answered: the answer, and the last progress record."""

    request_id: str
    digest: bytes  # of the record's value
    source: str  # the record it came by, topic/partition/offset
    at_ms: int
    terminal: Encoded
    progress: Encoded
    tenant: str = "default"  # where it could be read


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the store says to a request.

    `running`: recorded now or before, not ended; `source` tells whether by this very record. `ended`: it has a terminal
    record. `conflict`: the id belongs to another content.
    """

    state: Literal["running", "ended", "conflict"]
    source: str
    requested_at_ms: int
    deadline_at: int


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A recorded request and how it stands."""

    request_id: str
    digest: bytes
    source: str
    wallets: list[str]
    options: Json
    requested_at_ms: int
    deadline_at: int
    status: Status
    code: str | None
    repeats_dropped: int = 0
    traceparent: bytes | None = None
    tenant: str = "default"
    cohort: Json | None = None  # the rule of its wallets, None for a list
    chosen: Json | None = None  # what came of it: {"found": ...} or {"error": ...}; None until then


@dataclass(frozen=True, slots=True)
class Decision:
    """A wish to end a request: its records as they would be published, and the whole result of a completed one."""

    request_id: str
    status: str
    code: str | None
    terminal: Encoded
    progress: Encoded | None = None
    before: tuple[
        tuple[int, Encoded], ...
    ] = ()  # progress that is said only if this wish is granted, by `seq`
    result: bytes | None = None  # JSON, however large
    packed_result: bytes | None = None  # instead: zlib of the same
    pairs: bytes | None = None  # every pair as columns, compressed


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended: the records to publish are these and no others.

    `is_news` is true for the one caller whose statement ended it; only then is known how long it ran, since it was
    recorded, and what it has spent.
    """

    request_id: str
    status: str
    code: str | None
    terminal: Encoded
    progress: Encoded | None
    is_news: bool = field(default=False, compare=False)
    duration_s: float | None = field(default=None, compare=False)
    credits_spent: int | None = field(default=None, compare=False)
    tenant: str | None = field(default=None, compare=False)


_HEADERS = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...])


def packed_headers(record: Encoded) -> bytes:
    """The record's headers as the store keeps them."""
    return msgspec.msgpack.encode(record.headers)


def record_from(row: Row, prefix: str = "") -> Encoded:
    """The Kafka record in a row's columns, byte for byte as it was given."""
    return Encoded(
        topic=row[f"{prefix}topic"],
        key=row[f"{prefix}key"],
        value=row[f"{prefix}value"],
        headers=_HEADERS.decode(row[f"{prefix}headers"]),
        timestamp_ms=row[f"{prefix}timestamp_ms"],
    )


def ending_from(row: Row) -> Ending:
    """The ending in a row of `analyses.endings`."""
    return Ending(
        request_id=row["request_id"],
        status=row["status"],
        code=row["code"],
        terminal=record_from(row, "terminal_"),
        progress=record_from(row, "progress_") if row["progress_topic"] is not None else None,
    )
