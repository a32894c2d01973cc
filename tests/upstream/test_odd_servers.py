"""Answers as sockets give them: cut, half closed, misframed, packed in ways nobody asked for, or never ending.

Each is given by a real server to the real client. A call ends with a value or with an error of ours within its time,
and the next call to the same service is answered.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from pydantic import SecretStr

from streamproc import limits
from streamproc.errors import StreamprocError
from streamproc.upstream.client.connections import make_client
from streamproc.upstream.client.http import Request, Wire

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

GOOD = json.dumps({"jsonrpc": "2.0", "id": 1, "result": [1, 2, 3]}).encode()
KEY = "canary-7d1e-key"
WORDS = b"sentences-of-the-service"  # of which none may be repeated
CALL_S = 1.0
MANY = 200_000


def said(*parts: bytes) -> Answer:
    """Write these bytes and close."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return answer


def whole(*headers: bytes, body: bytes = GOOD, status: bytes = b"200 OK") -> Answer:
    """A whole answer with these headers beside the length."""
    length = b"Content-Length: %d" % len(body)
    return said(b"\r\n".join([b"HTTP/1.1 " + status, *headers, length, b"", body]))


def chunked(*chunks: bytes) -> Answer:
    """An answer whose body is these bytes, framing and all."""
    return said(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks)


def chunk(body: bytes) -> bytes:
    """One good chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body)


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send half a head, then RST instead of FIN."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()
    taken = writer.get_extra_info("socket")
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that nothing more comes, and go on listening."""
    writer.write_eof()
    await reader.read()


async def half_closed_midway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The same after half of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:9])
    writer.write_eof()
    await reader.read()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await reader.read()


def endless(start: bytes, piece: bytes, pause_s: float = 0.0) -> Answer:
    """Begin, and never end."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"
# What is good although it looks odd.
READ: dict[str, Answer] = {
    "HTTP/1.0 without a length": said(b"HTTP/1.0 200 OK\r\n\r\n", GOOD),
    "a body up to the connection's end": said(HEAD, b"\r\n", GOOD),
    "JSON called HTML": whole(b"Content-Type: text/html; charset=utf-16"),
    "JSON called an image": whole(b"Content-Type: image/png"),
    "no content type at all": whole(),
    "two content types": whole(b"Content-Type: text/plain", b"Content-Type: application/json"),
    "early hints first": said(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", HEAD, b"\r\n", GOOD
    ),
    "a chunk a byte": chunked(*(chunk(GOOD[at : at + 1]) for at in range(len(GOOD))), b"0\r\n\r\n"),
    "chunks with trailers": chunked(chunk(GOOD), b"0\r\nX-After: 1\r\n\r\n"),
    "gzip in capitals": whole(b"Content-Encoding: GZIP", body=gzip.compress(GOOD)),
    "gzip as asked": whole(b"Content-Encoding: gzip", body=gzip.compress(GOOD)),
    "an encoding that is none": whole(b"Content-Encoding: identity"),
    "header values of any bytes": whole(b"X-Odd: \xff\xfe \xe2\x80\xae"),
    "headers by the thousand": whole(*(b"X-%d: 1" % n for n in range(1000))),
    "a cookie of a kilobyte": whole(b"Set-Cookie: a=" + b"b" * 1000),
}
# What is no answer.
REFUSED: dict[str, Answer] = {
    "a half-closed connection": half_closed,
    "a connection half closed in the body": half_closed_midway,
    "a reset in the head": reset,
    "nothing": said(),
    "silence": silent,
    "a head alone": said(HEAD),
    "no HTTP": said(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "TLS": said(b"\x15\x03\x01\x00\x02\x02\x28"),
    "HTTP/2": said(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
    "HTTP/0.9": said(GOOD),
    "a status of four digits": whole(status=b"2000 OK"),
    "a status of words": whole(status=b"OK OK"),
    "a switch of protocols": said(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", GOOD),
    "nothing to say": said(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not modified": said(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "payment required": whole(status=b"402 Payment Required"),
    "gone": whole(status=b"410 Gone", body=b"gone"),
    "for legal reasons": whole(status=b"451 Unavailable", body=b""),
    "a body shorter than said": said(HEAD, b"Content-Length: 4000\r\n\r\n", GOOD),
    "a negative length": said(HEAD, b"Content-Length: -5\r\n\r\n", GOOD),
    "a length off the scale": said(HEAD, b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n", GOOD),
    "two lengths": said(HEAD, b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", GOOD),
    "a chunk of no size": chunked(b"zz\r\n" + GOOD),
    "a chunk of a negative size": chunked(b"-5\r\n" + GOOD),
    "a chunk's size off the scale": chunked(b"f" * 40 + b"\r\n" + GOOD),
    "no last chunk": chunked(chunk(GOOD)),
    "a chunk's name without end": chunked(b"5;" + b"a" * MANY),
    "a header without a colon": whole(b"nonsense"),
    "a header's name of odd bytes": whole(b"\xff\xff: 1"),
    "a megabyte of header": whole(b"X-Long: " + b"a" * 2**20),
    "a broken gzip": whole(b"Content-Encoding: gzip", body=gzip.compress(GOOD)[:-9]),
    "gzip that is none": whole(b"Content-Encoding: gzip"),
    "gzip twice": whole(b"Content-Encoding: gzip, gzip", body=gzip.compress(gzip.compress(GOOD))),
    "the key as an encoding": whole(b"Content-Encoding: " + KEY.encode()),
    "words as an encoding": whole(b"Content-Encoding: " + WORDS),
    "words as a reason": whole(status=b"500 " + WORDS),
    "words as a place": whole(b"Location: http://" + WORDS, status=b"302 " + WORDS),
    "words as a type": whole(b"Content-Type: " + WORDS, body=WORDS),
    "deflate, not asked for": whole(b"Content-Encoding: deflate", body=zlib.compress(GOOD)),
    "brotli, not asked for": whole(b"Content-Encoding: br", body=b"\x0b\x02\x80abc\x03"),
    "zstd, not asked for": whole(b"Content-Encoding: zstd", body=b"\x28\xb5\x2f\xfd\x00"),
    "UTF-16": whole(b"Content-Type: application/json", body=GOOD.decode().encode("utf-16")),
    "a page for people": whole(b"Content-Type: application/json", body=b"<html>wait</html>"),
    "text": whole(b"Content-Type: application/json", body=b"upstream connect error"),
    "a zero byte first": whole(body=b"\0" + GOOD),
    "an endless head": endless(HEAD, b"X-More: 1\r\n"),
    "endless early hints": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "an endless body": endless(HEAD + b"\r\n[", b"1," * 50_000),
    "a body by drops": endless(HEAD + b"\r\n[", b"1,", 0.05),
    "a head by drops": endless(HEAD, b"X-More: 1\r\n", 0.05),
}


@contextmanager
def closing_abruptly(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Leave no socket behind, whatever was going on."""
    try:
        yield
    finally:
        writer.transport.abort()


class Server:
    """Gives one odd answer, then good ones."""

    def __init__(self, odd: Answer) -> None:
        self._answers = [odd]
        self._busy: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request, one answer."""
        me = asyncio.current_task()
        assert me is not None
        self._busy.add(me)
        with suppress(OSError, asyncio.IncompleteReadError), closing_abruptly(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            answer = self._answers.pop() if self._answers else whole(b"Connection: close")
            await answer(reader, writer)
            writer.close()
            await writer.wait_closed()
        self._busy.discard(me)

    async def stop(self) -> None:
        """End what never ends."""
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)


@asynccontextmanager
async def asked_of(
    odd: Answer,
) -> AsyncIterator[Callable[[], Awaitable[tuple[StreamprocError | None, bytes]]]]:
    """A call to a service whose first answer is odd."""
    service = Server(odd)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    request = Request(f"http://{host}:{port}/?path", body=b"{}", method="getThing")

    async with make_client(request.url) as client:
        wire = Wire(client, SecretStr(KEY))

        async def ask() -> tuple[StreamprocError | None, bytes]:
            verdict, body = await asyncio.wait_for(wire.fetch(request), CALL_S * 3)
            return verdict.error, body.data

        try:
            yield ask
        finally:
            await service.stop()
            server.close()
            await server.wait_closed()


@pytest.fixture(autouse=True)
def _short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPSTREAM_CALL_S", CALL_S)
    monkeypatch.setattr(limits, "ANSWER_COMPRESSED_MAX_BYTES", 4_000_000)


@pytest.mark.parametrize("odd", READ.values(), ids=READ)
async def test_what_can_be_read_is_read(odd: Answer) -> None:
    async with asked_of(odd) as ask:
        assert await ask() == (None, GOOD)
        assert await ask() == (None, GOOD)


@pytest.mark.parametrize("odd", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_answer_ends_by_name_and_the_next_call_is_answered(odd: Answer) -> None:
    async with asked_of(odd) as ask:
        error, body = await ask()
        assert body == b""
        assert isinstance(error, StreamprocError)
        assert error.code != "internal"
        assert str(error).isprintable()
        assert KEY not in str(error)
        assert WORDS.decode() not in str(error)
        assert await ask() == (None, GOOD)
