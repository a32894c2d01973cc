"""From a record to an agent and back: decode, run the generator, encode what it yields.

The engine and the in-process driver of the tests both run the agents through this, so what is tested without Kafka is
what runs on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from streamproc.events import AnalysisProgressed, Event, WalletProgressed
from streamproc.serde import Encoded, decode_internal, header

if TYPE_CHECKING:
    from streamproc.engine import Record
    from streamproc.serde import Codec

E = TypeVar("E", bound=Event)
Said = Event | Encoded
Handler = Callable[["Record"], AsyncIterator[Said]]
Run = Callable[["Record"], Awaitable[list[Encoded]]]
Tell = Callable[[Encoded], Awaitable[None]]  # sends one record now, before its source is done

# Said while the work still goes on: whoever waits wants to know at once.
AT_ONCE = (WalletProgressed, AnalysisProgressed)


def on_event(model: type[E], handle: Callable[[E], AsyncIterator[Said]]) -> Handler:
    """A handler of records that decodes each as this event; what does not decode is a dead letter."""

    async def handle_record(record: Record) -> AsyncIterator[Said]:
        async for said in handle(decode_internal(model, record.value)):
            yield said

    return handle_record


def running(handler: Handler, *, codec: Codec, tell: Tell) -> Run:
    """What the engine calls for each record: progress is told at once, everything else returned to be confirmed.

    Records take their time from their source, so that a repeated source makes the same records.
    """
    at_once = {codec.topic_of(event) for event in AT_ONCE}

    async def run(record: Record) -> list[Encoded]:
        trace = header(record.headers, "traceparent")
        kept: list[Encoded] = []
        async for said in handler(record):
            encoded = (
                codec.encode(said, time_ms=record.timestamp_ms, traceparent=trace)
                if isinstance(said, Event)
                else said
            )
            if encoded.topic in at_once and not kept:
                await tell(encoded)
            else:
                kept.append(encoded)
        return kept

    return run
