"""An empty database for each measurement."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from streamproc.store import Store, open_store
from streamproc.store.postgres.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.local.postgres import EmbeddedPostgres


async def empty_database(postgres: EmbeddedPostgres) -> str:
    """The address of a database that has the schema and no rows."""
    name = f"sync_{time.monotonic_ns()}"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    dsn = postgres.database_dsn(name)
    await migrate(dsn)
    return dsn


@asynccontextmanager
async def empty_store(postgres: EmbeddedPostgres) -> AsyncIterator[tuple[Store, str]]:
    """A store of its own, and its address."""
    dsn = await empty_database(postgres)
    async with open_store(dsn, pool_size=10) as store:
        yield store, dsn
