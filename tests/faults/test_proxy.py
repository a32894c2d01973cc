"""The proxy does to a connection what its plans say: loses answers to commits, cuts, and else passes all on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real
LOST = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


@pytest.fixture
async def proxy(postgres_dsn: str) -> AsyncIterator[Proxy]:
    """A proxy before a database with one empty table."""
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE TABLE t (n int)")
    await connection.close()
    proxy = Proxy(postgres_dsn)
    await proxy.start()
    yield proxy
    await proxy.stop()


async def test_what_is_asked_through_it_is_answered(proxy: Proxy) -> None:
    connection = await asyncpg.connect(proxy.dsn)
    await connection.copy_records_to_table("t", records=[(n,) for n in range(1000)])
    async with connection.transaction():
        await connection.execute("INSERT INTO t VALUES ($1)", 1000)
    assert await connection.fetchval("SELECT count(*) FROM t WHERE n >= $1", 0) == 1001
    assert proxy.swallowed == 0
    await connection.close()


@pytest.mark.parametrize("in_a_transaction", [True, False])
async def test_a_commit_whose_answer_is_lost_is_a_commit(
    proxy: Proxy, postgres_dsn: str, *, in_a_transaction: bool
) -> None:
    connection = await asyncpg.connect(proxy.dsn)
    transaction = connection.transaction()
    if in_a_transaction:
        await transaction.start()
        await connection.execute("INSERT INTO t VALUES ($1)", 7)
        proxy.to_swallow = 1
        with pytest.raises(LOST):
            await transaction.commit()
    else:
        proxy.to_swallow = 1
        with pytest.raises(LOST):
            await connection.execute("INSERT INTO t VALUES ($1)", 7)
    assert (proxy.swallowed, proxy.to_swallow) == (1, 0)
    seen = await asyncpg.connect(postgres_dsn)
    assert await seen.fetchval("SELECT count(*) FROM t") == 1
    await seen.close()


async def test_a_read_is_never_lost(proxy: Proxy) -> None:
    proxy.to_swallow = 1
    connection = await asyncpg.connect(proxy.dsn)
    assert await connection.fetchval("SELECT count(*) FROM t") == 0
    assert proxy.to_swallow == 1
    await connection.close()


async def test_a_cut_ends_every_connection(proxy: Proxy) -> None:
    connection = await asyncpg.connect(proxy.dsn)
    assert await connection.fetchval("SELECT 1") == 1
    proxy.cut()
    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")
    again = await asyncpg.connect(proxy.dsn)
    assert await again.fetchval("SELECT 1") == 1
    await again.close()
