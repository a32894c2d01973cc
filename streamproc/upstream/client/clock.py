"""Time and chance, handed in so that tests need neither."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Timing(NamedTuple):
    """How to wait, what time it is (seconds, never going back), and a number drawn from [0, 1)."""

    sleep: Callable[[float], Awaitable[None]]
    now_s: Callable[[], float]
    draw: Callable[[], float]

    def backoff_s(self, attempt: int) -> float:
        """How long to wait after this many failures (1, 2 ...): doubles each time, half of it by chance."""
        longest = min(limits.BACKOFF_CAP_S, limits.BACKOFF_FIRST_S * 2.0 ** (attempt - 1))
        drawn: float = self.draw()
        return longest * (0.5 + 0.5 * drawn)


def real_timing() -> Timing:
    """The machine's clock and chance."""
    return Timing(asyncio.sleep, time.monotonic, random.random)
