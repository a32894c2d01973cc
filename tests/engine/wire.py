"""A wire to the broker that can hold what is to be written to a topic, and let it arrive later."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, Final

from aiokafka import client

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

PRODUCE: Final = 0  # the number of the request
PIECE: Final = 65_536


class Wire:
    """Passes on what clients and the broker send each other; from `hold` on, writes to one topic stay on the way."""

    def __init__(self, broker: str) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = host, int(port)
        self._topic: bytes | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[StreamWriter] = []
        self.held = asyncio.Event()  # something is on the way
        self.arrived = asyncio.Event()  # and was answered

    @property
    def port(self) -> int:
        """Where clients find it on this machine."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    def hold(self, topic: str) -> None:
        """Keep the next writes to this topic, and what its client sends after them on the same connection."""
        self._topic = topic.encode()
        self._flowing.clear()

    def release(self) -> None:
        """Let everything arrive."""
        self._flowing.set()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(*self._broker)
        self._writers += [writer, to_broker]
        was_held = asyncio.Event()
        for work in (
            self._asked(reader, to_broker, was_held),
            self._answered(from_broker, writer, was_held),
        ):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _asked(
        self, reader: StreamReader, to_broker: StreamWriter, was_held: asyncio.Event
    ) -> None:
        """Pass requests on, one by one; a connection whose client is gone still delivers what it has sent."""
        try:
            while True:
                size = await reader.readexactly(4)
                body = await reader.readexactly(struct.unpack(">i", size)[0])
                if self._is_kept(body):
                    self.held.set()
                    await self._flowing.wait()
                    was_held.set()
                to_broker.write(size + body)
                await to_broker.drain()
        except (OSError, asyncio.IncompleteReadError):
            to_broker.close()

    def _is_kept(self, body: bytes) -> bool:
        is_write = struct.unpack(">h", body[:2])[0] == PRODUCE
        return (
            not self._flowing.is_set()
            and is_write
            and self._topic is not None
            and self._topic in body
        )

    async def _answered(
        self, from_broker: StreamReader, writer: StreamWriter, was_held: asyncio.Event
    ) -> None:
        try:
            while piece := await from_broker.read(PIECE):
                if was_held.is_set():
                    self.arrived.set()
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        writer.close()


def connect_through(port: int) -> None:
    """Let this process reach the broker through the wire at this port only."""
    create = client.create_conn

    async def create_conn(_host: str, _port: int, **options: Any) -> Any:  # noqa: ANN401
        return await create("127.0.0.1", port, **options)

    client.create_conn = create_conn
