"""An agent goes on while its progress is on its way, and what it returns comes after all of that is confirmed."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.agents.shared.handlers import on_event, running, trace_from
from streamproc.engine import Record
from streamproc.errors import RequestEndedError
from streamproc.events import WalletAnalyzed, WalletProgressed
from streamproc.logs import _Json
from streamproc.serde import Codec
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.events import Event
    from streamproc.serde import Encoded

log = logging.getLogger("streamproc.x")
CODEC = Codec(read_topology())
RECORD = Record("t", 0, 0, b"a", b"{}", (("ce_subject", b"a"),), 12)
PROGRESS = WalletProgressed(request_id="a", wallet="w", transactions=1, fraction=0.5)
OUTCOME = WalletAnalyzed(request_id="a", wallet="w", outcome="analyzed", watermark_slot=1)


async def test_the_agent_goes_on_and_its_outcome_waits_for_the_confirmation() -> None:
    sent: list[asyncio.Future[None]] = []
    went_on = asyncio.Event()

    async def agent(_: Record) -> AsyncIterator[Event]:
        yield PROGRESS
        went_on.set()
        yield OUTCOME

    def publish(_: Encoded) -> asyncio.Future[None]:
        sent.append(asyncio.get_running_loop().create_future())
        return sent[-1]

    run = asyncio.ensure_future(running(agent, codec=CODEC, publish=publish)(RECORD))
    await went_on.wait()
    await asyncio.sleep(0)
    assert not run.done()
    sent[0].set_result(None)
    assert [each.topic for each in await run] == [CODEC.topic_of(WalletAnalyzed)]


async def test_progress_of_an_agent_that_fails_is_not_sent_any_more() -> None:
    sent: list[asyncio.Future[None]] = []

    async def agent(_: Record) -> AsyncIterator[Event]:
        yield PROGRESS
        raise RequestEndedError("ended")

    def publish(_: Encoded) -> asyncio.Future[None]:
        sent.append(asyncio.get_running_loop().create_future())
        return sent[-1]

    with pytest.raises(RequestEndedError):
        await running(agent, codec=CODEC, publish=publish)(RECORD)
    assert sent[0].cancelled()


TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ENVELOPE = b'{"specversion": "1.0", "traceparent": "' + TRACE + b'", "data": {}}'
STRUCTURED = ("content-type", b"application/cloudevents+json")


def continued(*headers: tuple[str, bytes]) -> bytes:
    """The trace that a record in an envelope continues."""
    return trace_from(RECORD._replace(value=ENVELOPE, headers=headers))


def test_the_trace_of_an_envelope_is_continued_where_no_header_names_one() -> None:
    other = TRACE.replace(b"4bf9", b"aaaa")
    assert continued(STRUCTURED) == TRACE
    assert continued(STRUCTURED, ("traceparent", other)) == other
    assert continued(STRUCTURED, ("traceparent", b"none")) == TRACE
    assert continued() not in {TRACE, other}


@pytest.mark.parametrize(
    ("headers", "tenant"), [((), "default"), ((("ce_tenant", b"acme"),), "acme")]
)
async def test_what_is_logged_at_work_names_request_tenant_and_place(
    headers: tuple[tuple[str, bytes], ...], tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[dict[str, Any]] = []

    async def handle(event: WalletProgressed, /, *, codec: Codec) -> AsyncIterator[Event]:
        log.warning("at work on %s for %s", event.wallet, codec.source)
        said.append(json.loads(_Json(()).format(caplog.records[-1])))
        yield OUTCOME

    value = PROGRESS.model_dump_json().encode()
    handler = on_event(WalletProgressed, handle, CODEC)
    record = RECORD._replace(value=value, headers=(*RECORD.headers, *headers))
    await running(handler, codec=CODEC, publish=_nobody_is_told)(record)
    names = ("request_id", "tenant", "topic", "partition", "offset", "wallet")
    assert [said[0][name] for name in names] == ["a", tenant, "t", 0, 0, "w"]


def _nobody_is_told(_: Encoded) -> asyncio.Future[None]:
    raise AssertionError("nothing is told at once")
