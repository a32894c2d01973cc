"""From a record to an agent and back: decode, run the generator, encode what it yields.

The engine and the in-process driver of the tests both run the agents through this, so what is tested without Kafka is
what runs on it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol, TypeVar

from streamproc import limits, tracing
from streamproc.engine.delivery.stage import share_of
from streamproc.events import AnalysisProgressed, Event, PublicError, WalletProgressed
from streamproc.fair_limiter import CURRENT_REQUEST
from streamproc.intake import enveloped_trace
from streamproc.logs import about, about_also
from streamproc.serde import Codec, Encoded, decode_internal, header, new_trace, trace_of

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager

    from streamproc.engine import Record
    from streamproc.errors import StreamprocError

E = TypeVar("E", bound=Event)
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)
Said = Event | Encoded
Handler = Callable[["Record"], AsyncIterator[Said]]
Run = Callable[["Record"], Awaitable[list[Encoded]]]
# Sends one record now, before its source is done; the future is done when the brokers have it.
Publish = Callable[[Encoded], "asyncio.Future[None]"]

# Said while the work still goes on: a caller that waits wants to know at once.
AT_ONCE = (WalletProgressed, AnalysisProgressed)


class Handle(Protocol[E_contra]):
    """An agent that has been given everything but the event, and the codec of the trace that it continues."""

    def __call__(self, event: E_contra, /, *, codec: Codec) -> AsyncIterator[Said]:
        """What the agent says about the event."""


def trace_from(record: Record) -> bytes:
    """The trace that what is said about a record continues: the handling's own span, where there is one.

    Else the trace that came with the record, or the one that begins with it.
    """
    return tracing.current_traceparent() or _arrived(record) or _begun(record)


def _arrived(record: Record) -> bytes | None:
    """The trace that came with the record."""
    return trace_of(record.headers) or enveloped_trace(record.value, record.headers)


def _begun(record: Record) -> bytes:
    """The trace that begins with the record where none came with it: the same whenever it is read."""
    return new_trace(topic=record.topic, partition=record.partition, offset=record.offset)


def traced(agent: str, record: Record) -> AbstractContextManager[None]:
    """A span about an agent's handling of a record, all its tries together; nothing where tracing is off."""
    if not tracing.is_on():
        return nullcontext()
    identity = header(record.headers, "ce_id")
    attributes: tracing.Attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
        "messaging.message.id": _text(identity, limits.TRACED_TEXT_MAX),
        "messaging.message.body.size": len(record.value or b""),
        "streamproc.agent": agent,
        "streamproc.request_id": _text(share_of(record).request, limits.REQUEST_ID_MAX_LENGTH),
    }
    return tracing.processing(
        record.topic, arrived=_arrived(record), begun=_begun(record), attributes=attributes
    )


def _text(value: bytes | None, longest: int) -> str | None:
    """What somebody wrote, as text of a bounded length."""
    return value[:longest].decode("utf-8", "replace") if value else None


def _time_ms(record: Record) -> int:
    """The record's time, or now where it is off the scale: brokers would refuse what was said at that time."""
    now_ms = time.time_ns() // 1_000_000
    return (
        record.timestamp_ms
        if 0 < record.timestamp_ms <= now_ms + limits.RECORD_AHEAD_MAX_MS
        else now_ms
    )


def on_event(model: type[E], handle: Handle[E], codec: Codec) -> Handler:
    """A handler of records that decodes each as this event; what does not decode is a dead letter.

    What the agent encodes itself continues the record's trace.
    """

    def handle_record(record: Record) -> AsyncIterator[Said]:
        event = decode_internal(model, record.value)
        tenant, wallet = getattr(event, "tenant", None), getattr(event, "wallet", None)
        about_also(request_id=event.request_id, tenant=tenant, wallet=wallet)
        tracing.describe({"streamproc.tenant": tenant, "streamproc.wallet": wallet})
        return handle(event, codec=codec.continuing(trace_from(record)))

    return handle_record


def running(handler: Handler, *, codec: Codec, publish: Publish) -> Run:
    """What the engine calls for each record: progress is told at once, everything else returned to be confirmed.

    The agent goes on while progress is on its way; what it returns comes after all of it is confirmed.
    Records take their time from their source, so that a repeated source makes the same records.
    """
    at_once = {codec.topic_of(event) for event in AT_ONCE}

    async def run(record: Record) -> list[Encoded]:
        trace, time_ms = trace_from(record), _time_ms(record)
        _work_for(record)
        kept: list[Encoded] = []
        told: list[asyncio.Future[None]] = []
        try:
            with tracing.attempt():
                async for said in handler(record):
                    encoded = (
                        codec.encode(said, time_ms=time_ms, traceparent=trace)
                        if isinstance(said, Event)
                        else said
                    )
                    if encoded.topic in at_once and not kept:
                        told.append(publish(encoded))
                    else:
                        kept.append(encoded)
                for each in told:
                    await each
        except BaseException:
            for each in told:
                each.cancel()
            raise
        return kept

    return run


def _work_for(record: Record) -> None:
    """What is asked and logged from here on is of this record's request and tenant."""
    share = share_of(record)
    CURRENT_REQUEST.set(share)
    about(
        request_id=share.request.decode("ascii", "replace") or None,
        tenant=share.tenant.decode("ascii", "replace"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def public_error(error: StreamprocError) -> PublicError:
    """The error as the contract shows it."""
    return PublicError(code=error.code, message=str(error)[:500])
