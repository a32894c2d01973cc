"""The JSON-RPC calls that the stand-in answers, each a function from parameters to a result and its credits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from streamproc.sandbox import known
from streamproc.sandbox.addresses import is_address
from streamproc.sandbox.counters import DAS_CREDITS, FULL_CREDITS, PLAIN_CREDITS, full_page_credits
from streamproc.sandbox.lies import lied_page
from streamproc.sandbox.paging import (
    INVALID_PARAMS,
    LIMIT_MAX,
    RpcError,
    cut_page,
    page_request,
)
from streamproc.sandbox.raw_form import token_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamproc.sandbox.archive import AccountState, Archive, Record, TokenState
    from streamproc.sandbox.counters import Counters

METHOD_NOT_FOUND: Final = -32601
ACCOUNTS_MAX: Final = 100
ASSETS_MAX: Final = 1000
V2_LIMIT_MAX: Final = 10_000


class Answer(NamedTuple):
    """A call's result as JSON bytes, and what it costs."""

    result: bytes
    credits: int


class Call(NamedTuple):
    """One JSON-RPC call with what it may look at; `lie` is a fault of the page, if any."""

    archive: Archive
    counters: Counters
    params: Any
    lie: str | None = None
    page_max: int | None = None  # pages are cut to this, whatever is asked for


def transactions_for_address(call: Call) -> Answer:
    """`getTransactionsForAddress`: pages of full transactions or of signatures."""
    request = page_request(_listed(call.params))
    if call.page_max is not None:
        request = replace(request, limit=min(request.limit, call.page_max))
    history = call.archive.history(request.address, request.token_accounts)
    records, token = cut_page(history, request)
    records, token = lied_page(call.archive, call.lie, request, records, token)
    page = orjson.dumps(call.params).decode()
    call.counters.served_page(request.address, page, len(records))
    if request.full:
        shown = [body for record in records if (body := call.archive.raw(record)) is not None]
        price = full_page_credits(len(records))
    else:
        shown = [orjson.dumps(_signature_row(record, with_index=True)) for record in records]
        price = FULL_CREDITS
    result = b'{"data":[' + b",".join(shown) + b'],"paginationToken":' + orjson.dumps(token) + b"}"
    return Answer(result, price)


def _signature_row(record: Record, *, with_index: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "signature": record.signature,
        "slot": record.slot,
        "err": {"InstructionError": [2, {"Custom": 6001}]} if record.failed else None,
        "memo": None,
        "blockTime": record.time,
        "confirmationStatus": "finalized",
    }
    return {**row, "transactionIndex": record.index} if with_index else row


def signatures_for_address(call: Call) -> Answer:
    """`getSignaturesForAddress`: newest first; knows only what names the address itself."""
    params = _listed(call.params)
    address, options = _address(params), _options(params)
    records = list(reversed(call.archive.history(address, "none")))
    signatures = [record.signature for record in records]
    before, until = options.get("before"), options.get("until")
    start = signatures.index(before) + 1 if before in signatures else 0
    end = signatures.index(until) if until in signatures else len(records)
    page = records[start : min(end, start + int(options.get("limit", LIMIT_MAX)))]
    return _plain([_signature_row(record, with_index=False) for record in page])


def transaction(call: Call) -> Answer:
    """`getTransaction`: one transaction, null when unknown."""
    params = _listed(call.params)
    record = call.archive.find(str(params[0])) if params else None
    body = call.archive.raw(record) if record is not None else None
    if body is None:
        return _plain(None)
    shown = orjson.loads(body)
    shown.pop("transactionIndex", None)
    return _plain(shown)


def slot(call: Call) -> Answer:
    """`getSlot`: the newest slot."""
    return _plain(call.archive.tip_slot)


def balance(call: Call) -> Answer:
    """`getBalance`: lamports, 0 for an address that was never funded."""
    account = call.archive.account(_address(_listed(call.params)))
    return _plain(_in_context(call, account.lamports if account else 0))


def account_info(call: Call) -> Answer:
    """`getAccountInfo`: one account, null when never funded."""
    account = call.archive.account(_address(_listed(call.params)))
    return _plain(_in_context(call, _shown_account(account)))


def multiple_accounts(call: Call) -> Answer:
    """`getMultipleAccounts`: up to a hundred accounts, null for never funded ones."""
    params = _listed(call.params)
    addresses = params[0] if params and isinstance(params[0], list) else None
    if addresses is None or len(addresses) > ACCOUNTS_MAX or not all(map(is_address, addresses)):
        raise RpcError(INVALID_PARAMS, f"Invalid params: up to {ACCOUNTS_MAX} addresses")
    shown = [_shown_account(call.archive.account(address)) for address in addresses]
    return _plain(_in_context(call, shown))


def _shown_account(account: AccountState | None) -> dict[str, Any] | None:
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
    return _plain(_in_context(call, [_shown_token_account(state) for state in states]))


def token_accounts_v2(call: Call) -> Answer:
    """`getTokenAccountsByOwnerV2`: in pages, in one shape or, with `withContext`, in the other."""
    options = _options(_listed(call.params), 2)
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
        return _plain(
            _in_context(
                call, {"accounts": shown, "paginationKey": key, "totalResults": len(states)}
            )
        )
    return _plain({"value": shown, "paginationKey": key, "totalResults": len(states)})


def _owned(call: Call) -> Sequence[TokenState]:
    params = _listed(call.params)
    program = _options(params).get("programId")
    if program not in {known.TOKEN, known.TOKEN_2022}:
        raise RpcError(INVALID_PARAMS, "Invalid params: unrecognized Token program id")
    return call.archive.token_accounts(_address(params), program)


def _shown_token_account(state: TokenState) -> dict[str, Any]:
    token_2022 = state.program == known.TOKEN_2022
    size = 170 if token_2022 else 165
    info = {
        "isNative": state.mint == known.WSOL,
        "mint": state.mint,
        "owner": state.owner,
        "state": "frozen" if state.frozen else "initialized",
        "tokenAmount": token_amount(state.amount, state.decimals),
    }
    data = {
        "program": "spl-token-2022" if token_2022 else "spl-token",
        "parsed": {"info": info, "type": "account"},
        "space": size,
    }
    account = {
        "data": data,
        "executable": False,
        "lamports": state.lamports,
        "owner": state.program,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": size,
    }
    return {"pubkey": state.address, "account": account}


def asset_batch(call: Call) -> Answer:
    """`getAssetBatch`: what is known of up to a thousand mints, null for the others, in an order of its own."""
    given = call.params[0] if isinstance(call.params, list) and call.params else call.params
    ids = given.get("ids") if isinstance(given, dict) else None
    if not isinstance(ids, list) or len(ids) > ASSETS_MAX:
        raise RpcError(INVALID_PARAMS, f"Invalid params: ids, up to {ASSETS_MAX}")
    shown = [_shown_asset(call, mint) for mint in sorted(map(str, ids))]
    return Answer(orjson.dumps(shown), DAS_CREDITS)


def _shown_asset(call: Call, mint: str) -> dict[str, Any] | None:
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


def _listed(params: object) -> list[Any]:
    if not isinstance(params, list):
        raise RpcError(INVALID_PARAMS, "Invalid params: expected a list")
    return params


def _address(params: list[Any]) -> str:
    if not params or not is_address(params[0]):
        raise RpcError(INVALID_PARAMS, "Invalid param: WrongSize")
    return str(params[0])


def _options(params: list[Any], position: int = 1) -> dict[str, Any]:
    options = params[position] if len(params) > position else None
    return options if isinstance(options, dict) else {}


def _in_context(call: Call, value: object) -> dict[str, Any]:
    return {"context": {"apiVersion": "2.2.7", "slot": call.archive.tip_slot}, "value": value}


def _plain(result: object) -> Answer:
    return Answer(orjson.dumps(result), PLAIN_CREDITS)


METHODS: Final[dict[str, Callable[[Call], Answer]]] = {
    "getTransactionsForAddress": transactions_for_address,
    "getSignaturesForAddress": signatures_for_address,
    "getTransaction": transaction,
    "getSlot": slot,
    "getBalance": balance,
    "getAccountInfo": account_info,
    "getMultipleAccounts": multiple_accounts,
    "getTokenAccountsByOwner": token_accounts,
    "getTokenAccountsByOwnerV2": token_accounts_v2,
    "getAssetBatch": asset_batch,
}
DAS_METHODS: Final = frozenset({"getAssetBatch"})
