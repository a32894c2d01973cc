"""Histories by getTransactionsForAddress: full transactions in pages, filtered by slot; only a null token ends one."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.core.ledger.packed import PackedEntries
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import CreditBudgetExceededError, UpstreamTimeoutError
from streamproc.upstream.client.errors import CursorLostError
from streamproc.upstream.client.page_size import PageMemory, PageSize
from streamproc.upstream.history.cursor import HistoryPage, SlotCursor
from streamproc.upstream.history.full_ends import Chain, FullEnds
from streamproc.upstream.history.full_page import METHOD, Part, check_order, full_page_query
from streamproc.upstream.history.gaps import Gaps, Piece
from streamproc.upstream.history.parallel import FetcherPool, ParallelListing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamproc.core.ledger.packed import PackedPage
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.history.cursor import Remaining, Span

# Below this slot transactions do not say who owns a token account, and the filter on balances knows nothing.
OWNERS_KNOWN_FROM_SLOT: Final = 111_491_819


class FullHistory:
    """The first choice: exact balances, the place in the block, and ten credits a hundred transactions."""

    name = METHOD

    def __init__(self, caller: Caller, rpc_url: str) -> None:
        """Ask there."""
        self._caller = caller
        self._url = rpc_url
        self._memory = PageMemory(limits.HISTORY_PAGE, limits.HISTORY_PAGE_MAX)
        self._fetcher_pool = FetcherPool(limits.EXTRA_FETCHERS)

    async def pages(
        self, wallet: str, span: Span, remaining: Remaining, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of a span, newest first; raises StrategyUnsupportedError where the method is unknown."""
        upper = span.to_slot
        parts = _parts(span)
        # A slot that is asked for again just below the cut: the slot above it is closed last, as in `SlotCursor`.
        is_joint = len(parts) > 1 and span.from_slot == parts[0].from_slot - 1
        for part in parts:
            is_first = part is parts[0]
            low = part.from_slot + (is_joint and is_first)
            high = None if part.to_slot is None else part.to_slot + (is_joint and not is_first)
            slot_cursor = SlotCursor(wallet, low, None if upper is None else high)
            listed = self._part(part, slot_cursor, remaining, permit, may_split=not is_joint)
            async with aclosing(listed) as pages:
                async for page in pages:
                    upper = slot_cursor.upper if upper is None else upper
                    yield page
            if remaining.is_over():
                return
        if upper is None and span.from_slot == 0:
            yield HistoryPage(PackedEntries(wallet), SlotRange(0, 0), {}, METHOD)

    async def _part(
        self,
        part: Part,
        slot_cursor: SlotCursor,
        remaining: Remaining,
        permit: Permit,
        *,
        may_split: bool,
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of one part; when all are wanted and there are many, by many fetchers and in no order."""
        size, token, high = PageSize(self._memory), None, part.to_slot
        while True:
            asked = remaining.page_size(size.size)
            bounded = part._replace(to_slot=high)
            try:
                query = full_page_query(self._url, slot_cursor.wallet, bounded, token, asked)
                page = await self._caller.ask(query, permit)
            except (UpstreamTimeoutError, CreditBudgetExceededError) as error:
                size.shrink(error, asked)
                continue
            except CursorLostError as error:
                size.restart(error)
                slot_cursor.restart()
                token, high = None, slot_cursor.upper if slot_cursor.upper is not None else high
                continue
            size.answered(asked)
            shown = _shown(page, bounded, slot_cursor)
            remaining.take(page.entries.signatures)
            if shown.entries or shown.closed:
                yield shown
            if page.next_token is None or (remaining.is_over() and slot_cursor.has_closed):
                return
            token = slot_cursor.move(page.next_token)
            if may_split and remaining.left is None and slot_cursor.has_closed:
                async with aclosing(self._rest(bounded, token, slot_cursor, permit)) as pages:
                    async for each in pages:
                        yield each
                return

    async def _rest(
        self, part: Part, token: str, slot_cursor: SlotCursor, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """What a first page has left of a part, by as many fetchers as are idle."""
        assert slot_cursor.upper is not None  # noqa: S101 - something was closed
        if slot_cursor.upper < slot_cursor.from_slot:
            return
        gaps = Gaps([Piece(slot_cursor.from_slot, slot_cursor.upper)])
        begun = Chain(part, slot_cursor.upper, slot_cursor.from_slot, token)
        ends = FullEnds(
            self._caller, self._url, slot_cursor.wallet, part, permit, self._memory, begun
        )
        async with aclosing(ParallelListing(gaps, ends, self._fetcher_pool).pages()) as pages:
            async for page in pages:
                yield page


def _parts(span: Span) -> list[Part]:
    """The span cut where the filter on balances begins to know something, newest first."""
    parts = []
    if span.to_slot is None or span.to_slot >= OWNERS_KNOWN_FROM_SLOT:
        low = max(span.from_slot, OWNERS_KNOWN_FROM_SLOT)
        parts.append(Part(low, span.to_slot, "balanceChanged"))
    if span.from_slot < OWNERS_KNOWN_FROM_SLOT:
        high = OWNERS_KNOWN_FROM_SLOT - 1
        high = high if span.to_slot is None else min(high, span.to_slot)
        parts.append(Part(span.from_slot, high, "none"))
    return parts


def _shown(page: PackedPage, part: Part, slot_cursor: SlotCursor) -> HistoryPage:
    """The page with the slots that it closes; raises UpstreamInconsistentError when it is not what was asked for."""
    slot_cursor.check(page)
    slots = page.entries.slots
    check_order(slots, part)
    is_last = page.next_token is None
    closed = slot_cursor.closed_to_the_end(slots) if is_last else slot_cursor.closed_down_to(slots)
    return HistoryPage(page.entries, closed, page.decimals, METHOD, page.unreadable)
