"""An event loop whose time tenants share: of what is ready, that of the tenant which has had least of it runs next.

asyncio runs what is ready in the order of arrival. Whoever has many callbacks ready then makes each step of all others
wait for all of his, and a request is some hundred steps one after the other.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.fair_limiter import CURRENT_REQUEST, NO_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

NOBODY: Final = NO_REQUEST.tenant


class Callbacks:
    """Callbacks that are ready, in place of the deque that asyncio keeps them in: start-time fair queueing of seconds.

    Those of one tenant run in the order of arrival, and so do nobody's, which always go first. What other threads
    append is nobody's. A tenant that had none starts at the present, which is where the last one that ran began, or
    ended if nobody waited.
    """

    def __init__(self, clock_s: Callable[[], float] = time.perf_counter) -> None:
        """The clock measures how long a callback runs."""
        self._clock_s = clock_s
        self._thread = threading.get_ident()
        self._nobodys: deque[asyncio.Handle] = deque()
        self._waiting: dict[bytes, deque[asyncio.Handle]] = {}
        self._had_s: dict[bytes, float] = {}
        self._now_s = 0.0  # the present, in seconds that a tenant has had
        self._running = NOBODY
        self._began_s = 0.0

    def __len__(self) -> int:
        """How many are ready. asyncio asks before each round and before it waits, when nothing runs."""
        if self._running:
            self._charge()
        of_tenants = sum(map(len, self._waiting.values())) if self._waiting else 0
        return len(self._nobodys) + of_tenants

    def append(self, handle: asyncio.Handle) -> None:
        """One more is ready."""
        context: Context = handle._context  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else says whose it is
        tenant = context.get(CURRENT_REQUEST, NO_REQUEST).tenant
        if not tenant or threading.get_ident() != self._thread:
            self._nobodys.append(handle)
        elif (waiting := self._waiting.get(tenant)) is not None:
            waiting.append(handle)
        else:
            self._waiting[tenant] = deque([handle])

    def popleft(self) -> asyncio.Handle:
        """The one to run next; raises IndexError when none is ready."""
        if self._running:
            self._charge()
        if self._nobodys or not self._waiting:
            return self._nobodys.popleft()
        tenant = min(self._waiting, key=self._time_s)
        self._now_s = self._time_s(tenant)
        self._running, self._began_s = tenant, self._clock_s()
        waiting = self._waiting[tenant]
        handle = waiting.popleft()
        if not waiting:
            del self._waiting[tenant]
        return handle

    def clear(self) -> None:
        """Forget all that is ready."""
        self._nobodys.clear()
        self._waiting.clear()

    def _time_s(self, tenant: bytes) -> float:
        """When it is this tenant's turn."""
        return max(self._had_s.get(tenant, 0.0), self._now_s)

    def _charge(self) -> None:
        """What ran has ended, and its tenant has had that long; who is not ahead of the present is as good as new."""
        had_s = self._now_s + self._clock_s() - self._began_s
        self._had_s[self._running] = had_s
        if not self._waiting:
            self._now_s = had_s
        self._running = NOBODY
        if len(self._had_s) > limits.TURNS_REMEMBERED:
            self._had_s = {who: had for who, had in self._had_s.items() if had > self._now_s}


class TenantLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, in which tenants take turns."""

    def __init__(self) -> None:
        """An open loop."""
        super().__init__()
        self._ready = Callbacks()
