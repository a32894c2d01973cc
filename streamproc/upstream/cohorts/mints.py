"""A mint as it is now, or why an address is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streamproc.core.chain.solana import TOKEN_PROGRAMS
from streamproc.errors import CohortError, UpstreamInconsistentError, UpstreamRejectedError
from streamproc.json_types import JsonValue
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.rpc import rpc_query
from streamproc.upstream.client.sanitize import decimals

if TYPE_CHECKING:
    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.retry import Caller

METHOD: Final = "getAccountInfo"
U64_DIGITS: Final = 20


class Mint(NamedTuple):
    """A mint: its token program, decimals, supply in base units, and the slot at which that held."""

    address: str
    program: str
    decimals: int
    supply: int
    slot: int


class _Info(msgspec.Struct):
    supply: str = "0"
    decimals: JsonValue = None


class _Parsed(msgspec.Struct):
    info: _Info
    type: str


class _Data(msgspec.Struct):
    parsed: _Parsed


class _Context(msgspec.Struct):
    slot: int


class _Result(msgspec.Struct):
    context: _Context
    value: msgspec.Raw


class _Answer(msgspec.Struct):
    result: _Result


class _Owned(msgspec.Struct):
    owner: str


class _MintAccount(msgspec.Struct):
    owner: str
    data: _Data


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_OWNED: Final = msgspec.json.Decoder(_Owned | None)
_MINT: Final = msgspec.json.Decoder(_MintAccount)


async def mint_at(caller: Caller, rpc_url: str, address: str, permit: Permit) -> Mint:
    """The mint at this address; raises CohortError when there is none: `unknown_mint` or `not_a_mint`."""
    options = {"encoding": "jsonParsed", "commitment": "finalized"}
    call = Call("rpc", METHOD, PLAIN_CREDITS)
    try:
        answer = await caller.ask(rpc_query(rpc_url, call, [address, options], _ANSWER), permit)
    except UpstreamRejectedError as error:
        raise CohortError("unknown_mint", f"the upstream knows no account {address}") from error
    try:
        owned = _OWNED.decode(answer.result.value)
    except msgspec.DecodeError as error:
        raise UpstreamInconsistentError("the mint's account cannot be read") from error
    if owned is None:
        raise CohortError("unknown_mint", f"there is no account {address}")
    if owned.owner not in TOKEN_PROGRAMS:
        raise CohortError("not_a_mint", f"{address} is an account of {owned.owner}, and no mint")
    return _read(address, answer.result)


def _read(address: str, result: _Result) -> Mint:
    """The mint in an account of a token program."""
    try:
        account = _MINT.decode(result.value)
    except msgspec.DecodeError as error:
        raise UpstreamInconsistentError("the mint's account cannot be read") from error
    parsed = account.data.parsed
    if parsed.type != "mint":
        raise CohortError("not_a_mint", f"{address} is a token {parsed.type}, and no mint")
    supply, places = parsed.info.supply, decimals(parsed.info.decimals)
    if not (supply.isdecimal() and supply.isascii() and len(supply) <= U64_DIGITS):
        raise UpstreamInconsistentError("a mint's supply is no amount")
    if places is None:
        raise UpstreamInconsistentError("a mint has no decimals")
    return Mint(address, account.owner, places, int(supply), result.context.slot)
