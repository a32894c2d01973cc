"""The JSON-RPC calls about the accounts of a mint: the largest ones, and all that pass some filters."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import orjson
from solders.pubkey import Pubkey

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service.refusals import INVALID_PARAMS, RpcError
from streamproc.sandbox.service.rpc.call import (
    Answer,
    Call,
    address_of,
    in_context,
    listed,
    options_of,
    plain,
)
from streamproc.sandbox.wire.raw_form import token_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import Json
    from streamproc.sandbox.wire.archive import Holdings, TokenState

LARGEST_MAX: Final = 20
V2_LIMIT_MAX: Final = 10_000
SCAN_CREDITS: Final = 10  # of a list that is not paged
AMOUNT_OFFSET: Final = 64
AMOUNT_END: Final = 72


def largest_accounts(call: Call) -> Answer:
    """`getTokenLargestAccounts`: the accounts of a mint that hold most, without their owners."""
    mint = address_of(listed(call.params))
    if call.archive.mint(mint) is None:
        raise RpcError(INVALID_PARAMS, "Invalid param: not a Token mint")
    shown = [
        {"address": state.address, **token_amount(state.amount, state.decimals)}
        for state in call.archive.holdings(mint).largest(LARGEST_MAX)
    ]
    return plain(in_context(call, shown))


def program_accounts(call: Call) -> Answer:
    """`getProgramAccounts` of a token program: all accounts of one mint that pass the filters, in one answer."""
    holdings, numbers = _filtered(call)
    shown = [_shown(holdings.state(number), call) for number in numbers]
    return Answer(orjson.dumps(shown), SCAN_CREDITS)


def program_accounts_v2(call: Call) -> Answer:
    """`getProgramAccountsV2`: the same in pages; only a null key ends the list."""
    options = options_of(listed(call.params))
    limit = options.get("limit", V2_LIMIT_MAX)
    if not isinstance(limit, int) or not 1 <= limit <= V2_LIMIT_MAX:
        raise RpcError(INVALID_PARAMS, f"Invalid params: limit must be within 1..{V2_LIMIT_MAX}")
    if call.page_max is not None:
        limit = min(limit, call.page_max)
    holdings, numbers = _filtered(call)
    first = int(options.get("paginationKey") or 0)
    page = numbers[first : first + limit]
    key = str(first + limit) if first + limit < len(numbers) else None
    shown = [_shown(holdings.state(number), call) for number in page]
    return plain({"accounts": shown, "paginationKey": key})


def _filtered(call: Call) -> tuple[Holdings, Sequence[int]]:
    """Return the accounts of the mint that is asked for, and which of them pass the filter on amounts."""
    params = listed(call.params)
    program, options = address_of(params), options_of(params)
    compared = {
        each["memcmp"]["offset"]: each["memcmp"]
        for each in options.get("filters") or ()
        if "memcmp" in each
    }
    mint = str(compared.pop(0, {}).get("bytes"))
    if program not in {known.TOKEN, known.TOKEN_2022} or not is_address(mint):
        raise RpcError(INVALID_PARAMS, "Invalid params: a token program, and a filter for a mint")
    state = call.archive.mint(mint)
    holdings = call.archive.holdings(mint)
    if state is None or state.program != program:
        return holdings, []
    low, high = 0, 1 << 64
    for offset, each in compared.items():
        low, high = _amounts(offset, each)
    return holdings, holdings.numbers(low, high)


def _amounts(offset: int, compared: Json) -> tuple[int, int]:
    """Return which amounts have these bytes at their end, as a range; the amount lies least byte first."""
    try:
        content = base64.b64decode(compared["bytes"], validate=True)
    except (binascii.Error, ValueError):
        content = b""
    is_amount = offset >= AMOUNT_OFFSET and offset + len(content) == AMOUNT_END
    if compared.get("encoding") != "base64" or not content or not is_amount:
        raise RpcError(INVALID_PARAMS, "Invalid params: a filter for the upper bytes of amounts")
    bits = 8 * (offset - AMOUNT_OFFSET)
    upper = int.from_bytes(content, "little")
    return upper << bits, (upper + 1) << bits


def _shown(state: TokenState, call: Call) -> Json:
    """Return an account with the slice of its data that is asked for."""
    data = b"".join(
        (
            bytes(Pubkey.from_string(state.mint)),
            bytes(Pubkey.from_string(state.owner)),
            state.amount.to_bytes(AMOUNT_END - AMOUNT_OFFSET, "little"),
        )
    ).ljust(165, b"\0")
    cut = options_of(listed(call.params)).get("dataSlice") or {"offset": 0, "length": len(data)}
    shown = data[cut["offset"] : cut["offset"] + cut["length"]]
    account = {
        "lamports": state.lamports,
        "owner": state.program,
        "data": [base64.b64encode(shown).decode(), "base64"],
        "executable": False,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": len(data),
    }
    return {"pubkey": state.address, "account": account}
