"""Histories by getTransactionsForAddress: full transactions in pages, filtered by slot; only a null token ends one."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamproc import limits
from streamproc.core.entries import Page, RpcError
from streamproc.core.ranges import SlotRange
from streamproc.core.raw import raw_page
from streamproc.errors import (
    CreditBudgetExceededError,
    UpstreamInconsistentError,
    UpstreamTimeoutError,
)
from streamproc.upstream.asking import Question
from streamproc.upstream.calls import Call, full_page_credits
from streamproc.upstream.rpc import rpc_request
from streamproc.upstream.verdict import CursorLostError, rpc_fault
from streamproc.upstream.walking import Descent, HistoryPage, PageSize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.upstream.asking import Asker
    from streamproc.upstream.calls import Permit
    from streamproc.upstream.walking import Span, Wanted

METHOD: Final = "getTransactionsForAddress"
# Below this slot transactions do not say who owns a token account, and the filter on balances knows nothing.
OWNERS_KNOWN_FROM_SLOT: Final = 111_491_819


class _Part(NamedTuple):
    """Slots that are asked for with one filter."""

    from_slot: int
    to_slot: int | None
    token_accounts: str


class FullHistory:
    """The first choice: exact balances, the place in the block, and ten credits a hundred transactions."""

    name = METHOD

    def __init__(self, asker: Asker, rpc_url: str) -> None:
        """Ask there."""
        self._asker = asker
        self._url = rpc_url

    async def pages(
        self, wallet: str, span: Span, wanted: Wanted, permit: Permit
    ) -> AsyncIterator[HistoryPage]:
        """The pages of a span, newest first; raises StrategyUnsupportedError where the method is unknown."""
        upper = span.to_slot
        parts = _parts(span)
        # A slot that is asked for again just below the cut: the slot above it is closed last, as in `Descent`.
        is_joint = len(parts) > 1 and span.from_slot == parts[0].from_slot - 1
        for part in parts:
            is_first = part is parts[0]
            low = part.from_slot + (is_joint and is_first)
            high = None if part.to_slot is None else part.to_slot + (is_joint and not is_first)
            descent = Descent(wallet, low, None if upper is None else high)
            async for page in self._part(part, descent, wanted, permit):
                upper = descent.upper if upper is None else upper
                yield page
            if wanted.is_over():
                return
        if upper is None and span.from_slot == 0:
            yield HistoryPage((), SlotRange(0, 0), {}, METHOD)

    async def _part(
        self, part: _Part, descent: Descent, wanted: Wanted, permit: Permit
    ) -> AsyncIterator[HistoryPage]:
        """The pages of one part."""
        size, token, high = PageSize(limits.HISTORY_PAGE), None, part.to_slot
        while True:
            asked = wanted.page_size(size.size)
            bounded = part._replace(to_slot=high)
            try:
                page = await self._asker.ask(
                    self._question(descent.wallet, bounded, token, asked), permit
                )
            except (UpstreamTimeoutError, CreditBudgetExceededError) as error:
                size.shrink(error, asked)
                continue
            except CursorLostError as error:
                size.restart(error)
                descent.restart()
                token, high = None, descent.upper if descent.upper is not None else high
                continue
            size.answered()
            shown = _shown(page, bounded, descent)
            wanted.take(page.entries)
            if shown.entries or shown.closed:
                yield shown
            if page.next_token is None or (wanted.is_over() and descent.has_closed):
                return
            token = descent.move(page.next_token)

    def _question(self, wallet: str, part: _Part, token: str | None, limit: int) -> Question[Page]:
        """The call for one page."""
        slots = {"gte": part.from_slot}
        if part.to_slot is not None:
            slots["lte"] = part.to_slot
        options: dict[str, Any] = {
            "transactionDetails": "full",
            "limit": limit,
            "sortOrder": "desc",
            "commitment": "finalized",
            "encoding": "json",
            "maxSupportedTransactionVersion": 0,
            "filters": {"slot": slots, "status": "any", "tokenAccounts": part.token_accounts},
        }
        if token is not None:
            options["paginationToken"] = token

        return Question(
            call=Call("rpc", METHOD, full_page_credits(limit)),
            request=rpc_request(self._url, METHOD, [wallet, options]),
            read=partial(_read, wallet),
            cost=lambda page: full_page_credits(len(page.entries)),
            is_divisible=True,
            is_heavy=True,
        )


def _read(wallet: str, body: bytes) -> Page:
    """The page that an answer is; raises what its error means."""
    page = raw_page(body, wallet)
    if isinstance(page, RpcError):
        raise rpc_fault(page.code, page.message)
    return page


def _parts(span: Span) -> list[_Part]:
    """The span cut where the filter on balances begins to know something, newest first."""
    parts = []
    if span.to_slot is None or span.to_slot >= OWNERS_KNOWN_FROM_SLOT:
        low = max(span.from_slot, OWNERS_KNOWN_FROM_SLOT)
        parts.append(_Part(low, span.to_slot, "balanceChanged"))
    if span.from_slot < OWNERS_KNOWN_FROM_SLOT:
        high = OWNERS_KNOWN_FROM_SLOT - 1
        high = high if span.to_slot is None else min(high, span.to_slot)
        parts.append(_Part(span.from_slot, high, "none"))
    return parts


def _shown(page: Page, part: _Part, descent: Descent) -> HistoryPage:
    """The page with the slots that it closes; raises UpstreamInconsistentError when it is not what was asked for."""
    descent.check(page)
    entries = tuple({entry.signature: entry for entry in page.entries}.values())
    slots = [entry.slot for entry in entries]
    if any(later > earlier for earlier, later in pairwise(slots)):
        raise UpstreamInconsistentError("a page is not in descending order of slots")
    if slots and (
        slots[-1] < part.from_slot or (part.to_slot is not None and slots[0] > part.to_slot)
    ):
        raise UpstreamInconsistentError("a page has transactions of slots that were not asked for")
    is_last = page.next_token is None
    closed = descent.closed_to_the_end(slots) if is_last else descent.closed_down_to(slots)
    return HistoryPage(entries, closed, page.decimals, METHOD)
