"""The first buyers of a mint: its history in full transactions from the first one on, until enough have bought."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.core.cohort.buyers import FirstBuyers, purchase_page
from streamproc.core.ledger.entries import RpcError
from streamproc.errors import (
    CohortError,
    CreditBudgetExceededError,
    StrategyUnsupportedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from streamproc.events import CohortCoverage
from streamproc.upstream.client.calls import Call, full_page_credits
from streamproc.upstream.client.errors import PlanRefusedError, rpc_fault
from streamproc.upstream.client.page_size import PageMemory, PageSize
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import rpc_request
from streamproc.upstream.client.sanitize import mended
from streamproc.upstream.history.full_page import METHOD, TRANSACTION_VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from streamproc.core.cohort.buyers import PurchasePage
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

PAGE_PER_BUYER: Final = 2  # transactions of a first page for each buyer wanted


class HistoryReading(NamedTuple):
    """How much of a mint's history has been read, and whether the bound ended it."""

    transactions: int
    unreadable: int
    is_over: bool = False
    is_bounded: bool = False


async def read_purchases(
    caller: Caller,
    rpc_url: str,
    mint: str,
    permit: Permit,
    buyers: FirstBuyers,
    *,
    before: int,
    count: int,
) -> AsyncGenerator[HistoryReading, None]:
    """Fill the buyers page by page, oldest first, and say after each what has been read; whoever has enough stops.

    Raises CohortError `cohort_unsupported` where the upstream lists no history from its beginning.
    """
    most = limits.COHORT_BASE_TRANSACTIONS + limits.COHORT_BUYER_TRANSACTIONS * count
    first = max(limits.COHORT_PAGE_TRANSACTIONS, PAGE_PER_BUYER * count)
    size = PageSize(PageMemory(min(first, limits.HISTORY_PAGE_MAX), limits.HISTORY_PAGE_MAX))
    reading, token = HistoryReading(0, 0), None
    while True:
        asked = size.size
        try:
            page = await caller.ask(_query(rpc_url, mint, token, asked, before), permit)
        except (UpstreamTimeoutError, CreditBudgetExceededError) as error:
            size.shrink(error, asked)
            continue
        except (StrategyUnsupportedError, PlanRefusedError) as error:
            why = f"first buyers need {METHOD}, which this upstream or plan does not have"
            raise CohortError("cohort_unsupported", why) from error
        size.answered(asked)
        if page.next_token is not None and page.next_token == token:
            raise UpstreamUnavailableError("the history of the mint does not move on")
        buyers.add(page.purchases)
        token, read = page.next_token, reading.transactions + page.transactions
        unreadable = reading.unreadable + page.unreadable
        reading = HistoryReading(
            read, unreadable, token is None, token is not None and read >= most
        )
        yield reading
        if reading.is_over or reading.is_bounded:
            return


def _query(url: str, mint: str, token: str | None, limit: int, before: int) -> Query[PurchasePage]:
    """The call for one page of what names the mint: opening an account for a token does."""
    options: dict[str, object] = {
        "transactionDetails": "full",
        "limit": limit,
        "sortOrder": "asc",
        "commitment": "finalized",
        "encoding": "json",
        "maxSupportedTransactionVersion": TRANSACTION_VERSION,
        "filters": {
            "blockTime": {"lt": before},
            "status": "succeeded",
            "tokenAccounts": "none",
        },
    }
    if token is not None:
        options["paginationToken"] = token
    return Query(
        call=Call("rpc", METHOD, full_page_credits(limit)),
        request=rpc_request(url, METHOD, [mint, options]),
        read=partial(_read, mint),
        cost=lambda page: full_page_credits(page.transactions),
        is_divisible=limit > limits.HISTORY_PAGE_MIN,
        is_heavy=True,
    )


def _read(mint: str, body: bytes | bytearray) -> PurchasePage:
    """The page that an answer is; raises what its error means."""
    try:
        page = purchase_page(mint, body)
    except UpstreamUnavailableError:
        page = purchase_page(mint, mended(body))
    if isinstance(page, RpcError):
        raise rpc_fault(page.code, page.message)
    return page


def history_coverage(reading: HistoryReading, *, is_enough: bool) -> CohortCoverage:
    """What a choice of buyers rests on."""
    is_bounded = reading.is_bounded and not is_enough
    return CohortCoverage(
        state="bounded" if is_bounded else "whole",
        transactions=reading.transactions,
        unreadable=reading.unreadable,
        reason=(
            f"{reading.transactions} transactions were read, which is what so many buyers may take"
            if is_bounded
            else None
        ),
    )
