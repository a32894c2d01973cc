"""Requests take turns at the connections: what one asks a thousand times does not delay what another asks once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.core.fair_queue import Share
from streamproc.fair_limiter import CURRENT_REQUEST

if TYPE_CHECKING:
    from streamproc.store import Store

pytestmark = pytest.mark.real


async def test_a_statement_of_a_small_request_passes_those_of_a_huge_one(store: Store) -> None:
    order: list[str] = []

    async def ask(request_id: str) -> None:
        CURRENT_REQUEST.set(Share(b"t", request_id.encode()))
        await store.synced("nobody")
        order.append(request_id)

    huge = [asyncio.create_task(ask("huge")) for _ in range(300)]
    await asyncio.sleep(0)
    await asyncio.create_task(ask("small"))
    assert order.count("huge") < 100
    await asyncio.gather(*huge)
    assert order.count("huge") == 300


async def test_a_caller_that_gives_up_while_it_waits_leaves_the_connections_to_others(
    store: Store,
) -> None:
    asked = [asyncio.create_task(store.synced("nobody")) for _ in range(100)]
    await asyncio.sleep(0)
    for each in asked[::2]:
        each.cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert found[1::2] == [None] * 50
    assert await store.synced("nobody") is None
