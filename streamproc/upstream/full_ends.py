"""Fetchers of full pages from either end of a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.ranges import SlotRange
from streamproc.errors import CreditBudgetExceededError, UpstreamTimeoutError
from streamproc.upstream.full_page import METHOD, entries_in_order, full_page_question
from streamproc.upstream.verdict import CursorLostError
from streamproc.upstream.walking import Descent, HistoryPage, PageSize

if TYPE_CHECKING:
    from streamproc.core.entries import Entry, Page
    from streamproc.upstream.asking import Asker
    from streamproc.upstream.calls import Permit
    from streamproc.upstream.full_page import Part
    from streamproc.upstream.walking import PageMemory


class FullEnds:
    """What the fetchers of one part have in common."""

    def __init__(  # noqa: PLR0917 - a call needs all of it
        self,
        asker: Asker,
        url: str,
        wallet: str,
        part: Part,
        permit: Permit,
        memory: PageMemory,
    ) -> None:
        """List slots of this part."""
        self.asker = asker
        self.url = url
        self.wallet = wallet
        self.part = part
        self.permit = permit
        self.memory = memory

    @property
    def page(self) -> int:
        """Transactions of a page at the present."""
        return self.memory.size

    def fetcher(self, *, is_ascending: bool) -> FullEnd:
        """A fetcher that has not begun."""
        return FullEnd(self, is_ascending=is_ascending)


class FullEnd:
    """Lists from one end, by slots; a pagination token only where one slot fills a page.

    So the other end may move between two pages. The last slot of a page is listed again by the next one.
    """

    def __init__(self, ends: FullEnds, *, is_ascending: bool) -> None:
        """Begin where the first call says."""
        self._ends = ends
        self._is_ascending = is_ascending
        self._size = PageSize(ends.memory)
        self._descent = Descent(ends.wallet, ends.part.from_slot, None)
        self._token: str | None = None
        self._asked: Part | None = None  # what the token continues

    async def next(self, low: int, high: int) -> tuple[HistoryPage, int]:
        """The next page within these slots, and over how many slots its transactions spread.

        Raises what `Asker.ask` raises, UpstreamInconsistentError for a page that was not asked for.
        """
        part = self._ends.part._replace(
            from_slot=low, to_slot=high, is_ascending=self._is_ascending
        )
        if self._token is not None and self._asked is not None:
            part = self._asked
        page = await self._page(part)
        self._descent.check(page)
        entries = entries_in_order(page, part)
        closed = self._closed(part, entries, is_last=page.next_token is None)
        self._asked = part
        self._token = None
        if closed is None and page.next_token is not None:
            self._token = self._descent.move(page.next_token)
        extent = abs(entries[0].slot - entries[-1].slot) + 1 if entries else 0
        return HistoryPage(entries, closed, page.decimals, METHOD), extent

    async def _page(self, part: Part) -> Page:
        """One page, smaller after time-outs, from the end again when its token is lost."""
        ends = self._ends
        while True:
            asked = self._size.size
            question = full_page_question(ends.url, ends.wallet, part, self._token, asked)
            try:
                page = await ends.asker.ask(question, ends.permit)
            except (UpstreamTimeoutError, CreditBudgetExceededError) as error:
                self._size.shrink(error, asked)
            except CursorLostError as error:
                self._size.restart(error)
                self._descent.restart()
                self._token = None
            else:
                self._size.answered(asked)
                return page

    def _closed(self, part: Part, entries: tuple[Entry, ...], *, is_last: bool) -> SlotRange | None:
        """What a page closes: all but its last slot, which may go on; None when there is no other.

        The lowest slot of all may be known and asked for again: the slot above it stays open as long as it is, see
        `Descent.closed_down_to`.
        """
        low, high = part.from_slot, part.to_slot
        assert high is not None  # noqa: S101 - a gap has two ends
        if not is_last:
            if not entries:
                return None
            last = entries[-1].slot
            if self._is_ascending:
                high = last - 1
            else:
                low = last + 1 if last > self._ends.part.from_slot else last + 2
        return SlotRange(low, high) if low <= high else None
