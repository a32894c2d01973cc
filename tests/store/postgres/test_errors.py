"""Every error of asyncpg has a class of ours; connection errors are tried again, wrong statements are not."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from streamproc.core.formats import PRESENT
from streamproc.errors import StoreUnavailableError, StreamprocError
from streamproc.store import open_store
from streamproc.store.postgres.database import open_database
from streamproc.store.postgres.errors import is_unavailable, mapped_errors

# All classes of errors after which waiting helps. A new one in asyncpg appears in the test below until it is placed.
HEALED_BY_WAITING = {
    "ActiveSQLTransactionError": False,
    "AdminShutdownError": True,
    "CannotConnectNowError": True,
    "ClientCannotConnectError": True,
    "ConfigurationLimitExceededError": True,
    "ConnectionDoesNotExistError": True,
    "ConnectionFailureError": True,
    "ConnectionRejectionError": True,
    "CrashShutdownError": True,
    "DatabaseDroppedError": True,
    "DeadlockDetectedError": True,
    "DiskFullError": True,
    "IdleInTransactionSessionTimeoutError": True,
    "IdleSessionTimeoutError": True,
    "InsufficientResourcesError": True,
    "InvalidAuthorizationSpecificationError": True,
    "InvalidCatalogNameError": True,
    "InvalidPasswordError": True,
    "LockNotAvailableError": True,
    "OutOfMemoryError": True,
    "PostgresConnectionError": True,
    "PostgresIOError": True,
    "PostgresSystemError": True,
    "ProtocolViolationError": True,
    "QueryCanceledError": True,
    "ReadOnlySQLTransactionError": True,
    "SerializationError": True,
    "StatementCompletionUnknownError": True,
    "TooManyConnectionsError": True,
    "TransactionResolutionUnknownError": True,
    "InFailedSQLTransactionError": True,
    "SyntaxOrAccessError": False,
    "UndefinedTableError": False,
    "UniqueViolationError": False,
    "DataError": False,
    "InsufficientPrivilegeError": True,
}
CONNECTION_WORDS = (
    "connect",
    "shutdown",
    "toomanyconn",
    "timeout",
    "deadlock",
    "serialization",
    "resources",
    "memory",
    "disk",
    "cancel",
)


def _classes() -> dict[str, type[asyncpg.PostgresError]]:
    return {
        name: each
        for name, each in vars(asyncpg.exceptions).items()
        if isinstance(each, type)
        and issubclass(each, asyncpg.PostgresError)
        and getattr(each, "sqlstate", None)
    }


@pytest.mark.parametrize(("name", "healed"), HEALED_BY_WAITING.items())
def test_each_class_is_placed(name: str, healed: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_unavailable(_classes()[name]("x")) is healed


def test_no_class_of_connection_error_is_left_out() -> None:
    unplaced = {
        name
        for name, each in _classes().items()
        if any(word in name.lower() for word in CONNECTION_WORDS)
        and name not in HEALED_BY_WAITING
        and not is_unavailable(each("x"))
    }
    # Errors of foreign servers and of SQL/MED, which the store does not use.
    assert {name for name in unplaced if not name.startswith("FDW")} == set()


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        OSError("no such file"),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.exceptions.ProtocolError("cannot switch to state"),
    ],
)
def test_a_lost_connection_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError), mapped_errors():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("the server expects 2 arguments, 1 was passed"),
        asyncpg.exceptions.UndefinedColumnError("no column x"),
    ],
)
def test_a_wrong_statement_is_not_tried_for_ever(error: Exception) -> None:
    with pytest.raises(StreamprocError) as caught, mapped_errors():
        raise error
    assert not isinstance(caught.value, StoreUnavailableError)


@pytest.mark.real
async def test_a_killed_connection_is_unavailable_and_the_next_one_works(store_dsn: str) -> None:
    async with open_store(store_dsn, pool_size=1) as store:
        await store.now_ms()
        killer = await asyncpg.connect(store_dsn)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await killer.close()
        with suppress(StoreUnavailableError):
            await store.now_ms()  # the pool may have noticed already
        assert await store.now_ms() > 0


@pytest.mark.real
async def test_no_more_connections_than_allowed(store_dsn: str) -> None:
    async with open_database(store_dsn, pool_size=2, formats=PRESENT) as database:
        await asyncio.gather(*(database.value("analyses.now_ms") for _ in range(20)))
        seen = await asyncpg.connect(store_dsn)
        count = await seen.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'streamproc'"
        )
        await seen.close()
        assert count <= 2
