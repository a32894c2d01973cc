"""The timer: asks the states of this worker's own partitions what is due, and puts that on the join's own topic.

Now and then it also asks what the join should know and does not: a table that lost a state has no time of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from streamproc import limits
from streamproc.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.join.join import Join
    from streamproc.engine.records import Outgoing

log = logging.getLogger(__name__)

# Asked with two questions, whether a key is this worker's and what its state is; says what has to be sent.
Missing: TypeAlias = (
    "Callable[[Callable[[bytes], bool], Callable[[bytes], Any]], Awaitable[list[Outgoing]]]"
)


class JoinTimer:
    """One join's timer; it works only while the tables are recovered and the partitions ours."""

    def __init__(
        self,
        join: Join[Any],
        flow: Flow,
        clock: Callable[[], Awaitable[float]],
        is_ready: Callable[[], bool],
        missing: Missing | None = None,
    ) -> None:
        self._join = join
        self._flow = flow
        self._clock = clock  # the database's: every worker's own clock says something else
        self._is_ready = is_ready
        self._missing = missing
        self._waits_s: dict[bytes, float] = {}  # of keys about which something was said in vain
        self._looked_at = 0.0

    def recovered(self) -> None:
        """Look at every state of the table once, soon."""
        now = time.monotonic()
        self._waits_s.clear()
        for key in self._join.table.keys():  # noqa: SIM118 - not a dictionary
            self._join.due_times.schedule(key, now)

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        while True:
            await asyncio.sleep(limits.TIMER_S)
            if self._is_ready():
                await self._survived(self._tick)
                await self._survived(self._look_for_missing)

    async def _survived(self, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever goes wrong now is tried again: without a timer no deadline would ever pass."""
        try:
            await work()
        except TransientError as error:
            log.info("the timer waits: %s", error)
        except Exception:
            log.exception("the timer failed, and looks again")

    async def _tick(self) -> None:
        """Send what is due of the states whose time of a look has come."""
        if not (keys := self._join.due_times.take(time.monotonic())):
            return
        try:
            now = await self._clock()
        except BaseException:
            for key in keys:
                self._join.due_times.schedule(key, time.monotonic())
            raise
        await self._send([out for key in keys if (out := self._checked(key, now)) is not None])

    def _checked(self, key: bytes, now: float) -> Outgoing | None:
        """What is due of one key; one that cannot be looked at stops no other, and is said to be broken."""
        try:
            return self._due(key, now)
        except Exception:
            log.exception("%r cannot be looked at", key)
            self._join.due_times.schedule(key, time.monotonic() + self._wait_s(key, is_due=True))
            return self._given_up(key, now)

    def _given_up(self, key: bytes, now: float) -> Outgoing | None:
        """What says that a key is broken; None for one that no event can name, as only a stranger's write has."""
        try:
            return self._join.logic.given_up(key, now)
        except Exception:
            log.exception("%r cannot be given up", key)
            return None

    async def _look_for_missing(self) -> None:
        """Send what makes the join hear again of keys that it should know."""
        now = time.monotonic()
        if self._missing is None or now - self._looked_at < limits.REOPEN_LOOK_S:
            return
        self._looked_at = now
        await self._send(
            await self._missing(self._join.owns, lambda key: self._join.state_of(key)[0])
        )

    async def _send(self, outs: list[Outgoing]) -> None:
        """Wait until the brokers have them."""
        sent = self._flow.producer.send(outs)
        await asyncio.wait([sent])
        if sent.exception() is not None:
            log.error("what is due is refused: %s", sent.exception())

    def _due(self, key: bytes, now: float) -> Outgoing | None:
        """What is due of one key, and when to look at it again."""
        state, is_at_rest = self._join.state_of(key)
        schedule = self._join.due_times.schedule
        if state is None:
            self._waits_s.pop(key, None)
            return None
        if not is_at_rest:
            schedule(key, time.monotonic() + limits.TIMER_S)
            return None
        for horizon in limits.DUE_HORIZONS_S:
            if self._join.logic.due(key, state, now + horizon) is None:
                self._waits_s.pop(key, None)
                schedule(key, time.monotonic() + horizon)
                return None
        out = self._join.logic.due(key, state, now)
        schedule(key, time.monotonic() + self._wait_s(key, is_due=out is not None))
        return out

    def _wait_s(self, key: bytes, *, is_due: bool) -> float:
        """When to look again: twice as late each time that what is due was said and nothing came of it."""
        if not is_due:
            self._waits_s.pop(key, None)
            return limits.TIMER_S
        wait_s = self._waits_s.get(key, limits.DUE_REPEAT_S)
        self._waits_s[key] = min(2 * wait_s, limits.DUE_REPEAT_CAP_S)
        return wait_s
