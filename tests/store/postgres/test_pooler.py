"""A pooler that gives each transaction another session is refused with a sentence, before anything is lost by it."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import struct
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from streamproc.core.formats import PRESENT
from streamproc.errors import ConfigurationError
from streamproc.store.postgres.database import SERVER_SETTINGS, open_database
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

KEPT = (b"user", b"database")


def without_settings(hello: bytes) -> bytes:
    """A start-up message as pgbouncer passes it on with `ignore_startup_parameters`."""
    version, words = hello[4:8], hello[8:].split(b"\0")
    pairs = [
        (name, value) for name, value in zip(words[::2], words[1::2], strict=False) if name in KEPT
    ]
    body = version + b"".join(name + b"\0" + value + b"\0" for name, value in pairs) + b"\0"
    return struct.pack(">I", len(body) + 4) + body


async def refused(dsn: str) -> str:
    """The sentence with which an address is refused."""
    with pytest.raises(ConfigurationError) as caught:
        async with open_database(dsn, pool_size=1, formats=PRESENT):
            pass
    return str(caught.value)


async def test_a_pooler_that_drops_what_a_session_sets_is_refused(store_dsn: str) -> None:
    proxy = Proxy(store_dsn)
    await proxy.start()
    try:
        async with open_database(proxy.dsn, pool_size=1, formats=PRESENT):
            pass
        proxy.rewrite = without_settings
        assert "must lead to Postgres itself" in await refused(proxy.dsn)
    finally:
        await proxy.stop()


async def test_a_pooler_is_refused_although_the_database_has_our_time_outs(store_dsn: str) -> None:
    proxy = Proxy(store_dsn)
    await proxy.start()
    try:
        connection = await asyncpg.connect(store_dsn)
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {name} SET statement_timeout = 60000")
        await connection.close()
        proxy.rewrite = without_settings
        assert "must lead to Postgres itself" in await refused(proxy.dsn)
    finally:
        await proxy.stop()


IGNORED = "ignore_startup_parameters = " + ",".join([*SERVER_SETTINGS, "streamproc.entry_format"])


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed")
@pytest.mark.parametrize("ignored", ["", IGNORED], ids=["as it comes", "told to ignore settings"])
@pytest.mark.parametrize("mode", ["transaction", "session"])
async def test_pgbouncer_itself_is_refused_with_the_sentence(
    store_dsn: str, stack_dir: Path, mode: str, ignored: str
) -> None:
    """Also where each of its sessions has our time-out, which is all that could be seen of it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    database, server = urlsplit(store_dsn).path[1:], place_of(store_dsn)
    settings = stack_dir / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{database} = {server} connect_query='SET statement_timeout = 60000'\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\n{ignored}\n"
    )
    with pgbouncer(settings):
        await listening(port)
        found = await refused(f"postgresql://postgres@127.0.0.1:{port}/{database}")
    assert "must lead to Postgres itself" in found


@contextmanager
def pgbouncer(settings: Path) -> Iterator[None]:
    """A running pgbouncer with these settings; it does not run as root."""
    nobody = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    how: dict[str, Any] = nobody if os.geteuid() == 0 else {}
    with subprocess.Popen(["pgbouncer", "-q", str(settings)], **how) as pooler:
        try:
            yield
        finally:
            pooler.terminate()


def place_of(dsn: str) -> str:
    """Where Postgres listens, in pgbouncer's words."""
    parts = urlsplit(dsn)
    folder = parse_qs(parts.query).get("host", [parts.hostname])[0]
    return f"host={folder} port={parts.port or 5432} user=postgres"


async def listening(port: int) -> None:
    """Return when somebody takes connections there."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def test_a_pooler_that_refuses_what_a_session_sets_is_named() -> None:
    """As pgbouncer does by default; these are its own bytes."""

    async def serve(client: StreamReader, to_client: StreamWriter) -> None:
        size = struct.unpack(">I", await client.readexactly(4))[0]
        await client.readexactly(size - 4)
        if size == 8:  # it asks for TLS first
            to_client.write(b"N")
            size = struct.unpack(">I", await client.readexactly(4))[0]
            await client.readexactly(size - 4)
        fields = b"SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0"
        to_client.write(b"E" + struct.pack(">I", len(fields) + 4) + fields)
        await to_client.drain()
        to_client.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        found = await refused(f"postgresql://somebody@127.0.0.1:{port}/db")
    finally:
        server.close()
    assert "must lead to Postgres itself" in found
    assert "somebody" not in found
