"""Room for answers: how many bytes of them may be here at once, from their first byte until they have been read."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class ByteLimiter:
    """A bound on bytes that never locks up: the answer that began first takes what it needs, all others wait in turn.

    So there are at most `most` bytes and one answer here, and an answer larger than that comes all the same. Who began
    later takes nothing while somebody waits who began earlier: else all answers would be here in part, and none whole.
    """

    def __init__(self, most: int) -> None:
        """There is room for so many bytes."""
        self._most = most
        self._used = 0
        # In the order in which their answers began.
        self._reservations: dict[Reservation, None] = {}
        self._freed = asyncio.Event()

    @property
    def used(self) -> int:
        """How many bytes are here."""
        return self._used

    @contextmanager
    def reservation(self) -> Iterator[Reservation]:
        """A reservation for one answer; its bytes are here until the block ends."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self._release(reservation)

    async def acquire(self, reservation: Reservation, size: int) -> None:
        """Return when so many more bytes of a reservation's answer may come."""
        self._reservations.setdefault(reservation)
        reservation.is_waiting = True
        try:
            while not self._may_acquire(reservation, size):
                self._freed.clear()
                await self._freed.wait()
        finally:
            reservation.is_waiting = False
        self._used += size
        reservation.taken += size
        self._freed.set()  # who waited only because this one did may go on

    def _may_acquire(self, reservation: Reservation, size: int) -> bool:
        """Whether a reservation is the first, or there is room and nobody waits before it."""
        for position, each in enumerate(self._reservations):
            if each is reservation:
                return position == 0 or self._used + size <= self._most
            if each.is_waiting:
                return False
        raise AssertionError("a place that takes is one of the places")

    def _release(self, reservation: Reservation) -> None:
        """Give back what a reservation has taken."""
        self._reservations.pop(reservation, None)
        self._used -= reservation.taken
        self._freed.set()


class Reservation:
    """Where one answer is."""

    def __init__(self, limiter: ByteLimiter) -> None:
        """Nothing has come yet."""
        self._limiter = limiter
        self.taken = 0
        self.is_waiting = False

    async def acquire(self, size: int) -> None:
        """Return when so many more bytes may come."""
        await self._limiter.acquire(self, size)
