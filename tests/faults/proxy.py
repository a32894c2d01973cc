"""A proxy before Postgres that can swallow the answer to a commit, or cut everything at once."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable

TLS_ASKED: Final = 80877103  # the code of a client that asks for TLS before anything else
WRITES: Final = (b"COMMIT", b"INSERT", b"UPDATE", b"DELETE")  # tags of what changes something
PIECE: Final = 65_536


class Proxy:
    """Listens on a port of this machine and passes everything on to a Postgres, there or behind a Unix socket."""

    def __init__(self, dsn: str) -> None:
        """`dsn` is the server's own address."""
        self._parts = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._open: set[StreamWriter] = set()
        self.to_swallow = 0  # answers to commits that will still be lost
        self.swallowed = 0
        self.rewrite: Callable[[bytes], bytes] = bytes  # of what a client says first

    @property
    def dsn(self) -> str:
        """The address for clients; known once started."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}{self._parts.path}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Listen no more and cut everything; harmless when it never started."""
        if self._server is not None:
            self._server.close()
            self.cut()

    def cut(self) -> None:
        """Close all connections, without a goodbye."""
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        to_server: StreamWriter | None = None
        try:
            hello = await _hello(client, to_client)
            server, to_server = await self._connected()
            self._open |= {to_client, to_server}
            to_server.write(self.rewrite(hello))
            await asyncio.wait(
                [
                    asyncio.ensure_future(_copied(client, to_server)),
                    asyncio.ensure_future(self._answered(server, to_client)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side may go at any time
        finally:
            for writer in filter(None, (to_client, to_server)):
                self._open.discard(writer)
                writer.transport.abort()

    async def _connected(self) -> tuple[StreamReader, StreamWriter]:
        """A connection to the server."""
        if self._parts.hostname:
            return await asyncio.open_connection(self._parts.hostname, self._parts.port)
        folder = parse_qs(self._parts.query)["host"][0]
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")

    async def _answered(self, server: StreamReader, to_client: StreamWriter) -> None:
        """Pass answers on; what follows a write is held until it is known whether that was a commit."""
        held = b""
        try:
            while True:
                head = await server.readexactly(5)
                message = head + await server.readexactly(struct.unpack(">I", head[1:])[0] - 4)
                if held or (head[:1] == b"C" and message[5:].startswith(WRITES)):
                    held += message
                    if head[:1] != b"Z":
                        continue
                    if message[5:6] == b"I" and self.to_swallow > 0:
                        self.to_swallow -= 1
                        self.swallowed += 1
                        return
                    message, held = held, b""
                to_client.write(message)
                await to_client.drain()
        except (OSError, asyncio.IncompleteReadError):
            return


async def _hello(client: StreamReader, to_client: StreamWriter) -> bytes:
    """The first message that is a client's own; a wish for TLS is denied."""
    while True:
        size = await client.readexactly(4)
        body = await client.readexactly(struct.unpack(">I", size)[0] - 4)
        if struct.unpack(">I", body[:4])[0] != TLS_ASKED:
            return size + body
        to_client.write(b"N")


async def _copied(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass on whatever comes, until either side is gone."""
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError:
        return
