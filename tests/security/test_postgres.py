"""Postgres with passwords, roles and TLS: who may what, and which server is believed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import pytest

from streamproc.cli.shared.checks import _postgres
from streamproc.errors import ConfigurationError, StoreUnavailableError
from streamproc.local.postgres import SOCKET_NAME, EmbeddedPostgres
from streamproc.sandbox.world.world import World
from streamproc.store import open_store
from streamproc.store.postgres.migrate import migrate, pending
from tests.conftest import temporary_folder
from tests.flow.conftest import served, upstream_settings
from tests.flow.installation import installed
from tests.security.proxy import tls_before

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.security.authority import Authority
    from tests.security.conftest import Certificates

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]
PASSWORD = "p4ss-of-the-store"  # noqa: S105 - of a server that lives for one test run
ROLES = ("writer", "reader")
RULES = "local all postgres trust\nlocal all all scram-sha-256\n"


@dataclass(frozen=True)
class Guarded:
    """A server that asks everybody but its owner for a password."""

    owner: str
    folder: str

    def as_user(self, name: str, password: str = PASSWORD) -> str:
        """The address for a user, through the server's socket."""
        return f"postgresql://{name}:{password}@/postgres?host={quote(self.folder, safe='')}"

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return f"{self.folder}/{SOCKET_NAME}"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    """A migrated server with a user in each role."""
    with temporary_folder() as folder:
        rules = folder / "hba"
        rules.write_text(RULES, "utf-8")
        settings = {"hba_file": str(rules), "fsync": "off"}
        server = EmbeddedPostgres(folder / "pg", say=lambda _: None, settings=settings)
        try:
            server.start()
            asyncio.run(_prepare(server.dsn))
            yield Guarded(server.dsn, str(server.socket_folder))
        finally:
            server.stop()


async def _prepare(dsn: str) -> None:
    """Apply the schema and make a user in each role."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    for role in ROLES:
        await connection.execute(
            f"CREATE ROLE my_{role} LOGIN PASSWORD '{PASSWORD}' IN ROLE streamproc_{role}"
        )
    await connection.close()


@pytest.fixture
async def writer(guarded: Guarded) -> AsyncIterator[asyncpg.Connection]:
    """A connection in the role of a worker."""
    connection = await asyncpg.connect(guarded.as_user("my_writer"))
    yield connection
    await connection.close()


@pytest.fixture
async def reader(guarded: Guarded) -> AsyncIterator[asyncpg.Connection]:
    """A connection in the role of somebody who looks at results."""
    connection = await asyncpg.connect(guarded.as_user("my_reader"))
    yield connection
    await connection.close()


async def _tables(connection: asyncpg.Connection) -> list[str]:
    """All tables of the schema."""
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = [row["tablename"] for row in rows]
    assert {"wallets", "analyses", "entries", "schema_migrations"} <= set(names)
    return names


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE {}",
        "TRUNCATE {}",
        "ALTER TABLE {} ADD COLUMN mine int",
        "CREATE INDEX ON {} ((1))",
    ],
)
async def test_a_worker_cannot_change_the_schema(
    writer: asyncpg.Connection, statement: str
) -> None:
    for table in await _tables(writer):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.execute(statement.format(table))


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id int)", "CREATE ROLE mine", "CREATE EXTENSION hstore"]
)
async def test_a_worker_cannot_make_anything_of_its_own(
    writer: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
        await writer.execute(statement)


async def test_a_worker_reads_and_writes_rows(writer: asyncpg.Connection) -> None:
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("INSERT INTO wallets (address) VALUES ($1)", "some-wallet")
    assert await writer.fetchval("SELECT count(*) FROM wallets WHERE address = 'some-wallet'") == 1
    await writer.execute("DELETE FROM wallets WHERE address = 'some-wallet'")
    await transaction.rollback()


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"])
async def test_a_reader_cannot_write(reader: asyncpg.Connection, statement: str) -> None:
    for table in await _tables(reader):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(statement.format(table))
        await reader.fetch(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608 - names of our own schema
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("INSERT INTO wallets (address) VALUES ('x')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("UPDATE analyses SET status = 'failed'")


async def test_a_table_of_a_later_migration_is_open_to_the_roles_too(
    guarded: Guarded, writer: asyncpg.Connection, reader: asyncpg.Connection
) -> None:
    owner = await asyncpg.connect(guarded.owner)
    await owner.execute("CREATE TABLE later (id int)")
    try:
        await writer.execute("INSERT INTO later VALUES (1)")
        assert await reader.fetchval("SELECT id FROM later") == 1
    finally:
        await owner.execute("DROP TABLE later")
        await owner.close()


async def test_a_worker_finds_the_schema_current_and_cannot_migrate(guarded: Guarded) -> None:
    assert await pending(guarded.as_user("my_writer")) == []


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_worker_in_its_role_runs_an_analysis_and_a_reader_sees_the_result(
    guarded: Guarded, broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    world = World(seed=5, wallets=3, transactions=(5, 20))
    file = tmp_path / "dsn"
    file.write_text(guarded.as_user("my_writer"), "utf-8")
    own = {"STREAMPROC_POSTGRES_DSN": "", "STREAMPROC_POSTGRES_DSN_FILE": str(file)}
    with served(world) as sandbox:
        upstream, dsn = upstream_settings(sandbox), guarded.owner
        async with installed(
            broker=broker, dsn=dsn, prefix=topic_prefix, upstream=upstream, folder=tmp_path
        ) as installation:
            await installation.ready_worker(**own)
            await installation.request("in-its-role", world.addresses)
            ending = await installation.ending("in-its-role")
            assert PASSWORD not in installation.log(0)
    assert ending["status"] == "completed", ending
    async with open_store(guarded.as_user("my_reader"), pool_size=1) as store:
        assert await store.result("in-its-role") is not None


async def refusal(dsn: str) -> str:
    """Why nothing is begun with this address; without its password."""
    with pytest.raises(ConfigurationError) as caught:
        await pending(dsn)
    (fault,) = caught.value.faults
    assert fault.field == "STREAMPROC_POSTGRES_DSN"
    assert PASSWORD not in str(fault)
    return str(fault)


async def test_a_wrong_password_is_a_matter_of_settings(guarded: Guarded) -> None:
    said = await refusal(guarded.as_user("my_writer", f"not-{PASSWORD}"))
    assert "my_writer" not in said
    assert "user and a password" in said


async def test_a_database_that_does_not_exist_is_a_matter_of_settings(guarded: Guarded) -> None:
    said = await refusal(guarded.owner.replace("/postgres?", "/nowhere?"))
    assert "database that exists" in said


async def test_a_server_that_is_away_is_no_matter_of_settings() -> None:
    with pytest.raises(StoreUnavailableError):
        await pending("postgresql://u:p@127.0.0.1:9/x")


def over_tls(
    port: int, authority: Authority, host: str = "127.0.0.1", mode: str = "verify-full"
) -> str:
    """The address of a user through the proxy, with this authority."""
    options = f"sslmode={mode}&sslrootcert={quote(str(authority.certificate))}"
    return f"postgresql://my_writer:{PASSWORD}@{host}:{port}/postgres?{options}"


async def test_a_server_with_a_certificate_of_our_authority_is_believed(
    guarded: Guarded, certificates: Certificates
) -> None:
    async with tls_before(guarded.socket, certificates.broker) as port:
        assert await pending(over_tls(port, certificates.known)) == []
        async with open_store(over_tls(port, certificates.known), pool_size=2) as store:
            assert await store.now_ms() > 0


async def test_a_server_of_another_authority_is_not_believed(
    guarded: Guarded, certificates: Certificates
) -> None:
    async with tls_before(guarded.socket, certificates.broker) as port:
        said = await refusal(over_tls(port, certificates.unknown))
    assert "sslrootcert" in said


async def test_a_server_under_another_name_is_not_believed_in_full(
    guarded: Guarded, certificates: Certificates
) -> None:
    async with tls_before(guarded.socket, certificates.broker) as port:
        said = await refusal(over_tls(port, certificates.known, host="localhost"))
        assert "localhost" in said
        loose = over_tls(port, certificates.known, host="localhost", mode="verify-ca")
        assert await pending(loose) == []


async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    guarded: Guarded, certificates: Certificates
) -> None:
    async with tls_before(guarded.socket, None) as port:
        said = await refusal(over_tls(port, certificates.known))
    assert "speaks TLS" in said


async def test_a_missing_authority_is_a_matter_of_settings(tmp_path: Path) -> None:
    missing = quote(str(tmp_path / "nothing.pem"))
    await refusal(f"postgresql://u:{PASSWORD}@h/x?sslmode=verify-full&sslrootcert={missing}")


def test_the_doctor_says_which_part_of_the_address_is_wrong(guarded: Guarded) -> None:
    wrong = guarded.as_user("my_writer", f"not-{PASSWORD}")
    checks = asyncio.run(_postgres(wrong))
    said = next(check for check in checks if check.what == "Postgres")
    assert said.state == "failed"
    assert "STREAMPROC_POSTGRES_DSN" in said.found
    assert "password" in said.found
    assert PASSWORD not in said.found
