"""The token accounts of a mint: owners and amounts alone, in pages where the endpoint has them, or all at once."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.core.cohort.holders import HeldAccount
from streamproc.errors import (
    StrategyUnsupportedError,
    UpstreamInconsistentError,
    UpstreamTimeoutError,
)
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import reader, rpc_query, rpc_request

if TYPE_CHECKING:
    from streamproc.core.cohort.bands import Band
    from streamproc.json_types import Json
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller
    from streamproc.upstream.cohorts.mints import Mint

PAGED: Final = "getProgramAccountsV2"
WHOLE: Final = "getProgramAccounts"
LARGEST: Final = "getTokenLargestAccounts"
WHOLE_CREDITS: Final = 10
# Of an account's data: mint, owner, amount. The first is known, the others are asked for.
MINT_OFFSET: Final = 0
OWNER_OFFSET: Final = 32
OWNER_BYTES: Final = 32
SLICE_BYTES: Final = 40


class _Inner(msgspec.Struct):
    data: tuple[str, str]


class _Listed(msgspec.Struct):
    pubkey: str
    account: _Inner


class _Page(msgspec.Struct):
    accounts: list[_Listed]
    paginationKey: str | None = None  # noqa: N815 - the wire's name


class _PageAnswer(msgspec.Struct):
    result: _Page


class _WholeAnswer(msgspec.Struct):
    result: list[_Listed]


class _Amount(msgspec.Struct):
    amount: str


class _Amounts(msgspec.Struct):
    value: list[_Amount]


class _AmountsAnswer(msgspec.Struct):
    result: _Amounts


_PAGE: Final = msgspec.json.Decoder(_PageAnswer)
_WHOLE: Final = msgspec.json.Decoder(_WholeAnswer)
_AMOUNTS: Final = msgspec.json.Decoder(_AmountsAnswer)


class AccountPage(NamedTuple):
    """Token accounts in no order, and the key of the next page; None after the last one."""

    accounts: list[HeldAccount]
    next_key: str | None


class MintAccounts:
    """Asks for the accounts of one mint, and counts the calls."""

    def __init__(self, caller: Caller, rpc_url: str, mint: Mint, permit: Permit) -> None:
        """Ask there, on behalf of one request."""
        self._caller = caller
        self._url = rpc_url
        self._mint = mint
        self._permit = permit
        self._size = limits.COHORT_PAGE_ACCOUNTS
        self._is_paged = True
        self.calls = 0

    async def largest(self) -> list[int]:
        """The largest amounts that accounts hold, at most 20; the supply where the endpoint does not know them."""
        call = Call("rpc", LARGEST, PLAIN_CREDITS)
        params = [self._mint.address, {"commitment": "finalized"}]
        self.calls += 1
        try:
            answer = await self._caller.ask(
                rpc_query(self._url, call, params, _AMOUNTS), self._permit
            )
        except StrategyUnsupportedError:
            return [self._mint.supply]
        found = [each.amount for each in answer.result.value]
        return [int(amount) for amount in found if amount.isdecimal() and amount.isascii()]

    async def page(self, key: str | None = None, band: Band | None = None) -> AccountPage:
        """One page of all accounts, or of those whose amount is in a band; a page that takes too long is halved."""
        while self._is_paged:
            size = self._size
            self.calls += 1
            try:
                answer = await self._caller.ask(self._query(key, band, size), self._permit)
            except UpstreamTimeoutError:
                if size <= limits.COHORT_PAGE_LEAST_ACCOUNTS:
                    raise
                self._size = min(self._size, max(limits.COHORT_PAGE_LEAST_ACCOUNTS, size // 2))
                continue
            except StrategyUnsupportedError:
                self._is_paged = False
                break
            found = answer.result
            if found.paginationKey is not None and found.paginationKey == key:
                raise UpstreamInconsistentError("the list of a mint's accounts does not move on")
            return AccountPage([_account(each) for each in found.accounts], found.paginationKey)
        return await self._at_once(band)

    async def _at_once(self, band: Band | None) -> AccountPage:
        """All accounts, or all of a band, in one answer: any provider's nodes know this."""
        call = Call("rpc", WHOLE, WHOLE_CREDITS)
        params = [self._mint.program, self._options(band)]
        self.calls += 1
        query = rpc_query(self._url, call, params, _WHOLE, is_divisible=True)
        answer = await self._caller.ask(query, self._permit)
        return AccountPage([_account(each) for each in answer.result], None)

    def _query(self, key: str | None, band: Band | None, size: int) -> Query[_PageAnswer]:
        """The call for one page."""
        options = {**self._options(band), "limit": size}
        if key is not None:
            options["paginationKey"] = key
        return Query(
            call=Call("rpc", PAGED, PLAIN_CREDITS),
            request=rpc_request(self._url, PAGED, [self._mint.program, options]),
            read=reader(_PAGE),
            is_divisible=size > limits.COHORT_PAGE_LEAST_ACCOUNTS,
        )

    def _options(self, band: Band | None) -> Json:
        """What both methods are asked: the accounts of this mint and band, and of each owner and amount alone."""
        filters = [{"memcmp": {"offset": MINT_OFFSET, "bytes": self._mint.address}}]
        if band is not None:
            content = base64.b64encode(band.content).decode()
            filters.append(
                {"memcmp": {"offset": band.offset, "bytes": content, "encoding": "base64"}}
            )
        return {
            "encoding": "base64",
            "commitment": "finalized",
            "filters": filters,
            "dataSlice": {"offset": OWNER_OFFSET, "length": SLICE_BYTES},
        }


def _account(listed: _Listed) -> HeldAccount:
    """One account; raises UpstreamInconsistentError for what is none: without one of them no order would be right."""
    try:
        data = base64.b64decode(listed.account.data[0], validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != SLICE_BYTES:
        raise UpstreamInconsistentError("a token account of the mint cannot be read")
    owner = Pubkey.from_bytes(data[:OWNER_BYTES])
    return HeldAccount(listed.pubkey, str(owner), int.from_bytes(data[OWNER_BYTES:], "little"))
