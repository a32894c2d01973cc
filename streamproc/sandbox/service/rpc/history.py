"""The JSON-RPC calls that list transactions: in pages, by signature, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from streamproc.sandbox.service.counters import FULL_CREDITS, full_page_credits
from streamproc.sandbox.service.rpc.bad_pages import lied_page
from streamproc.sandbox.service.rpc.call import Answer, Call, address_of, listed, options_of, plain
from streamproc.sandbox.service.rpc.paging import LIMIT_MAX, cut_page, limit_of, page_request
from streamproc.sandbox.service.versions import refuse_newer, version_of

if TYPE_CHECKING:
    from streamproc.sandbox.wire.archive import Record


def transactions_for_address(call: Call) -> Answer:
    """`getTransactionsForAddress`: pages of full transactions or of signatures."""
    request = page_request(listed(call.params))
    if call.page_max is not None:
        request = replace(request, limit=min(request.limit, call.page_max))
    history = call.archive.history(request.address, request.token_accounts)
    records, token = cut_page(history, request)
    records, token = lied_page(call.archive, call.lie, request, records, token)
    page = orjson.dumps(call.params).decode()
    call.counters.served_page(request.address, page, len(records))
    if request.full:
        refuse_newer(records, request.reads_version)
        shown = [body for record in records if (body := call.archive.raw(record)) is not None]
        price = full_page_credits(len(records))
    else:
        shown = [orjson.dumps(_signature_row(record, with_index=True)) for record in records]
        price = FULL_CREDITS
    result = b'{"data":[' + b",".join(shown) + b'],"paginationToken":' + orjson.dumps(token) + b"}"
    return Answer(result, price)


def _signature_row(record: Record, *, with_index: bool) -> dict[str, object]:
    row: dict[str, object] = {
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
    params = listed(call.params)
    address, options = address_of(params), options_of(params)
    records = list(reversed(call.archive.history(address, "none")))
    signatures = [record.signature for record in records]
    before, until = options.get("before"), options.get("until")
    start = signatures.index(before) + 1 if before in signatures else 0
    end = signatures.index(until) if until in signatures else len(records)
    limit = limit_of(options.get("limit"), LIMIT_MAX)
    page = records[start : min(end, start + limit)]
    return plain([_signature_row(record, with_index=False) for record in page])


def transaction(call: Call) -> Answer:
    """`getTransaction`: one transaction, null when unknown."""
    params = listed(call.params)
    declared = version_of(options_of(params))
    record = call.archive.find(str(params[0])) if params else None
    if record is not None:
        refuse_newer([record], declared)
    body = call.archive.raw(record) if record is not None else None
    if body is None:
        return plain(None)
    shown = orjson.loads(body)
    shown.pop("transactionIndex", None)
    return plain(shown)
