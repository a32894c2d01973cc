"""Whose turn it is among tenants that share a bounded number of places: start-time fair queueing."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable


class TenantTurns:
    """Tenants with something that waits, and how many places each one holds.

    Time here is counted in turns. The tenant with the earliest time goes next, and its turn moves its time on; one that
    had nothing waiting starts at the present, so it neither waits for what others had before nor saves up turns. The
    present moves on with every turn, a quarter as far: who waits is passed by four that come new, not by all of them.

    The only tenant there has ever been may hold every place. Where there are several, one holds half of them at most,
    and a sixteenth beside one that asks for a quarter of what it asks for, or less: those at work share a processor.
    What is nobody's (an empty name) makes nobody step back.
    """

    def __init__(self, places: int) -> None:
        """So many may be held at once, at least 1."""
        self._places = places
        self._holding = 0
        self._left = 0
        self._asked: Counter[bytes] = Counter()  # what of each tenant waits or holds a place
        self._held: Counter[bytes] = Counter()
        self._now = 0
        self._times: dict[bytes, int] = {}  # of each tenant's next turn
        self._order: list[tuple[int, int, bytes]] = []  # a heap of those that wait: time, arrival
        self._arrivals = 0
        self._known: set[bytes] = set()  # the first two that were ever here

    def __len__(self) -> int:
        """How many wait."""
        return self._left

    def add(self, tenant: bytes) -> None:
        """One item more of this tenant waits."""
        if tenant and len(self._known) < 2:  # noqa: PLR2004 - one tenant, or several
            self._known.add(tenant)
        if self._asked[tenant] == self._held[tenant]:
            self._forget_the_past()
            self._times[tenant] = max(self._now, self._times.get(tenant, 0))
            self._wait(tenant)
        self._asked[tenant] += 1
        self._left += 1

    def clear(self) -> None:
        """Nothing waits any more; who holds a place still does."""
        self._asked = Counter(self._held)
        self._order.clear()
        self._left = 0

    def has_turn(self, may_go: Callable[[bytes], bool]) -> bool:
        """Whether a tenant that waits may hold one place more."""
        entry = self._next(may_go)
        if entry is not None:
            heapq.heappush(self._order, entry)
        return entry is not None

    def take(self, may_go: Callable[[bytes], bool]) -> bytes | None:
        """The tenant whose turn it is, which now holds a place; None when nobody may."""
        entry = self._next(may_go)
        if entry is None:
            return None
        time, _, tenant = entry
        self._times[tenant] = max(time, self._now) + limits.TURNS_OF_THE_OLDEST
        self._now = max(time, self._now + 1)
        self._held[tenant] += 1
        self._holding += 1
        self._left -= 1
        if self._asked[tenant] > self._held[tenant]:
            self._wait(tenant)
        return tenant

    def done(self, tenant: bytes) -> None:
        """A place is free again."""
        self._holding -= 1
        for counter in self._held, self._asked:
            counter[tenant] -= 1
            if not counter[tenant]:
                del counter[tenant]

    def _wait(self, tenant: bytes) -> None:
        """Put a tenant where its time says, behind those that came before it."""
        self._arrivals += 1
        heapq.heappush(self._order, (self._times[tenant], self._arrivals, tenant))

    def _next(self, may_go: Callable[[bytes], bool]) -> tuple[int, int, bytes] | None:
        """Take the earliest that may go out of the order."""
        passed = []
        found = None
        while self._order and self._holding < self._places:
            entry = heapq.heappop(self._order)
            tenant = entry[2]
            if self._held[tenant] < self._most(tenant) and may_go(tenant):
                found = entry
                break
            passed.append(entry)
        for entry in passed:
            heapq.heappush(self._order, entry)
        return found

    def _most(self, tenant: bytes) -> int:
        """How many places this tenant may hold now."""
        if not tenant or len(self._known) < 2:  # noqa: PLR2004 - as above
            return self._places
        few = self._asked[tenant] // limits.TURNS_HEAVIER
        if any(each and asked <= few for each, asked in self._asked.items()):
            return max(1, self._places // limits.TURNS_BESIDE_LIGHTER)
        return max(1, self._places // 2)

    def _forget_the_past(self) -> None:
        """Drop the times that a tenant which comes back would not be behind of."""
        if len(self._times) > 2 * len(self._asked) + limits.TURNS_REMEMBERED:
            self._times = {
                each: time
                for each, time in self._times.items()
                if time > self._now or self._asked[each]
            }
