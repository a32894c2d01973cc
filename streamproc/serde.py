"""Events to records and back: JSON in UTF-8, CloudEvents 1.0 in the headers, `ce_id` from what the event means."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from streamproc import limits
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import (
    DEFAULT_TENANT,
    AnalysisDue,
    AnalysisFailed,
    AnalysisProgressed,
    BalanceFetchRequested,
    Event,
    WalletAnalyzed,
    WalletProgressed,
    WalletSyncRequested,
)
from streamproc.faults import faults_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from streamproc.settings import Settings
    from streamproc.topics import Topology

SOURCE: Final = "/streamproc"
NAMESPACE: Final = uuid.UUID(
    "6f1c2f2e-6c0a-5a51-9a55-2b7f4f5d3d10"
)  # ours, random once, never changed
M = TypeVar("M", bound="BaseModel")
Headers = tuple[tuple[str, bytes], ...]
ReceivedHeaders = tuple[tuple[str, bytes | None], ...]  # what others write may have null values
LATEST_MS: Final = 253_402_300_799_000  # the last second that RFC 3339 can write
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)

# Beside request and class, what tells two events of one class apart.
_MEANING: Final[dict[type[Event], tuple[str, ...]]] = {
    WalletSyncRequested: ("wallet",),
    WalletAnalyzed: ("wallet",),
    WalletProgressed: ("wallet", "transactions", "fraction", "notice_at"),
    BalanceFetchRequested: (),
    AnalysisFailed: ("status",),
    AnalysisProgressed: ("seq",),
    AnalysisDue: ("kind", "at"),
}


class Encoded(NamedTuple):
    """A record ready to be sent: full topic name, key, value, headers, and its time in unix milliseconds."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Codec:
    """Knows from the topology where each event goes, and adds the installation's prefix."""

    topology: Topology
    prefix: str = ""
    traceparent: bytes | None = None  # of records for which the caller names none
    source: str = SOURCE  # who speaks, `ce_source`
    type_prefix: str = ""  # before each `ce_type`: a domain backwards and a dot

    def continuing(self, traceparent: bytes | None) -> Codec:
        """The codec whose records continue this trace."""
        return self if traceparent == self.traceparent else replace(self, traceparent=traceparent)

    def topic_of(self, event: type[Event]) -> str:
        """The full name of the topic that carries this class."""
        return self.prefix + self.topology.by_event[event.__name__].name

    def encode(self, event: Event, *, time_ms: int, traceparent: bytes | None = None) -> Encoded:
        """The event's record; the same event at the same time gives the same bytes and headers."""
        value = _adapter(type(event)).dump_json(event)
        return self.encode_value(
            type(event), value, ce_id(event), event, time_ms=time_ms, traceparent=traceparent
        )

    def encode_value(
        self,
        kind: type[Event],
        value: bytes,
        identity: str,
        event: Event | None = None,
        *,
        request_id: str | None = None,
        time_ms: int,
        traceparent: bytes | None = None,
    ) -> Encoded:
        """The record of an event whose JSON is already made; `request_id` is needed when `event` is not given."""
        topic = self.topology.by_event[kind.__name__]
        subject = event.request_id if event is not None else str(request_id)
        key = str(getattr(event, topic.key or "request_id")) if event is not None else subject
        headers = self._headers(kind, identity, subject, time_ms, traceparent or self.traceparent)
        tenant = getattr(event, "tenant", DEFAULT_TENANT)
        if tenant != DEFAULT_TENANT:  # for who shares places out before the value is read
            headers = (*headers, ("ce_tenant", tenant.encode()))
        return Encoded(self.prefix + topic.name, key.encode(), value, headers, time_ms)

    def _headers(
        self,
        kind: type[Event],
        identity: str,
        subject: str,
        time_ms: int,
        traceparent: bytes | None,
    ) -> Headers:
        """CloudEvents 1.0 binary mode, and the W3C trace when one is being continued."""
        headers = (
            ("ce_specversion", b"1.0"),
            ("ce_id", identity.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", f"{self.type_prefix}{kind.__name__}".encode()),
            ("ce_dataschema", f"urn:streamproc:{kind.__name__}:{self.topology.version}".encode()),
            ("ce_time", _time(time_ms)),
            ("ce_subject", subject.encode()),
            ("content-type", b"application/json"),
        )
        return headers if traceparent is None else (*headers, ("traceparent", traceparent))


def codec_of(settings: Settings, topology: Topology) -> Codec:
    """The codec of an installation's records."""
    return Codec(
        topology,
        settings.topic_prefix,
        source=settings.ce_source,
        type_prefix=settings.ce_type_prefix,
    )


def ce_id(event: Event) -> str:
    """The event's identity from its meaning (class, request, wallet or sequence): equal for every repeat."""
    more = (str(getattr(event, name)) for name in _MEANING.get(type(event), ()))
    return ce_id_of(type(event), event.request_id, *more)


def ce_id_of(kind: type[Event], request_id: str, *more: str) -> str:
    """The identity of an event of this class about this request, told apart by what more there is."""
    name = "\x1f".join([kind.__name__, request_id, *more])
    # As uuid.uuid5, which takes a third of the time of making a record.
    digest = bytearray(sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # RFC 9562's variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def decode(model: type[M], value: bytes | None) -> M:
    """What an agent wrote as a model; raises InvalidInputError with every fault for JSON that breaks the model's rules.

    Records from outside go through `intake` instead. Raises DeadLetterError for what is no JSON object at all: a
    tombstone, bad UTF-8, nothing, too much.
    """
    if value is None:
        raise DeadLetterError("tombstone", "the record has no value")
    if len(value) > limits.EVENT_MAX_BYTES:
        raise DeadLetterError("too_large", f"the value has {len(value)} bytes")
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        if any(found["type"] == "json_invalid" for found in error.errors(include_url=False)):
            raise DeadLetterError("not_json", "the value is no JSON") from None
        raise InvalidInputError(faults_of(error)) from None


def decode_internal(model: type[M], value: bytes | None) -> M:
    """As `decode`, for what agents say to each other: whatever is wrong goes to dead letters."""
    try:
        return decode(model, value)
    except InvalidInputError as error:
        raise DeadLetterError("invalid", str(error)) from None


def header(headers: Sequence[tuple[str, bytes | None]], name: str) -> bytes | None:
    """The first header of that name, None when there is none or it is null."""
    for found, value in headers:
        if found == name:
            return value
    return None


def trace_of(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """The trace that the headers continue, None when there is none in the W3C form."""
    found = header(headers, "traceparent")
    return found if found is not None and is_trace(found) else None


def is_trace(value: bytes) -> bool:
    """Whether this is a `traceparent` in the W3C form."""
    return _TRACEPARENT.fullmatch(value) is not None


def new_trace(*, topic: str, partition: int, offset: int) -> bytes:
    """The trace that begins with this record: the same each time that it is read."""
    digest = sha256(f"{topic}/{partition}/{offset}".encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-00".encode()


@lru_cache(maxsize=limits.TIMES_REMEMBERED)
def _time(time_ms: int) -> bytes:
    """RFC 3339 in UTC; the records of one source have the same time."""
    within = min(max(time_ms, 0), LATEST_MS)
    time = datetime.fromtimestamp(within / 1000, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z").encode()


@cache
def _adapter(kind: type[Event]) -> TypeAdapter[Event]:
    """Writes an event as bytes at once, where the model itself makes text first."""
    return TypeAdapter(kind)
