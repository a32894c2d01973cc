"""Fetchers of full pages from either end of a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import CreditBudgetExceededError, UpstreamTimeoutError
from streamproc.upstream.client.errors import CursorLostError
from streamproc.upstream.client.page_size import PageSize
from streamproc.upstream.history.cursor import HistoryPage, SlotCursor
from streamproc.upstream.history.full_page import METHOD, check_order, full_page_query

if TYPE_CHECKING:
    from streamproc.core.ledger.packed import PackedPage
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.page_size import PageMemory
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.history.full_page import Part


class Chain(NamedTuple):
    """Pages that follow each other by token, all with the same filters."""

    part: Part
    near: int  # the slot at our end where it began
    far: int  # where it ends, unless somebody else comes from there
    token: str | None = None
    is_stuck: bool = False  # in one slot that has more than a page: only the token leads on


class FullEnds:
    """What the fetchers of one part have in common."""

    def __init__(  # noqa: PLR0917 - a call needs all of it
        self,
        caller: Caller,
        url: str,
        wallet: str,
        part: Part,
        permit: Permit,
        memory: PageMemory,
        begun: Chain | None = None,
    ) -> None:
        """List slots of this part; the first fetcher from the top goes on with what has begun."""
        self.caller = caller
        self.url = url
        self.wallet = wallet
        self.part = part
        self.permit = permit
        self.memory = memory
        self._begun = begun

    @property
    def page(self) -> int:
        """Transactions of a page at the present."""
        return self.memory.size

    def fetcher(self, *, is_ascending: bool) -> FullEnd:
        """A fetcher that has not begun."""
        begun, self._begun = (None, self._begun) if is_ascending else (self._begun, None)
        return FullEnd(self, is_ascending=is_ascending, chain=begun)


class FullEnd:
    """Lists from one end, page by page: by token as long as nobody else has moved the other end, else anew by slots.

    Anew, the last slot of the page before is listed again, for more of it may follow.
    """

    def __init__(self, ends: FullEnds, *, is_ascending: bool, chain: Chain | None) -> None:
        """Begin where the first call says, or go on with a chain that fits it."""
        self._ends = ends
        self._is_ascending = is_ascending
        self._size = PageSize(ends.memory)
        self._slot_cursor = SlotCursor(ends.wallet, ends.part.from_slot, None)
        self._chain = chain

    async def next(self, low: int, high: int) -> tuple[HistoryPage, int]:
        """The next page within these slots, and over how many slots its transactions spread.

        Raises what `Caller.ask` raises, UpstreamInconsistentError for a page that was not asked for.
        """
        fresh = self._fresh(low, high)
        goes_on = self._chain is not None and (self._chain.is_stuck or self._chain.far == fresh.far)
        chain = self._chain if self._chain is not None and goes_on else fresh
        if not goes_on:  # its first page may end where an earlier one did
            self._slot_cursor.restart()
        page, chain = await self._page(chain, fresh)
        self._slot_cursor.check(page)
        slots = page.entries.slots
        check_order(slots, chain.part)
        closed = self._closed(chain, slots, is_last=page.next_token is None)
        self._chain = None
        if page.next_token is not None:
            token = self._slot_cursor.move(page.next_token)
            self._chain = chain._replace(token=token, is_stuck=closed is None)
        extent = abs(slots[0] - slots[-1]) + 1 if slots else 0
        return HistoryPage(page.entries, closed, page.decimals, METHOD, page.unreadable), extent

    def _fresh(self, low: int, high: int) -> Chain:
        """A chain of pages that begins at our end of these slots."""
        part = self._ends.part._replace(
            from_slot=low, to_slot=high, is_ascending=self._is_ascending
        )
        ends = (low, high) if self._is_ascending else (high, low)
        return Chain(part, *ends)

    async def _page(self, chain: Chain, fresh: Chain) -> tuple[PackedPage, Chain]:
        """One page of a chain, smaller after time-outs; of the fresh chain when the token is lost."""
        ends = self._ends
        while True:
            asked = self._size.size
            query = full_page_query(ends.url, ends.wallet, chain.part, chain.token, asked)
            try:
                page = await ends.caller.ask(query, ends.permit)
            except (UpstreamTimeoutError, CreditBudgetExceededError) as error:
                self._size.shrink(error, asked)
            except CursorLostError as error:
                self._size.restart(error)
                self._slot_cursor.restart()
                chain = fresh
            else:
                self._size.answered(asked)
                return page, chain

    def _closed(self, chain: Chain, slots: tuple[int, ...], *, is_last: bool) -> SlotRange | None:
        """What a chain has closed with a page: all but its last slot, which may go on; None when there is no other.

        The lowest slot of all may be known and asked for again: the slot above it stays open as long as it is, see
        `SlotCursor.closed_down_to`.
        """
        low, high = sorted((chain.near, chain.far))
        if not is_last:
            if not slots:
                return None
            last = slots[-1]
            if self._is_ascending:
                high = last - 1
            else:
                low = last + 1 if last > self._ends.part.from_slot else last + 2
        return SlotRange(low, high) if low <= high else None
