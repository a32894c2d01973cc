"""Answers: written to a reader who may be slow or gone, or looked up once for all who ask."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.json_types import Json


class Sending:
    """Writes to one reader, who has so many seconds to take it."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        """Write to this reader."""
        self._request, self._response = request, response

    async def __call__(self, content: bytes) -> None:
        """Send; raises ConnectionError for a reader that takes nothing, whose connection is closed."""
        try:
            async with asyncio.timeout(limits.CONSOLE_WRITE_S):
                await self._response.write(content)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the reader takes nothing") from None


class SharedAnswer:
    """JSON that is looked up for all who ask, at most every few seconds."""

    def __init__(self, look: Callable[[], Awaitable[Json]]) -> None:
        """Answer with what `look` finds."""
        self._look = look
        self._looking = asyncio.Lock()
        self._found: tuple[float, bytes] | None = None

    async def response(self) -> web.Response:
        """What was found last; raises what looking raises."""
        async with self._looking:
            if self._found is None or time.monotonic() - self._found[0] > limits.CONSOLE_STATE_S:
                self._found = time.monotonic(), orjson.dumps(await self._look())
            content = self._found[1]
        return web.Response(body=content, content_type="application/json")
