"""An agent goes on while its progress is on its way, and what it returns comes after all of that is confirmed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.agents.handlers import running
from streamproc.engine import Record
from streamproc.errors import RequestEndedError
from streamproc.events import WalletAnalyzed, WalletProgressed
from streamproc.serde import Codec
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.events import Event
    from streamproc.serde import Encoded

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

    def tell(_: Encoded) -> asyncio.Future[None]:
        sent.append(asyncio.get_running_loop().create_future())
        return sent[-1]

    run = asyncio.ensure_future(running(agent, codec=CODEC, tell=tell)(RECORD))
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

    def tell(_: Encoded) -> asyncio.Future[None]:
        sent.append(asyncio.get_running_loop().create_future())
        return sent[-1]

    with pytest.raises(RequestEndedError):
        await running(agent, codec=CODEC, tell=tell)(RECORD)
    assert sent[0].cancelled()
