"""The watchdog ends a process that only looks alive: a blocked event loop, a dead fetcher, lag and nothing moving.

A supervisor starts the worker again; what was not finished comes again. It never ends one that merely waits: for a
long handler, for the store, for brokers that are away.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from streamproc import limits
from streamproc.engine.delivery.flow import exit_now

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_BEAT_S = 1.0
_STOPPED_GAP_S = 5.0  # the watching thread itself slept longer: the whole process was stopped, nothing was blocked


class Watched(Protocol):
    """What the watchdog looks at."""

    def is_at_work(self) -> bool:
        """Whether a handler, a join or the producer has something under way."""

    def moved_at(self) -> float:
        """When a record last came or was done, on the monotonic clock."""

    def polled_at(self) -> float:
        """When the fetcher last asked for records, now while it does not have to."""

    def stuck_s(self) -> float:
        """For how long an assignment or a recovery has not got on."""

    def lag(self) -> int:
        """How many records the brokers have that were not delivered to us."""

    async def is_broker_reachable(self) -> bool:
        """Whether a broker answers."""


class LoopGuard(threading.Thread):
    """Ends the process when the event loop does not turn for too long, or a stop takes too long."""

    def __init__(
        self,
        blocked_s: float,
        end: Callable[[str], None] = exit_now,
    ) -> None:
        super().__init__(name="loop-guard", daemon=True)
        self._blocked_s = blocked_s
        self._end = end
        self._beat_at = time.monotonic()
        self._stop_by: float | None = None
        self._ended = threading.Event()

    async def beat(self) -> None:
        """Show once a second, until cancelled, that the loop turns."""
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(_BEAT_S)

    def stop_within(self, seconds: float) -> None:
        """From now on the process has so long to end."""
        self._stop_by = time.monotonic() + seconds

    def finish(self) -> None:
        """Watch no more."""
        self._ended.set()

    def run(self) -> None:
        """Look once a second, and when the time to stop is over."""
        looked_at = time.monotonic()
        while not self._ended.wait(self._next_look_s()):
            now = time.monotonic()
            if now - looked_at > _STOPPED_GAP_S:
                self._beat_at = now
            looked_at = now
            if now - self._beat_at > self._blocked_s:
                self._end(f"the event loop has been blocked for {now - self._beat_at:.0f} s")
            elif self._stop_by is not None and now >= self._stop_by:
                self._end("the stop takes too long")

    def _next_look_s(self) -> float:
        """The seconds until the next look."""
        if self._stop_by is None:
            return _BEAT_S
        return min(_BEAT_S, max(0.0, self._stop_by - time.monotonic()))


class Watchdog:
    """Looks from inside the loop at what moves."""

    def __init__(
        self,
        watched: Watched,
        *,
        stall_s: float,
        end: Callable[[str], None] = exit_now,
    ) -> None:
        self._watched = watched
        self._stall_s = stall_s
        self._end = end
        self._since = time.monotonic()  # nothing has been wrong before this

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            await asyncio.sleep(_BEAT_S)
            await self.look()

    async def look(self) -> None:
        """End the process when nothing has moved for long although it should have, and the brokers are there."""
        why = self._fault(time.monotonic())
        if why is None:
            return
        if await self._watched.is_broker_reachable():
            self._end(why)
        else:
            log.warning("nothing moves, but no broker answers: waiting")
        self._since = time.monotonic()

    def _fault(self, now: float) -> str | None:
        """What is wrong, None when nothing is or it is too early to tell."""
        if min(self._watched.stuck_s(), now - self._since) > limits.UNREADY_S:
            return f"no records have flowed for {limits.UNREADY_S:.0f} s"
        if self._watched.is_at_work():
            self._since = now
            return None
        if now - max(self._since, self._watched.polled_at()) > self._stall_s:
            return f"the fetcher has asked for nothing in {self._stall_s:.0f} s"
        if now - max(self._since, self._watched.moved_at()) <= self._stall_s:
            return None
        if (lag := self._watched.lag()) > 0:
            return f"nothing has moved in {self._stall_s:.0f} s although {lag} records wait"
        self._since = now
        return None
