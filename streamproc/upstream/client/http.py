"""One HTTP call: bounded in time and size, and the key in its URL never leaves this file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import ClientError

from streamproc import limits
from streamproc.errors import StreamprocError, UpstreamTimeoutError, UpstreamUnavailableError
from streamproc.safety.redaction import Redaction
from streamproc.upstream.client.decompression import GZIP, check_claim, unpacked
from streamproc.upstream.client.errors import Reply, Verdict, transport_fault, verdict_on
from streamproc.upstream.client.lean_httpx import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pydantic import SecretStr

    Take = Callable[[int], Awaitable[None]]

_LENGTH_DIGITS: Final = 20  # a longer number is no length
_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": "streamproc"}


class Request(NamedTuple):
    """An HTTP request without the key; `is_keyed` adds it. With a `body` (JSON) it is a POST.

    `method` is what is asked, in the service's own word; the text of errors names it.
    """

    url: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    is_keyed: bool = True
    method: str = "a call"

    @property
    def where(self) -> str:
        """Who is asked for what, without the URL's path and query, which may hold a key."""
        return f"{self.method} of {self.host}"

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self.url).hostname or ""


class Body(NamedTuple):
    """An answer's bytes: in clear, or as one gzip member whose true size has been found bearable."""

    data: bytes
    is_packed: bool = False


class Wire:
    """Makes calls with one client; what goes wrong comes back as a Verdict, never as a library's exception."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        key: SecretStr | None,
        *,
        keyed_hosts: frozenset[str] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        """The client's URLs are absolute; the key is added here and nowhere else, for these hosts (None: any).

        No error holds the key or a secret.
        """
        self._client = client
        self._keyed_hosts = keyed_hosts
        self._key = key.get_secret_value() if key else None
        self._redaction = Redaction([*secrets, *([self._key] if self._key else ())])

    async def fetch(
        self, request: Request, *, may_stay_packed: bool = False, take: Take | None = None
    ) -> tuple[Verdict, Body]:
        """What came of one call, and its body; the body of a bad answer is empty.

        With `may_stay_packed` the body of a large good answer comes as it was sent, to be unpacked elsewhere. `take`
        is awaited for the bytes of the body before they are read and may hold them up: for all of them when the answer
        says how many there are, else piece by piece.
        """
        try:
            async with asyncio.timeout(limits.UPSTREAM_CALL_S):
                reply = await self._exchange(request, take)
            if may_stay_packed and _is_large(reply):
                check_claim(reply.body)
                return Verdict(str(reply.status), None), Body(reply.body, is_packed=True)
            reply = _clear(reply)
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            ClientError,
            OSError,
        ) as error:
            return transport_fault(error, request.where), Body(b"")
        except StreamprocError as error:
            return Verdict("unreadable", error), Body(b"")
        verdict = verdict_on(reply, request.where)
        return verdict, Body(reply.body if verdict.error is None else b"")

    def cleaned(self, error: StreamprocError) -> StreamprocError:
        """The error, with no secret in its finished sentence."""
        text = self._redaction.redacted(str(error))
        if text != str(error):
            error.args = (text,)
        return error

    async def _exchange(self, request: Request, take: Take | None) -> Reply:
        """Send the request and read the whole answer as it comes, bounded in size."""
        params = dict(request.params)
        is_trusted = self._keyed_hosts is None or request.host in self._keyed_hosts
        if request.is_keyed and self._key and is_trusted:
            params["api-key"] = self._key
        headers = (
            _HEADERS if request.body is None else {**_HEADERS, "Content-Type": "application/json"}
        )
        async with self._client.stream(
            "GET" if request.body is None else "POST",
            request.url,
            params=params or None,  # an empty one would take a URL's own away
            content=request.body,
            headers=headers,
        ) as response:
            body = await _read(response, take)
        return Reply(response.status_code, response.headers, body)


async def _read(response: httpx.Response, take: Take | None) -> bytes:
    """The body as it came over the wire; raises UpstreamTimeoutError when it is too large: a smaller page may fit."""
    parts, size, taken = [], 0, 0
    said = response.headers.get("content-length", "")
    if take is not None and said.isdecimal() and len(said) < _LENGTH_DIGITS:
        taken = min(int(said), limits.ANSWER_COMPRESSED_MAX_BYTES)
        await take(taken)
    async for part in response.aiter_raw():
        size += len(part)
        if size > limits.ANSWER_COMPRESSED_MAX_BYTES:
            raise UpstreamTimeoutError(f"the answer has more than {size} bytes")
        if take is not None and size > taken:
            await take(size - taken)
            taken = size
        parts.append(part)
    return b"".join(parts)


def _is_large(reply: Reply) -> bool:
    """Whether the answer is a good one that takes long to unpack and to read."""
    is_good = reply.status == httpx.codes.OK and _encoding(reply) in GZIP
    return is_good and len(reply.body) >= limits.INLINE_BODY_BYTES


def _encoding(reply: Reply) -> str:
    """How the body was compressed."""
    return reply.headers.get("content-encoding", "identity").lower()


def _clear(reply: Reply) -> Reply:
    """The reply with its body in clear; a member that claims more than our limit is not even begun."""
    encoding = _encoding(reply)
    if encoding == "identity" or not reply.body:
        return reply
    if encoding not in GZIP:
        raise UpstreamUnavailableError("the answer is compressed in a way that was not asked for")
    check_claim(reply.body, limits.ANSWER_HERE_MAX_BYTES)
    return reply._replace(body=unpacked(reply.body))
