"""Long histories by many fetchers: from both ends first, then each idle one takes half of the largest gap.

The fetchers beside a history's first one are a worker's own small number, and go to the history with the largest gap;
a short history never waits for one, for its first fetcher is not among them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamproc.upstream.history.cursor import HistoryPage
    from streamproc.upstream.history.gaps import Claim, Gaps


class Fetcher(Protocol):
    """Lists an end of a piece, page by page."""

    async def next(self, low: int, high: int) -> tuple[HistoryPage, int]:
        """The next page within these slots, and over how many slots its transactions spread."""


class Fetching(Protocol):
    """Makes fetchers, and says how large their pages are."""

    @property
    def page(self) -> int:
        """Transactions of a page at the present."""

    def fetcher(self, *, is_ascending: bool) -> Fetcher:
        """A fetcher that has not begun."""


@dataclass
class FetcherPool:
    """The fetchers that a worker's long histories share."""

    most: int
    busy: int = 0
    histories: list[Gaps] = field(default_factory=list)

    def is_free_for(self, gaps: Gaps) -> bool:
        """Whether one is idle and no other history has a larger gap."""
        return self.busy < self.most and gaps.longest >= max(
            (each.longest for each in self.histories), default=0
        )


class ParallelListing:
    """One history's gaps and the fetchers that work on it."""

    def __init__(self, gaps: Gaps, fetching: Fetching, fetcher_pool: FetcherPool) -> None:
        """Nothing is asked yet."""
        self._gaps = gaps
        self._fetching = fetching
        self._fetcher_pool = fetcher_pool
        self._tasks: set[asyncio.Task[None]] = set()
        self._found: deque[HistoryPage] = deque()
        self._error: BaseException | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Semaphore(limits.PAGES_WAITING)

    async def pages(self) -> AsyncGenerator[HistoryPage, None]:
        """The pages until all slots are closed, in no order.

        The first error ends it after the pages that were under way; they are good.
        """
        self._fetcher_pool.histories.append(self._gaps)
        try:
            self._start_fetchers(is_first=True)
            while self._tasks or self._found:
                if not self._found:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                page = self._found.popleft()
                self._room.release()
                yield page
            if self._error is not None:
                raise self._error
        finally:
            self._fetcher_pool.histories.remove(self._gaps)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start_fetchers(self, *, is_first: bool = False) -> None:
        """Set as many fetchers to work as there is work and are idle; the first one is not the crew's."""
        while self._error is None and (is_first or self._fetcher_pool.is_free_for(self._gaps)):
            claim = self._gaps.claim(self._fetching.page)
            if claim is None:
                return
            self._fetcher_pool.busy += not is_first
            task = asyncio.get_running_loop().create_task(self._work(claim))
            self._tasks.add(task)
            task.add_done_callback(self._left if is_first else self._idle)
            is_first = False

    async def _work(self, claim: Claim) -> None:
        """List from one end until the piece is listed."""
        fetcher = self._fetching.fetcher(is_ascending=claim.is_ascending)
        while self._error is None and not self._gaps.is_over(claim, self._fetching.page):
            page, extent = await fetcher.next(claim.piece.low, claim.piece.high)
            self._gaps.close(page.closed, transactions=len(page.entries), extent=extent)
            self._gaps.is_bottom_known |= claim.is_ascending
            await self._room.acquire()
            self._found.append(page)
            self._changed.set()
            self._start_fetchers()
        self._gaps.leave(claim)

    def _idle(self, task: asyncio.Task[None]) -> None:
        """A fetcher of the pool has ended."""
        self._fetcher_pool.busy -= 1
        self._left(task)

    def _left(self, task: asyncio.Task[None]) -> None:
        """A fetcher has ended: others may begin, and one does when none is left and something is open."""
        self._tasks.discard(task)
        self._changed.set()
        if task.cancelled():
            return
        error = task.exception()  # looked at in any case, or asyncio complains about it
        self._error = self._error or error
        self._start_fetchers(is_first=not self._tasks)
