"""Places for long work, for which requests take turns: at the upstream's rate, in the process pool, for a sync."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from streamproc.core.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# The request that the running task works for; tasks that it starts work for the same.
WHOSE: Final[ContextVar[str]] = ContextVar("WHOSE", default="")


class Slots:
    """A semaphore that is fair to requests instead of to calls; see `core.turns`."""

    def __init__(self, places: int) -> None:
        """So many may be held at once."""
        self._turns: Turns[asyncio.Future[None]] = Turns(places)

    @asynccontextmanager
    async def of(self, request_id: str) -> AsyncIterator[None]:
        """Hold a place for this request as long as the block runs."""
        share = request_id.encode()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.add(share, place)
        self._let_in()
        try:
            await place
            yield
        finally:
            if place.done() and not place.cancelled():
                self._turns.done(share)
            place.cancel()  # of a caller that was cancelled while it waited
            self._let_in()

    def _let_in(self) -> None:
        """Give free places to those whose turn it is."""
        while (turn := self._turns.take()) is not None:
            share, place = turn
            if place.done():
                self._turns.done(share)
            else:
                place.set_result(None)
