"""How long is a history? A page of signatures says it, or how dense the newest ones are; a second call, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc.core.estimate import Extent, extrapolated
from streamproc.errors import StrategyUnsupportedError
from streamproc.upstream.client.calls import FULL_CREDITS, Call
from streamproc.upstream.client.errors import rpc_fault
from streamproc.upstream.client.rpc import rpc_query
from streamproc.upstream.history.full_page import METHOD

if TYPE_CHECKING:
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

SIGNATURES_MAX = 1000  # what the service allows


class _Row(msgspec.Struct):
    slot: int


class _Rows(msgspec.Struct):
    data: list[_Row]
    paginationToken: str | None = None  # noqa: N815 - the wire's name


class _Fault(msgspec.Struct):
    code: int
    message: str = ""


class _Answer(msgspec.Struct):
    result: _Rows | None = None
    error: _Fault | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


async def probe(caller: Caller, url: str, wallet: str, permit: Permit) -> Extent:
    """The wallet's length for 10 credits, exact up to 1000 transactions; for 20 the extrapolation of a longer one.

    Raises StrategyUnsupportedError where the method is unknown, and what `Caller.ask` raises.
    """
    newest = await _listed(caller, url, wallet, permit, order="desc", limit=SIGNATURES_MAX)
    if newest.paginationToken is None or not newest.data:
        return Extent(wallet, len(newest.data), is_exact=newest.paginationToken is None)
    first = await _listed(caller, url, wallet, permit, order="asc", limit=1)
    oldest = first.data[0].slot if first.data else newest.data[-1].slot
    length = extrapolated(len(newest.data), newest.data[0].slot, newest.data[-1].slot, oldest)
    return Extent(wallet, length, is_exact=False)


async def _listed(
    caller: Caller, url: str, wallet: str, permit: Permit, *, order: str, limit: int
) -> _Rows:
    """Signatures from one end, ten credits flat."""
    options: dict[str, object] = {
        "transactionDetails": "signatures",
        "limit": limit,
        "sortOrder": order,
        "commitment": "finalized",
        "filters": {"status": "any", "tokenAccounts": "balanceChanged"},
    }
    call = Call("rpc", METHOD, FULL_CREDITS)
    answer = await caller.ask(rpc_query(url, call, [wallet, options], _ANSWER), permit)
    if answer.error is not None:
        raise rpc_fault(answer.error.code, answer.error.message)
    if answer.result is None:
        raise StrategyUnsupportedError("the answer lists nothing")
    return answer.result
