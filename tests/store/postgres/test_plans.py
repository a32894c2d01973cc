"""Statements are planned once and then kept, maybe while tables are small: they must look rows up all the same."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc.serde import Encoded
from streamproc.store import NewRequest, Store
from streamproc.store.postgres.database import SERVER_SETTINGS
from streamproc.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real

REQUESTS = 100  # of ten wallets: some ten pages of a table
LOOKED_UP = [
    "snapshots.output_states",
    "snapshots.progress_from",
    "analyses.endings",
    "analyses.request",
    "analyses.result",
    "balances.balances",
    "budget.credits_spent",
]


@pytest.fixture
async def connection(store: Store, store_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One with the settings of the store's own, on tables that have some rows and were never analyzed."""
    new = NewRequest("a", b"", "t/0/0", [], {}, 0, 1)
    names = [f"a-{number}" for number in range(REQUESTS)]
    await store.record_requests([replace(new, request_id=name) for name in names])
    record = Encoded("topic", b"a", b"{}" * 200, (("ce_id", b"1"),), 12)
    for number in range(10):
        wallet, balances = f"wallet:{number}", {f"w{number}": {"state": "ok"}}
        await asyncio.gather(
            *(store.snapshot_once(name, wallet, b"content" * 50) for name in names)
        )
        await asyncio.gather(*(store.record_progress(name, number, record) for name in names))
        await asyncio.gather(*(store.put_balances(name, balances) for name in names))
    connection = await asyncpg.connect(store_dsn, server_settings=SERVER_SETTINGS)
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", LOOKED_UP)
async def test_no_table_is_read_whole(connection: asyncpg.Connection, name: str) -> None:
    text = query(name)
    values = ", ".join("NULL" for _ in set(re.findall(r"\$\d", text)))
    await connection.execute(f"PREPARE asked AS {text}")
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    rows = await connection.fetch(f"EXPLAIN EXECUTE asked ({values})")
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan, plan
