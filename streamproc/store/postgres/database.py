"""A bounded pool of connections that runs named statements, every error mapped."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import asyncpg

from streamproc import limits, tracing
from streamproc.fair_limiter import CURRENT_REQUEST, FairLimiter
from streamproc.store.postgres.errors import mapped_errors, named_refusals, no_pooler
from streamproc.store.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from contextlib import AbstractContextManager

    from streamproc.core.formats import Formats

_TIMEOUT_MS: Final = str(limits.STATEMENT_TIMEOUT_S * 1000)
SERVER_SETTINGS = {
    "application_name": "streamproc",
    "statement_timeout": _TIMEOUT_MS,
    "idle_in_transaction_session_timeout": str(limits.IDLE_TRANSACTION_TIMEOUT_S * 1000),
    "lock_timeout": str(limits.LOCK_TIMEOUT_S * 1000),
    "jit": "off",  # our statements are short
    # Statements are planned once, maybe while tables are small: what reads them whole would do so when they are large.
    "random_page_cost": "1.1",
    "timezone": "UTC",
}


class Row(Protocol):
    """A row of an answer: asyncpg's record."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a column of any type
        """The column of this name."""

    def keys(self) -> Iterable[str]:
        """The names of the columns."""


class _Session(asyncpg.Connection):  # type: ignore[misc] # asyncpg ships no types
    """One of the pool's connections, which knows what was prepared in it for good."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Nothing is prepared yet."""
        super().__init__(*args, **kwargs)
        self.prepared: set[str] = set()


class Connection:
    """One connection that runs named statements."""

    def __init__(self, raw: asyncpg.Connection) -> None:
        """`raw` is asyncpg's connection, for COPY."""
        self.raw = raw

    async def rows(self, name: str, *values: object) -> Sequence[Row]:
        """All rows of the statement."""
        with _statement(name):
            found: Sequence[Row] = await self.raw.fetch(query(name), *values)
        return found

    async def row(self, name: str, *values: object) -> Row | None:
        """The first row of the statement, None when there is none."""
        with _statement(name):
            found: Row | None = await self.raw.fetchrow(query(name), *values)
        return found

    async def value(self, name: str, *values: object) -> Any:  # noqa: ANN401 - a column of any type
        """The first column of the first row, None when there is none."""
        with _statement(name):
            return await self.raw.fetchval(query(name), *values)

    async def run(self, name: str, *values: object) -> None:
        """Carry the statement out."""
        with _statement(name):
            await self.raw.execute(query(name), *values)

    async def prepare(self, name: str) -> None:
        """Carry out a statement that holds for the whole session, once in it; not within a transaction."""
        if name not in self.raw.prepared:
            await self.run(name)
            self.raw.prepared.add(name)


def _statement(name: str) -> AbstractContextManager[None]:
    """A span about a statement, by its name; its values are no one's business."""
    return tracing.call(name, {"db.system.name": "postgresql", "db.query.summary": name})


class Database:
    """The pool; each method takes a connection for one statement."""

    def __init__(self, pool: asyncpg.Pool, formats: Formats) -> None:
        """Wrap asyncpg's pool, whose sessions write these formats."""
        self.formats = formats
        self._pool = pool
        self._limiter = FairLimiter(pool.get_max_size())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of one's own; raises StoreUnavailableError when none comes free in time. Requests take turns."""
        with mapped_errors():
            async with AsyncExitStack() as held:
                async with asyncio.timeout(limits.POOL_WAIT_S):
                    await held.enter_async_context(self._limiter.hold(CURRENT_REQUEST.get()))
                    raw = await held.enter_async_context(self._pool.acquire())
                yield Connection(raw)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that is committed at the end of the block."""
        async with self.connection() as connection, connection.raw.transaction():
            yield connection

    async def rows(self, name: str, *values: object) -> Sequence[Row]:
        """All rows of the statement."""
        async with self.connection() as connection:
            return await connection.rows(name, *values)

    async def row(self, name: str, *values: object) -> Row | None:
        """The first row of the statement, None when there is none."""
        async with self.connection() as connection:
            return await connection.row(name, *values)

    async def value(self, name: str, *values: object) -> Any:  # noqa: ANN401 - a column of any type
        """The first column of the first row, None when there is none."""
        async with self.connection() as connection:
            return await connection.value(name, *values)

    async def run(self, name: str, *values: object) -> None:
        """Carry the statement out."""
        async with self.connection() as connection:
            await connection.run(name, *values)


class Subject:
    """Statements about one subject; the store is all of them together."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        self._database = database


@asynccontextmanager
async def open_database(
    dsn: str, *, pool_size: int, formats: Formats, read_only: bool = False
) -> AsyncIterator[Database]:
    """A pool of at most so many connections; each tells the server which format of entries it writes.

    With `read_only` the server refuses whatever would change something.

    Raises StoreUnavailableError when Postgres does not answer, ConfigurationError when it does not let us in.
    """
    with mapped_errors(), named_refusals(dsn):
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=pool_size,
            connection_class=_Session,
            timeout=limits.CONNECT_TIMEOUT_S,
            command_timeout=limits.COMMAND_TIMEOUT_S,
            max_inactive_connection_lifetime=limits.IDLE_CONNECTION_S,
            server_settings={
                **SERVER_SETTINGS,
                "streamproc.entry_format": str(formats.entries),
                **({"default_transaction_read_only": "on"} if read_only else {}),
            },
            reset=_leave_as_it_is,
        )
    try:
        database = Database(pool, formats)
        # Nobody but we can set it, so it is missing where somebody in between drops what sessions set.
        if await database.value("migrations.session_format") != str(formats.entries):
            raise no_pooler(dsn)
        yield database
    finally:
        await _close(pool)


async def _leave_as_it_is(_connection: object) -> None:
    """Our statements set nothing on a connection, so giving it back needs no round trip to reset it."""


async def _close(pool: asyncpg.Pool) -> None:
    """Close the pool, by force when its connections do not come back."""
    try:
        async with asyncio.timeout(limits.POOL_CLOSE_S):
            await pool.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()
