"""Histories by the enhanced API: a list without slots or end marks, walked from signature to signature."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from streamproc import limits
from streamproc.core.ledger.packed import PackedEntries, packed
from streamproc.core.ledger.ranges import SlotRange
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.errors import (
    UpstreamInconsistentError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from streamproc.upstream.client.calls import ENHANCED_CREDITS, Call
from streamproc.upstream.client.errors import CursorLostError
from streamproc.upstream.client.http import Request
from streamproc.upstream.client.page_size import PageMemory, PageSize
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.sanitize import fitting, mended, plausible
from streamproc.upstream.history.cursor import HistoryPage, SlotCursor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from streamproc.core.ledger.entries import Page
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.history.cursor import Remaining, Span

    DecimalsOf = Callable[[Sequence[str], Permit], Awaitable[Mapping[str, int]]]

METHOD: Final = "enhanced"


class EnhancedHistory:
    """The second choice: a hundred credits a hundred transactions, and no place in the block."""

    name = METHOD

    def __init__(self, caller: Caller, api_url: str, decimals_of: DecimalsOf) -> None:
        """Ask there; `decimals_of` knows the decimals of mints that trimmed records leave out."""
        self._caller = caller
        self._url = api_url
        self._decimals_of = decimals_of
        self._memory = PageMemory(limits.ENHANCED_PAGE, limits.ENHANCED_PAGE)

    async def pages(
        self, wallet: str, span: Span, remaining: Remaining, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of a span, newest first; the list ends with an empty page."""
        slot_cursor = SlotCursor(wallet, span.from_slot, span.to_slot)
        size, cursor, position = PageSize(self._memory), span.cursor, span.position
        while True:
            asked = size.size
            try:
                page = await self._page(wallet, cursor, position, asked, permit)
            except UpstreamTimeoutError as error:
                size.shrink(error, asked)
                continue
            except CursorLostError as error:
                # Everything above what is open is listed again and left out.
                size.restart(error)
                slot_cursor.restart()
                cursor, position = None, 0
                continue
            size.answered(asked)
            slot_cursor.check(page)
            shown, is_last = _shown(page, span, slot_cursor)
            remaining.take(shown.entries.signatures)
            if shown.entries or shown.closed or shown.unreadable:
                yield shown
            if remaining.is_over() and slot_cursor.has_closed:
                return
            if is_last:
                break
            cursor = slot_cursor.move(_last_signature(page))
            position += len(page.entries)
        if slot_cursor.upper is None and span.from_slot == 0:
            yield HistoryPage(PackedEntries(wallet), SlotRange(0, 0), {}, METHOD)

    async def _page(
        self, wallet: str, cursor: str | None, position: int, limit: int, permit: Permit
    ) -> Page:
        """One page, read with all decimals that it needs."""
        body = await self._caller.ask(self._query(wallet, cursor, limit), permit)
        page = enhanced_page(body, wallet, {}, first_position=position)
        if page.unknown_decimals:
            known = await self._decimals_of(page.unknown_decimals, permit)
            page = enhanced_page(body, wallet, known, first_position=position)
        return fitting(plausible(page, time.time()), wallet)

    def _query(self, wallet: str, cursor: str | None, limit: int) -> Query[bytes]:
        """The call for one page; its answer is the body, found readable."""
        params = [
            ("limit", str(limit)),
            ("commitment", "finalized"),
            ("token-accounts", "balanceChanged"),
        ]
        if cursor is not None:
            params.append(("before-signature", cursor))

        def read(body: bytes | bytearray) -> bytes:
            answer = bytes(body)
            try:
                enhanced_page(answer, wallet, {})
            except UpstreamUnavailableError:
                answer = mended(answer)
                enhanced_page(answer, wallet, {})
            return answer

        return Query(
            call=Call("enhanced", "enhancedTransactions", ENHANCED_CREDITS),
            request=Request(
                f"{self._url}/v0/addresses/{quote(wallet)}/transactions",
                tuple(params),
                method="enhancedTransactions",
            ),
            read=read,
            is_divisible=limit > limits.HISTORY_PAGE_MIN,
        )


def _shown(page: Page, span: Span, slot_cursor: SlotCursor) -> tuple[HistoryPage, bool]:
    """The page cut to the span with the slots that it closes, and whether it is the walk's last.

    Records without a slot (0) belong to any span and close nothing.
    """
    high = slot_cursor.upper
    entries = [
        entry
        for entry in page.entries
        if not entry.slot or (span.from_slot <= entry.slot and (high is None or entry.slot <= high))
    ]
    slots = [entry.slot for entry in entries if entry.slot]
    unreadable = [
        each
        for each in page.unreadable
        if not each.slot or (span.from_slot <= each.slot and (high is None or each.slot <= high))
    ]
    listed = [entry.slot for entry in page.entries] + [each.slot or 0 for each in page.unreadable]
    is_last = not listed or any(0 < slot < span.from_slot for slot in listed)
    closed = slot_cursor.closed_to_the_end(slots) if is_last else slot_cursor.closed_down_to(slots)
    shown = packed(entries, slot_cursor.wallet)
    return HistoryPage(shown, closed, page.decimals, METHOD, unreadable), is_last


def _last_signature(page: Page) -> str:
    """From where the list goes on: the last record that can be read, for what cannot comes again; else that."""
    if page.entries:
        return page.entries[-1].signature
    named = [each.signature for each in page.unreadable if each.signature]
    if not named:
        raise UpstreamInconsistentError("no record of a page says where the list goes on")
    return named[-1]
