"""What a worker held when it died or fell silent is free again, by the database's clock and without anybody's help."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from streamproc import limits
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import StoreUnavailableError
from streamproc.store import NewRequest, Store, StoredPage, open_store
from streamproc.store.postgres import database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.real

WALLET = "w"
SILENCE_MS = 300  # instead of half a minute


def page(low: int, high: int) -> StoredPage:
    return StoredPage([], SlotRange(low, high), "full", decimals={})


async def left_in_the_middle(store: Store) -> AsyncGenerator[None, None]:
    """A worker that holds a wallet's lock in a transaction that it does not end."""
    async with store._database.transaction() as connection:
        text = "UPDATE wallets SET revision = revision WHERE address = $1"
        assert await connection.raw.execute(text, WALLET) == "UPDATE 1"
        yield


async def test_a_page_waits_for_no_worker_that_died_with_the_wallets_lock(
    store: Store, store_dsn: str
) -> None:
    async with open_store(store_dsn, pool_size=1) as dying:
        await dying.add_page(WALLET, page(1, 2))
        holding = left_in_the_middle(dying)
        await anext(holding)
        waiting = asyncio.create_task(store.add_page(WALLET, page(3, 4)))
        dying._database._pool.terminate()  # as the end of its process does
        await waiting
        await holding.aclose()
    assert [tuple(each) for each in await store.ranges(WALLET)] == [(1, 4)]


async def test_a_page_waits_for_no_worker_that_fell_silent_with_the_wallets_lock(
    store: Store, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = {"idle_in_transaction_session_timeout": str(SILENCE_MS)}
    monkeypatch.setattr(database, "SERVER_SETTINGS", {**database.SERVER_SETTINGS, **silence})
    async with open_store(store_dsn, pool_size=1) as silent:
        await silent.add_page(WALLET, page(1, 2))
        holding = left_in_the_middle(silent)
        await anext(holding)
        await store.add_page(WALLET, page(3, 4))
        # Postgres has ended the session: whether the driver knows by now is chance.
        with suppress(StoreUnavailableError):
            await holding.aclose()
    assert [tuple(each) for each in await store.ranges(WALLET)] == [(1, 4)]


async def test_permits_of_a_worker_that_died_are_free_when_their_time_has_passed(
    store: Store, store_dsn: str
) -> None:
    """A lease is a span of the database's time, and names nobody who could hold it."""
    async with open_store(store_dsn, pool_size=1) as dying:
        await dying.lease("k", "rpc", permits=5, rate=1000.0)
    lease = await store.lease("k", "rpc", permits=1, rate=1000.0)
    assert lease.wait_s <= 5 / 1000.0


async def test_a_request_whose_worker_died_still_runs_for_the_next_one(
    store: Store, store_dsn: str
) -> None:
    new = NewRequest("r", b"", "t/0/0", [], {}, 0, 1)
    async with open_store(store_dsn, pool_size=1) as dying:
        await dying.record_requests([new])
    assert await store.running(for_s=0, most=10) == ["r"]
    assert await store.running(for_s=limits.REOPEN_AFTER_S, most=10) == []
    (again,) = await store.record_requests([new])
    assert (again.state, again.source) == ("running", "t/0/0")
