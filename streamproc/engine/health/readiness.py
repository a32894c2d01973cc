"""Whether requests are worked off now: brokers and store answer, the tables are recovered, and what waits moves.

A worker that is not ready goes on: it waits for what is away, and is ready again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.errors import StreamprocError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.engine.health.gauges import Gauges

log = logging.getLogger(__name__)


class Readiness:
    """Asks again and again whether everything outside answers, and remembers since when it does not."""

    def __init__(
        self,
        gauges: Gauges,
        is_flowing: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gauges = gauges
        self._is_flowing = is_flowing
        self._clock = clock
        self._probes: dict[str, Callable[[], Awaitable[object]]] = {}
        self._answered_at: dict[str, float] = {}
        self._told: set[str] = set()  # who is away and was said to be
        self.watch("Kafka", self._brokers)

    def watch(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """Ask this from now on; it answers, or raises TransientError or TimeoutError."""
        self._probes[name] = probe
        self._answered_at[name] = self._clock()

    async def run(self) -> None:
        """Ask everyone every two seconds, until cancelled."""
        while True:
            await asyncio.gather(*(self.ask(name) for name in self._probes))
            await asyncio.sleep(limits.PROBE_S)

    async def ask(self, name: str) -> None:
        """Ask one of them once; say when it goes away and when it is there again."""
        try:
            await asyncio.wait_for(self._probes[name](), limits.PROBE_TIMEOUT_S)
        except (StreamprocError, TimeoutError) as error:
            if self._away_s(name) > limits.AWAY_S and name not in self._told:
                self._told.add(name)
                log.warning(
                    "%s has been away for %.0f s: %s",
                    name,
                    self._away_s(name),
                    error or "no answer",
                )
            return
        if name in self._told:
            self._told.discard(name)
            log.info("%s is there again after %.0f s", name, self._away_s(name))
        self._answered_at[name] = self._clock()

    def why_not(self) -> list[str]:
        """What keeps requests from being worked off, in sentences; nothing when they are."""
        if not self._is_flowing():
            return ["partitions are not assigned, or tables not restored"]
        away = [
            f"{name} has not answered for {away_s:.0f} s"
            for name in self._probes
            if (away_s := self._away_s(name)) > limits.AWAY_S
        ]
        unmoved_s = self._clock() - self._gauges.moved_at()
        if unmoved_s > limits.UNMOVED_S and (waiting := self._gauges.waiting()) > 0:
            away.append(f"{waiting} records wait and nothing has moved for {unmoved_s:.0f} s")
        return away

    def _away_s(self, name: str) -> float:
        """For how long it has not answered."""
        return self._clock() - self._answered_at[name]

    async def _brokers(self) -> None:
        """Raise TransientError when no broker answers."""
        if not await self._gauges.is_broker_reachable():
            raise TransientError("no broker answers")
