"""The obvious way to what a page says: zlib, orjson and dicts, and then the same rules."""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import orjson

from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.ledger import entry_of

if TYPE_CHECKING:
    from streamproc.core.ledger.entries import Entry
    from streamproc.json_types import Json

GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


def plain_page(body: bytes, wallet: str) -> list[Entry]:
    """The entries of a compressed answer."""
    answer = orjson.loads(zlib.decompress(body, GZIP_WINDOW))
    return [entry_of(_transaction(item), wallet) for item in answer["result"]["data"]]


def _transaction(item: Json) -> Transaction:
    """Everything that a transaction says, changed or not, thinned out to what changed."""
    meta, message = item["meta"], item["transaction"]["message"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = message["accountKeys"] + loaded["writable"] + loaded["readonly"]
    balances = zip(keys, meta["preBalances"], meta["postBalances"], strict=True)
    lamports = {key: after - before for key, before, after in balances}
    tokens = _token_changes(keys, meta, lamports)
    return Transaction(
        signature=item["transaction"]["signatures"][0],
        slot=item["slot"],
        index=item["transactionIndex"],
        time=item["blockTime"],
        failed=meta["err"] is not None,
        fee=meta["fee"],
        payer=keys[0],
        lamports={key: change for key, change in lamports.items() if change},
        tokens=[each for each in tokens if each.units or lamports.get(each.account)],
    )


def _token_changes(keys: list[str], meta: Json, lamports: dict[str, int]) -> list[TokenChange]:
    """What each owner's account of each mint gained; an account that changed its owner is two."""
    units: dict[tuple[int, str, str], int] = defaultdict(int)
    decimals: dict[str, int] = {}
    last: dict[int, str] = {}
    for sign, rows in ((-1, meta["preTokenBalances"]), (1, meta["postTokenBalances"])):
        for row in rows or ():
            owner = row.get("owner", "")
            units[row["accountIndex"], owner, row["mint"]] += sign * int(
                row["uiTokenAmount"]["amount"]
            )
            decimals[row["mint"]] = row["uiTokenAmount"]["decimals"]
            last[row["accountIndex"]] = owner
    changes = []
    for (index, owner, mint), moved in units.items():
        account = keys[index]
        if owner != last[index]:
            account = f"{account} of {owner}"
            if mint == "So11111111111111111111111111111111111111112":
                lamports[account] = moved
                lamports[keys[index]] -= moved
        changes.append(TokenChange(account, owner, mint, moved, decimals[mint]))
    return changes
