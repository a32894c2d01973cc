"""When to look at which state for the timer: seldom at those with nothing due for long, every tick at the others."""

from __future__ import annotations

import heapq

from streamproc import limits


class DueTimes:
    """Keys by the time of their next look; a key that is scheduled anew forgets the old time."""

    def __init__(self) -> None:
        self._times: dict[bytes, float] = {}
        self._heap: list[tuple[float, bytes]] = []

    def count(self, before: float) -> int:
        """How many keys are to be looked at before this time."""
        return sum(at < before for at in self._times.values())

    def schedule(self, key: bytes, at: float) -> None:
        """Look at the key at this time."""
        self._times[key] = at
        heapq.heappush(self._heap, (at, key))

    def clear(self) -> None:
        """Forget all."""
        self._times.clear()
        self._heap.clear()

    def take(self, now: float, most: int = limits.DUE_CHECKS_PER_TICK) -> list[bytes]:
        """At most so many keys whose time has come, the earliest first; they are no longer scheduled."""
        taken: list[bytes] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            at, key = heapq.heappop(self._heap)
            if self._times.get(key) == at:
                del self._times[key]
                taken.append(key)
        return taken
