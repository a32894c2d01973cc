"""A pooler that gives each transaction another session is refused with a sentence, before anything is lost by it."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import pytest

from streamproc.core.formats import PRESENT
from streamproc.errors import ConfigurationError
from streamproc.store.database import open_database
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

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
