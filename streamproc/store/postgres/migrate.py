"""The schema: numbered SQL files, applied once each, in order, by one process at a time."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault
from streamproc.store.postgres.errors import mapped_errors, named_refusals
from streamproc.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LOCK: Final = (
    0x73747265616D7072  # "streampr": of this database, so migrations of others do not wait
)


class Migration(NamedTuple):
    """One file of `migrations/`."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations in the order in which they apply."""
    folder = files("streamproc.store").joinpath("migrations")
    found = [each for each in folder.iterdir() if each.name.endswith(".sql")]
    ordered = sorted(found, key=lambda each: each.name)
    return [Migration(each.name.removesuffix(".sql"), each.read_text("utf-8")) for each in ordered]


async def migrate(dsn: str) -> list[str]:
    """Apply what is not applied yet, each in a transaction; returns the names applied.

    Raises ConfigurationError when an applied file has changed since or Postgres does not let us in,
    StoreUnavailableError when it is away.
    """
    with mapped_errors():
        async with _connected(dsn) as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await connection.execute(query("migrations.make_list"))
            return [await _apply(connection, migration) for migration in await _pending(connection)]


async def pending(dsn: str) -> list[str]:
    """The names of the migrations that `migrate` would apply."""
    with mapped_errors():
        async with _connected(dsn) as connection:
            return [migration.name for migration in await _pending(connection)]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> str:
    """Apply one migration and note it, both or neither; returns its name."""
    async with connection.transaction():
        await connection.execute(migration.text)
        await connection.execute(query("migrations.note"), migration.name, migration.digest)
    return migration.name


async def _pending(connection: asyncpg.Connection) -> list[Migration]:
    """The migrations not yet applied; what a newer version has applied beyond ours is left alone."""
    if not await connection.fetchval(query("migrations.has_list")):
        return migrations()
    rows = await connection.fetch(query("migrations.applied"))
    applied = {row["name"]: row["digest"] for row in rows}
    faults = [
        Fault(migration.name, applied[migration.name][:12], "was applied with another text")
        for migration in migrations()
        if applied.get(migration.name, migration.digest) != migration.digest
    ]
    if faults:
        raise ConfigurationError(faults)
    return [migration for migration in migrations() if migration.name not in applied]


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection without the pool's time-outs: a migration takes as long as it takes."""
    with named_refusals(dsn):
        connection = await asyncpg.connect(dsn, timeout=limits.CONNECT_TIMEOUT_S)
    try:
        yield connection
    finally:
        await connection.close()
