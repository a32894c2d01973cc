"""Places for long work, for which tenants and requests take turns: at the upstream's rate, in the pool, for a sync."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from streamproc.core.fair_queue import FairQueue, Share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NO_REQUEST: Final = Share(b"", b"")
# The tenant and request that the running task works for; tasks that it starts work for the same.
CURRENT_REQUEST: Final[ContextVar[Share]] = ContextVar("WHOSE", default=NO_REQUEST)


class FairLimiter:
    """A semaphore that is fair to tenants and requests instead of to calls; see `core.fair_queue`."""

    def __init__(self, places: int) -> None:
        """So many may be held at once."""
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(places)

    @asynccontextmanager
    async def hold(self, share: Share) -> AsyncIterator[None]:
        """Hold a place for this share as long as the block runs."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.add(share, place)
        self._let_in()
        try:
            await place
            yield
        finally:
            if place.done() and not place.cancelled():
                self._queue.done(share)
            place.cancel()  # of a caller that was cancelled while it waited
            self._let_in()

    def _let_in(self) -> None:
        """Give free places to those whose turn it is."""
        while (turn := self._queue.take()) is not None:
            share, place = turn
            if place.done():
                self._queue.done(share)
            else:
                place.set_result(None)
