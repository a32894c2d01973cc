"""Writing to a reader who may be slow, or gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from aiohttp import web


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
