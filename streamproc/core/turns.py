"""Whose turn it is: a bounded number of places that many small requests and a few huge ones share.

Who has had little goes first, in the order of arrival, so small requests are served as if they were alone; every so
often it is the turn of whoever has waited longest, so a huge one gets on too. Nobody may hold more than a share of the
places that leaves room for the next, however long what it does takes; and beside a smaller one a huge one holds few,
for those at work share the processor.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Generic, TypeVar

from streamproc import limits

T = TypeVar("T")


class Turns(Generic[T]):
    """What waits, by the request it belongs to, and how many places each request holds."""

    def __init__(self, places: int) -> None:
        """So many may be held at once, at least 1."""
        self._places = places
        self._waiting: dict[bytes, deque[T]] = {}  # by request, in the order of arrival
        self._levels: list[dict[bytes, None]] = [
            {}
        ]  # requests that wait, by how much they have had
        self._had: Counter[bytes] = Counter()  # of requests that wait or hold
        self._held: Counter[bytes] = Counter()
        self._active: Counter[int] = Counter()  # requests that wait or hold, by level
        self._taken = 0
        self._left = 0
        self._holding = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._left

    def add(self, share: bytes, item: T, *, is_first: bool = False) -> None:
        """Let an item wait, behind those of the same request or before them."""
        queue = self._waiting.get(share)
        if queue is None:
            queue = self._waiting[share] = deque()
            self._level_of(share)[share] = None
            if share not in self._held:
                self._count(share, 1)
        if is_first:
            queue.appendleft(item)
        else:
            queue.append(item)
        self._left += 1

    def clear(self) -> None:
        """Nothing waits any more; who holds a place still does."""
        for share in self._waiting.keys() - self._held.keys():
            self._count(share, -1)
            self._had.pop(share, None)
        self._waiting.clear()
        self._levels = [{}]
        self._left = 0

    @property
    def has_turn(self) -> bool:
        """Whether something that waits may go now."""
        return self._next() is not None

    def take(self) -> tuple[bytes, T] | None:
        """The request and the item whose turn it is, which now holds a place; None when nothing may go."""
        share = self._next()
        if share is None:
            return None
        queue = self._waiting[share]
        item = queue.popleft()
        before = self._number(share)
        self._had[share] += 1
        after = self._number(share)
        if after != before:
            self._active[before] -= 1
            self._active[after] += 1
        if not queue:
            del self._waiting[share], self._levels[before][share]
        elif after != before:
            del self._levels[before][share]
            self._level_of(share)[share] = None
        self._held[share] += 1
        self._holding += 1
        self._taken += 1
        self._left -= 1
        return share, item

    def done(self, share: bytes) -> None:
        """A place is free again."""
        self._holding -= 1
        self._held[share] -= 1
        if not self._held[share]:
            del self._held[share]
            if share not in self._waiting:
                self._count(share, -1)
                del self._had[share]

    def _next(self) -> bytes | None:
        """Whose turn it is: the first, in its order, that may hold one place more."""
        free = self._places - self._holding
        if free <= 0 or not self._left:
            return None
        most = limits.TURNS_HELD * free
        beside = min(most, max(1, self._places // limits.TURNS_BESIDE_SMALLER))
        smallest = min((number for number, requests in self._active.items() if requests), default=0)
        held = self._held.get
        if self._taken % limits.TURNS_OF_THE_OLDEST == 0:
            for share in self._waiting:
                has = held(share, 0)
                if has < beside or (has < most and self._number(share) <= smallest):
                    return share
            return None
        for number, level in enumerate(self._levels):
            may_hold = beside if number > smallest else most
            for share in level:
                if held(share, 0) < may_hold:
                    return share
        return None

    def _count(self, share: bytes, by: int) -> None:
        """Count a request as active at its level, or no longer; what is nobody's makes nobody step back."""
        if share:
            self._active[self._number(share)] += by

    def _number(self, share: bytes) -> int:
        """The level of a request, each twice as wide as the one before; what is nobody's is always small."""
        return (self._had[share] // limits.TURNS_SMALL).bit_length() if share else 0

    def _level_of(self, share: bytes) -> dict[bytes, None]:
        """Those that wait at the request's level."""
        number = self._number(share)
        while len(self._levels) <= number:
            self._levels.append({})
        return self._levels[number]
