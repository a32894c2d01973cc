"""The token accounts of a wallet now, of both token programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc import limits
from streamproc.core.chain.balances import TokenAccount
from streamproc.core.chain.solana import TOKEN_PROGRAMS, is_address
from streamproc.errors import (
    StrategyUnsupportedError,
    UpstreamInconsistentError,
    UpstreamTimeoutError,
)
from streamproc.json_types import Json, JsonValue
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.page_size import PageMemory, PageSize
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import reader, rpc_query, rpc_request
from streamproc.upstream.client.sanitize import decimals

if TYPE_CHECKING:
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

PAGED: Final = "getTokenAccountsByOwnerV2"
WHOLE: Final = "getTokenAccountsByOwner"
U64_DIGITS: Final = 20


class _Amount(msgspec.Struct):
    amount: str
    decimals: JsonValue = None


class _Info(msgspec.Struct):
    mint: str
    owner: str
    tokenAmount: _Amount  # noqa: N815 - the wire's name, as below
    state: str = "initialized"


class _Parsed(msgspec.Struct):
    info: _Info


class _Data(msgspec.Struct):
    parsed: _Parsed


class _Inner(msgspec.Struct):
    data: _Data


class _Listed(msgspec.Struct):
    account: _Inner


class _Nested(msgspec.Struct):
    accounts: list[_Listed]
    paginationKey: str | None = None  # noqa: N815


class _Result(msgspec.Struct):
    """Both shapes of a page: the key beside the list, or with it inside `value`."""

    value: list[_Listed] | _Nested
    paginationKey: str | None = None  # noqa: N815


class _Answer(msgspec.Struct):
    result: _Result


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class TokenAccounts:
    """Lists token accounts; pages where the endpoint has them, else all of a program at once."""

    def __init__(self, caller: Caller, rpc_url: str) -> None:
        """Ask there."""
        self._caller = caller
        self._url = rpc_url
        self._is_paged = True

    async def of(
        self, owner: str, permit: Permit, *, most: int | None = limits.TOKEN_ACCOUNTS_MAX
    ) -> list[TokenAccount] | None:
        """All token accounts of a wallet; None when it has more than `most`.

        Only a count classifies a wallet: time-outs and failures raise.
        """
        found: list[TokenAccount] = []
        for program in TOKEN_PROGRAMS:
            found += await self._listed(owner, program, permit, most)
            if most is not None and len(found) > most:
                return None
        return found

    async def _listed(
        self, owner: str, program: str, permit: Permit, most: int | None
    ) -> list[TokenAccount]:
        """The token accounts of one program; when there are more than `most`, at least one more than that."""
        if self._is_paged:
            try:
                return await self._in_pages(owner, program, permit, most)
            except StrategyUnsupportedError:
                self._is_paged = False
        options = {"encoding": "jsonParsed", "commitment": "finalized"}
        params = [owner, {"programId": program}, options]
        call = Call("rpc", WHOLE, PLAIN_CREDITS)
        answer = await self._caller.ask(rpc_query(self._url, call, params, _ANSWER), permit)
        return _read(answer.result, owner)[0]

    async def _in_pages(
        self, owner: str, program: str, permit: Permit, most: int | None
    ) -> list[TokenAccount]:
        """As `_listed`, page by page; a page that takes too long is halved."""
        found: list[TokenAccount] = []
        size, key, keys = PageSize(_whole_pages()), None, set[str]()
        while True:
            asked = size.size
            try:
                answer = await self._caller.ask(self._page(owner, program, key, asked), permit)
            except UpstreamTimeoutError as error:
                size.shrink(error, asked)
                continue
            size.answered(asked)
            accounts, key = _read(answer.result, owner)
            found += accounts
            if key is None or (most is not None and len(found) > most):
                return found
            if most is not None and len(found) == most and accounts:
                # A key after exactly that many may lead to nothing: the next page tells.
                size = PageSize(PageMemory(limits.HISTORY_PAGE_MIN, limits.HISTORY_PAGE_MIN))
            if key in keys or len(keys) >= limits.TOKEN_ACCOUNT_PAGES_MAX:
                raise UpstreamInconsistentError(
                    f"the list of token accounts of {owner} does not end"
                )
            keys.add(key)

    def _page(self, owner: str, program: str, key: str | None, limit: int) -> Query[_Answer]:
        """The call for one page."""
        options: Json = {
            "encoding": "jsonParsed",
            "commitment": "finalized",
            "limit": limit,
        }
        if key is not None:
            options["paginationKey"] = key
        params = [owner, {"programId": program}, options]
        return Query(
            call=Call("rpc", PAGED, PLAIN_CREDITS),
            request=rpc_request(self._url, PAGED, params),
            read=reader(_ANSWER),
            is_divisible=limit > limits.HISTORY_PAGE_MIN,
        )


def _read(result: _Result, owner: str) -> tuple[list[TokenAccount], str | None]:
    """The accounts of either shape, and the key of the next page.

    Raises UpstreamInconsistentError for accounts of another owner and for what is no account: without one of them no
    balance would be whole.
    """
    listed = result.value.accounts if isinstance(result.value, _Nested) else result.value
    key = result.value.paginationKey if isinstance(result.value, _Nested) else result.paginationKey
    return [_account(each.account.data.parsed.info, owner) for each in listed], key


def _account(info: _Info, owner: str) -> TokenAccount:
    """One account of this owner."""
    if info.owner != owner:
        raise UpstreamInconsistentError(
            f"asked for token accounts of {owner}, got one of another owner"
        )
    units = info.tokenAmount.amount
    if not (units.isdecimal() and units.isascii() and len(units) <= U64_DIGITS):
        raise UpstreamInconsistentError("a token account holds what is no amount")
    if not is_address(info.mint):
        raise UpstreamInconsistentError("a token account's mint is no address")
    found = decimals(info.tokenAmount.decimals)
    return TokenAccount(info.mint, units, found, info.state == "frozen")


def _whole_pages() -> PageMemory:
    """The largest pages there are."""
    return PageMemory(limits.TOKEN_ACCOUNTS_PAGE, limits.TOKEN_ACCOUNTS_PAGE)
