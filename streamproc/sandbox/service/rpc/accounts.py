"""The JSON-RPC calls about the present: accounts, token accounts, assets, the chain's tip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service.counters import DAS_CREDITS
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
    from streamproc.sandbox.wire.archive import AccountState, TokenState

ACCOUNTS_MAX: Final = 100
ASSETS_MAX: Final = 1000
V2_LIMIT_MAX: Final = 10_000


def slot(call: Call) -> Answer:
    """`getSlot`: the newest slot."""
    return plain(call.archive.tip_slot)


def health(call: Call) -> Answer:  # noqa: ARG001 - every method takes its call
    """`getHealth`: always ok."""
    return plain("ok")


def minimum_balance(call: Call) -> Answer:
    """`getMinimumBalanceForRentExemption`: what an account of so many bytes keeps today, in lamports."""
    params = listed(call.params)
    size = params[0] if params else None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise RpcError(INVALID_PARAMS, "Invalid params: expected a number of bytes")
    return plain(rents.rent(size, rents.rate_at(call.archive.tip_slot)))


def balance(call: Call) -> Answer:
    """`getBalance`: lamports, 0 for an address that was never funded."""
    account = call.archive.account(address_of(listed(call.params)))
    return plain(in_context(call, account.lamports if account else 0))


def account_info(call: Call) -> Answer:
    """`getAccountInfo`: one account, null when never funded; with jsonParsed a mint or token account as it is read."""
    params = listed(call.params)
    address = address_of(params)
    account = call.archive.account(address)
    shown = _shown_account(account)
    if account is not None and shown and options_of(params).get("encoding") == "jsonParsed":
        shown |= _parsed(call, address, account)
    return plain(in_context(call, shown))


def _parsed(call: Call, address: str, account: AccountState) -> Json:
    """Return the data of a token program's account as it is read; nothing for any other."""
    mint, token = call.archive.mint(address), call.archive.token_account(address)
    if mint is not None:
        info: Json = {
            "decimals": mint.decimals,
            "freezeAuthority": None,
            "isInitialized": True,
            "mintAuthority": None,
            "supply": str(mint.supply),
        }
        parsed: Json = {"info": info, "type": "mint"}
    elif token is not None:
        return {"data": _shown_data(token)}
    else:
        return {}
    program = "spl-token-2022" if account.owner == known.TOKEN_2022 else "spl-token"
    return {"data": {"program": program, "parsed": parsed, "space": account.space}}


def multiple_accounts(call: Call) -> Answer:
    """`getMultipleAccounts`: up to a hundred accounts, null for never funded ones."""
    params = listed(call.params)
    addresses = params[0] if params and isinstance(params[0], list) else None
    if addresses is None or len(addresses) > ACCOUNTS_MAX or not all(map(is_address, addresses)):
        raise RpcError(INVALID_PARAMS, f"Invalid params: up to {ACCOUNTS_MAX} addresses")
    shown = [_shown_account(call.archive.account(address)) for address in addresses]
    return plain(in_context(call, shown))


def _shown_account(account: AccountState | None) -> Json | None:
    if account is None:
        return None
    return {
        "lamports": account.lamports,
        "owner": account.owner,
        "executable": account.executable,
        "data": ["", "base64"],
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": account.space,
    }


def token_accounts(call: Call) -> Answer:
    """`getTokenAccountsByOwner` under one token program, encoding jsonParsed."""
    states = _owned(call)
    return plain(in_context(call, [_shown_token_account(state) for state in states]))


def token_accounts_v2(call: Call) -> Answer:
    """`getTokenAccountsByOwnerV2`: in pages, in one shape or, with `withContext`, in the other."""
    options = options_of(listed(call.params), 2)
    limit = options.get("limit", V2_LIMIT_MAX)
    if not isinstance(limit, int) or not 1 <= limit <= V2_LIMIT_MAX:
        raise RpcError(INVALID_PARAMS, f"Invalid params: limit must be within 1..{V2_LIMIT_MAX}")
    states = sorted(_owned(call), key=lambda state: state.address)
    after = options.get("paginationKey")
    rest = [state for state in states if after is None or state.address > after]
    page = rest[:limit]
    key = page[-1].address if len(rest) > limit else None
    shown = [_shown_token_account(state) for state in page]
    if options.get("withContext"):
        return plain(
            in_context(call, {"accounts": shown, "paginationKey": key, "totalResults": len(states)})
        )
    return plain({"value": shown, "paginationKey": key, "totalResults": len(states)})


def _owned(call: Call) -> Sequence[TokenState]:
    params = listed(call.params)
    program = options_of(params).get("programId")
    if program not in {known.TOKEN, known.TOKEN_2022}:
        raise RpcError(INVALID_PARAMS, "Invalid params: unrecognized Token program id")
    return call.archive.token_accounts(address_of(params), program)


def _shown_token_account(state: TokenState) -> Json:
    account = {
        "data": _shown_data(state),
        "executable": False,
        "lamports": state.lamports,
        "owner": state.program,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": _size(state),
    }
    return {"pubkey": state.address, "account": account}


def _shown_data(state: TokenState) -> Json:
    info = {
        "isNative": state.mint == known.WSOL,
        "mint": state.mint,
        "owner": state.owner,
        "state": "frozen" if state.frozen else "initialized",
        "tokenAmount": token_amount(state.amount, state.decimals),
    }
    program = "spl-token-2022" if state.program == known.TOKEN_2022 else "spl-token"
    return {
        "program": program,
        "parsed": {"info": info, "type": "account"},
        "space": _size(state),
    }


def _size(state: TokenState) -> int:
    return 170 if state.program == known.TOKEN_2022 else 165


def asset_batch(call: Call) -> Answer:
    """`getAssetBatch`: what is known of up to a thousand mints, null for the others, in an order of its own."""
    given = call.params[0] if isinstance(call.params, list) and call.params else call.params
    ids = given.get("ids") if isinstance(given, dict) else None
    if not isinstance(ids, list) or len(ids) > ASSETS_MAX:
        raise RpcError(INVALID_PARAMS, f"Invalid params: ids, up to {ASSETS_MAX}")
    shown = [_shown_asset(call, mint) for mint in sorted(map(str, ids))]
    return Answer(orjson.dumps(shown), DAS_CREDITS)


def _shown_asset(call: Call, mint: str) -> dict[str, object] | None:
    asset = call.archive.asset(mint)
    if asset is None:
        return None
    return {
        "interface": "FungibleToken",
        "id": mint,
        "content": {
            "json_uri": f"https://metadata.example/{mint}.json",
            "files": [{"uri": asset.image, "mime": "image/png"}] if asset.image else [],
            "metadata": {"name": asset.name, "symbol": asset.symbol, "token_standard": "Fungible"},
            "links": {"image": asset.image} if asset.image else {},
        },
        "token_info": {
            "symbol": asset.symbol,
            "supply": asset.supply,
            "decimals": asset.decimals,
            "token_program": asset.program,
        },
        "mutable": False,
        "burnt": False,
    }
