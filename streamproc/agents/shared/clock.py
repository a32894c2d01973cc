"""The one clock of all workers: the database's, looked at now and then and counted on in between."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.engine.delivery.fence import awake_or_not_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

log = logging.getLogger(__name__)


class DatabaseClock:
    """What the database's clock shows, without a question: deadlines and marks of all workers are measured with it."""

    def __init__(self, ask_ms: Callable[[], Awaitable[int]]) -> None:
        """`ask_ms` asks the database, in unix milliseconds; nothing is known before the first look."""
        self._ask_ms = ask_ms
        self._ahead_ms: int | None = None  # of a clock of ours that never jumps

    async def look(self) -> int:
        """The database's time now, in unix milliseconds, remembered."""
        found_ms = await self._ask_ms()
        self._ahead_ms = found_ms - _steady_ms()
        return found_ms

    def now_ms(self) -> int:
        """The same from memory; it is looked at before anybody asks."""
        assert self._ahead_ms is not None  # noqa: S101 - as the sentence says
        return _steady_ms() + self._ahead_ms


@asynccontextmanager
async def keeping_time(ask_ms: Callable[[], Awaitable[int]]) -> AsyncIterator[DatabaseClock]:
    """A clock that is looked at now and then as long as the block runs, so that a step of it is noticed."""
    clock = DatabaseClock(ask_ms)
    await clock.look()
    task = asyncio.create_task(_run(clock), name="clock")
    try:
        yield clock
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(clock: DatabaseClock) -> None:
    """Look until cancelled; while the database is away time is counted on."""
    while True:
        await asyncio.sleep(limits.CLOCK_LOOK_S)
        try:
            await clock.look()
        except Exception as error:  # noqa: BLE001 - whatever it is, time goes on
            log.warning("cannot look at the database's clock: %s", error)


def _steady_ms() -> int:
    """Milliseconds on a clock that never jumps and also counts while the machine sleeps."""
    return int(awake_or_not_s() * 1000)
