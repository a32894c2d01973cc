"""A Postgres that speaks TLS: a proxy with a certificate before a server whose build has none."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.security.authority import Signed

SSL_REQUEST_BYTES = (
    8  # https://www.postgresql.org/docs/current/protocol-message-formats.html#SSLREQUEST
)


@asynccontextmanager
async def tls_before(socket: str, certificate: Signed | None) -> AsyncIterator[int]:
    """A port on loopback that leads to the server's socket; without a certificate it says that it speaks no TLS."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = [writer]
        try:
            await reader.readexactly(SSL_REQUEST_BYTES)
            writer.write(b"N" if certificate is None else b"S")
            await writer.drain()
            if certificate is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(certificate.both)
                await writer.start_tls(context)
            inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
            opened.append(inner_writer)
            await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in opened:
                each.transport.abort()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until there are no more."""
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()
