"""One page of full transactions: the call for it, how it is read, and what is wrong with a page that lies."""

from __future__ import annotations

import time
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.core.ledger.entries import RpcError
from streamproc.core.wire.raw import raw_page
from streamproc.errors import UpstreamInconsistentError, UpstreamUnavailableError
from streamproc.upstream.client.calls import Call, full_page_credits
from streamproc.upstream.client.errors import rpc_fault
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import rpc_request
from streamproc.upstream.client.sanitize import mended, plausible_packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.ledger.packed import PackedPage

METHOD: Final = "getTransactionsForAddress"
TRANSACTION_VERSION: Final = 1  # the newest one that the parser reads; every call declares it


class Part(NamedTuple):
    """Slots that are asked for with one filter, from one end."""

    from_slot: int
    to_slot: int | None
    token_accounts: str
    is_ascending: bool = False


def full_page_query(
    url: str, wallet: str, part: Part, token: str | None, limit: int
) -> Query[PackedPage]:
    """The call for one page."""
    slots = {"gte": part.from_slot}
    if part.to_slot is not None:
        slots["lte"] = part.to_slot
    options: dict[str, object] = {
        "transactionDetails": "full",
        "limit": limit,
        "sortOrder": "asc" if part.is_ascending else "desc",
        "commitment": "finalized",
        "encoding": "json",
        "maxSupportedTransactionVersion": TRANSACTION_VERSION,
        "filters": {"slot": slots, "status": "any", "tokenAccounts": part.token_accounts},
    }
    if token is not None:
        options["paginationToken"] = token

    return Query(
        call=Call("rpc", METHOD, full_page_credits(limit)),
        request=rpc_request(url, METHOD, [wallet, options]),
        read=partial(_read, wallet),
        cost=lambda page: full_page_credits(page.transactions),
        is_divisible=limit > limits.HISTORY_PAGE_MIN,
        is_heavy=True,
    )


def _read(wallet: str, body: bytes | bytearray) -> PackedPage:
    """The page that an answer is; raises what its error means."""
    try:
        page = raw_page(body, wallet)
    except UpstreamUnavailableError:
        page = raw_page(mended(body), wallet)
    if isinstance(page, RpcError):
        raise rpc_fault(page.code, page.message)
    return plausible_packed(page, wallet, time.time())


def check_order(slots: Sequence[int], part: Part) -> None:
    """Raise UpstreamInconsistentError when a page's slots are not those that were asked for, in the order asked for."""
    downwards = slots[::-1] if part.is_ascending else slots
    if any(later > earlier for earlier, later in pairwise(downwards)):
        raise UpstreamInconsistentError("a page is not in the order of slots that was asked for")
    if not _are_within(downwards, part):
        raise UpstreamInconsistentError("a page has transactions of slots that were not asked for")


def _are_within(downwards: Sequence[int], part: Part) -> bool:
    """Whether all slots, the highest first, are of the part."""
    if not downwards:
        return True
    is_below = part.to_slot is None or downwards[0] <= part.to_slot
    return is_below and downwards[-1] >= part.from_slot
