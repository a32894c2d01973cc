from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from streamproc.core.ledger.row_layout import COLUMNS, KIND_IDS
from streamproc.errors import ConfigurationError, StoreUnavailableError
from streamproc.store import open_store
from streamproc.store.postgres import migrate as module
from streamproc.store.postgres.migrate import Migration, migrate, migrations, pending
from streamproc.store.postgres.queries import query, statements, subjects

pytestmark = pytest.mark.real


async def test_an_empty_database_gets_all_migrations_once(postgres_dsn: str) -> None:
    names = [each.name for each in migrations()]
    assert await pending(postgres_dsn) == names
    assert await migrate(postgres_dsn) == names
    assert await pending(postgres_dsn) == []
    assert await migrate(postgres_dsn) == []


async def test_two_processes_at_once_apply_each_migration_once(postgres_dsn: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres_dsn) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]


async def test_a_changed_file_is_named_and_nothing_applied(
    store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = [each._replace(text=each.text + "-- later") for each in migrations()]
    monkeypatch.setattr(module, "migrations", lambda: [*changed, Migration("9999_x", "SELECT 1")])
    with pytest.raises(ConfigurationError, match=changed[0].name):
        await migrate(store_dsn)


async def test_a_failed_migration_leaves_nothing_behind(
    store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration("9999_broken", "CREATE TABLE half (id int); SELECT 1 / 0")
    monkeypatch.setattr(module, "migrations", lambda: [*migrations(), broken])
    with pytest.raises(Exception, match="division by zero"):
        await migrate(store_dsn)
    assert await pending(store_dsn) == ["9999_broken"]
    connection = await asyncpg.connect(store_dsn)
    assert await connection.fetchval("SELECT to_regclass('half') IS NULL")
    await connection.close()


async def test_a_store_without_its_schema_does_not_open(postgres_dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="streamproc db migrate"):
        async with open_store(postgres_dsn, pool_size=1):
            pass


async def test_a_store_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError):
        async with open_store("postgresql://u@127.0.0.1:9/none", pool_size=1):
            pass


async def test_every_statement_is_understood_by_postgres(store_dsn: str) -> None:
    connection = await asyncpg.connect(store_dsn)
    await connection.execute(query("history.make_page"))
    names = [f"{subject}.{name}" for subject in subjects() for name in statements(subject)]
    assert len(names) > 30
    for name in names:
        await connection.prepare(query(name))
    await connection.close()


async def test_rows_of_entries_have_the_tables_columns(store_dsn: str) -> None:
    connection: Any = await asyncpg.connect(store_dsn)
    columns = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'entries'::regclass AND attnum > 0"
        " ORDER BY attnum"
    )
    kinds = await connection.fetch("SELECT id, name FROM entry_kinds")
    await connection.close()
    assert tuple(row["attname"] for row in columns) == ("wallet_id", *COLUMNS)
    assert {row["name"]: row["id"] for row in kinds} == {
        kind.value: number for kind, number in KIND_IDS.items()
    }


async def test_the_views_say_that_they_do_not_read_orders(store_dsn: str) -> None:
    connection = await asyncpg.connect(store_dsn)
    try:
        columns = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'ledger'"
        )
        assert "may_be_of_an_order" in {row[0] for row in columns}
        for view in ("ledger", "trades"):
            said = await connection.fetchval("SELECT obj_description($1::regclass)", view)
            assert "token_pnl" in said
            assert "order" in said
    finally:
        await connection.close()


def test_an_unknown_statement_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        query("analyses.no_such_statement")


async def test_writers_change_rows_and_readers_nothing(store_dsn: str) -> None:
    connection: Any = await asyncpg.connect(store_dsn)
    await connection.execute("SET ROLE streamproc_writer")
    await connection.execute(query("wallets.number_wallet"), "W", 2)
    await connection.execute(query("history.make_page"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DROP TABLE entries")
    await connection.execute("SET ROLE streamproc_reader")
    assert await connection.fetchval("SELECT count(*) FROM wallets") == 1
    assert await connection.fetch("SELECT * FROM trades") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(query("wallets.number_wallet"), "V", 2)
    await connection.close()
