"""The fence: a worker that slept through its session says nothing until the brokers confirm that it is still a member.

A process can be stopped for a while (SIGSTOP, a frozen machine) and go on as if nothing had been, while another worker
has its partitions. Its group membership is then checked by the one call that only members may make: a commit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class Fence:
    """Down from the first look after a long sleep until somebody lifts it."""

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._looked_at = clock()
        self._is_flagged = False
        self.is_member: Callable[[], Awaitable[bool]] | None = None

    def look(self) -> None:
        """Called once a second by a thread that nothing but a stop of the whole process can hold up for long."""
        self._is_flagged = self.is_down
        self._looked_at = self._clock()

    @property
    def is_down(self) -> bool:
        """Whether the process has slept so long that its session may be over; right whoever wakes up first."""
        return self._is_flagged or self._clock() - self._looked_at > self._longest_s

    def lift(self) -> None:
        """The partitions are ours, as of now."""
        self._is_flagged = False
        self._looked_at = self._clock()

    async def passed(self) -> None:
        """Return when the fence is up: at once, or after the brokers have confirmed the membership."""
        while self.is_down:
            if self.is_member is not None and await self.is_member():
                log.info("the process had slept, and is still a member of its group")
                self.lift()
            elif self.is_down:
                await asyncio.sleep(limits.FENCE_ASK_S)
