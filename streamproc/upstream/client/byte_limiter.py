"""Room for answers: how many bytes of them may be here at once, from their first byte until they have been read."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Room:
    """A bound on bytes that never locks up: the answer that began first takes what it needs, all others wait in turn.

    So there are at most `most` bytes and one answer here, and an answer larger than that comes all the same. Who began
    later takes nothing while somebody waits who began earlier: else all answers would be here in part, and none whole.
    """

    def __init__(self, most: int) -> None:
        """There is room for so many bytes."""
        self._most = most
        self._used = 0
        self._places: dict[Place, None] = {}  # in the order in which their answers began
        self._freed = asyncio.Event()

    @property
    def used(self) -> int:
        """How many bytes are here."""
        return self._used

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place for one answer; its bytes are here until the block ends."""
        place = Place(self)
        try:
            yield place
        finally:
            self._leave(place)

    async def take(self, place: Place, size: int) -> None:
        """Return when so many more bytes of a place's answer may come."""
        self._places.setdefault(place)
        place.is_waiting = True
        try:
            while not self._may_take(place, size):
                self._freed.clear()
                await self._freed.wait()
        finally:
            place.is_waiting = False
        self._used += size
        place.taken += size
        self._freed.set()  # who waited only because this one did may go on

    def _may_take(self, place: Place, size: int) -> bool:
        """Whether a place is the first, or there is room and nobody waits before it."""
        for position, each in enumerate(self._places):
            if each is place:
                return position == 0 or self._used + size <= self._most
            if each.is_waiting:
                return False
        raise AssertionError("a place that takes is one of the places")

    def _leave(self, place: Place) -> None:
        """Give back what a place has taken."""
        self._places.pop(place, None)
        self._used -= place.taken
        self._freed.set()


class Place:
    """Where one answer is."""

    def __init__(self, room: Room) -> None:
        """Nothing has come yet."""
        self._room = room
        self.taken = 0
        self.is_waiting = False

    async def take(self, size: int) -> None:
        """Return when so many more bytes may come."""
        await self._room.take(self, size)
