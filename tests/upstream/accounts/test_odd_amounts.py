"""Amounts past 64 bits, mints with 0 and 18 decimals, blocks without a time: from either list to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from solders.pubkey import Pubkey

from streamproc.core.result.wallet_analysis import History, Scope, analyze
from streamproc.store import StoredPage, open_store
from streamproc.upstream import unlimited
from tests.upstream.services import (
    OTHER,
    SLOT,
    WALLET,
    Clock,
    answered,
    enhanced,
    opened,
    raw,
    rpc_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.real

MOST = 2**64 - 1  # what a token account can hold
DECIMALS = {str(Pubkey.from_bytes(bytes([30 + each]) * 32)): each for each in (0, 6, 18)}
ACCOUNTS = [str(Pubkey.from_bytes(bytes([60 + each]) * 32)) for each in range(2 * len(DECIMALS))]


def _rows(sign: int) -> list[tuple[str, str, str, int]]:
    """Account, owner, mint and change: all that there is goes from another's account to the wallet's, or back."""
    return [
        (ACCOUNTS[2 * place + side], owner, mint, MOST * (sign if side else -sign))
        for place, mint in enumerate(DECIMALS)
        for side, owner in enumerate((OTHER, WALLET))
    ]


def _raw(number: int, sign: int) -> dict[str, Any]:
    item = raw(SLOT + number, number)
    item["blockTime"] = None
    item["version"] = 0
    item["transaction"]["message"]["accountKeys"] += ACCOUNTS
    rent = [2_039_280] * len(ACCOUNTS)
    item["meta"]["preBalances"] += rent
    item["meta"]["postBalances"] += rent
    for name, is_after in (("preTokenBalances", False), ("postTokenBalances", True)):
        item["meta"][name] = [
            {
                "accountIndex": 1 + ACCOUNTS.index(account),
                "mint": mint,
                "owner": owner,
                "uiTokenAmount": {
                    "amount": str(MOST if (change > 0) is is_after else 0),
                    "decimals": DECIMALS[mint],
                },
            }
            for account, owner, mint, change in _rows(sign)
        ]
    return item


def _enhanced(number: int, sign: int) -> dict[str, Any]:
    item = {**enhanced(SLOT + number, number), "timestamp": None}
    item["accountData"] += [
        {
            "account": account,
            "nativeBalanceChange": 0,
            "tokenBalanceChanges": [
                {
                    "userAccount": owner,
                    "tokenAccount": account,
                    "mint": mint,
                    "rawTokenAmount": {"tokenAmount": str(change), "decimals": DECIMALS[mint]},
                }
            ],
        }
        for account, owner, mint, change in _rows(sign)
    ]
    return item


# In twice, which is more than 64 bits hold, and half of it out again.
MOVES = [(1, 1), (2, 1), (3, -1)]


def _serve_full(request: httpx.Request) -> httpx.Response:
    asked = orjson.loads(request.content)["params"][1]
    is_new = asked["filters"]["slot"]["gte"] > 0
    data = [_raw(*each) for each in reversed(MOVES)] if is_new else []
    return answered({"data": data, "paginationToken": None})


def _serve_enhanced(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return rpc_error(-32601)
    is_first = "before-signature" not in request.url.params
    return httpx.Response(
        200, json=[_enhanced(*each) for each in reversed(MOVES)] if is_first else []
    )


@pytest.mark.parametrize("serve", [_serve_full, _serve_enhanced], ids=["full", "enhanced"])
async def test_they_stay_exact_from_the_answer_to_the_result(
    serve: Callable[[httpx.Request], httpx.Response], store_dsn: str, clock: Clock
) -> None:
    async with opened(serve, clock=clock) as upstream, open_store(store_dsn, pool_size=1) as store:
        async for page in upstream.history(WALLET, permit=unlimited):
            kept = StoredPage(page.entries, page.closed, page.strategy, decimals=page.decimals)
            await store.add_page(WALLET, kept)
        entries = await store.entries(WALLET)
        assert await store.decimals(DECIMALS) == DECIMALS
    for entry, (_, sign) in zip(entries, MOVES, strict=True):
        assert dict(entry.deltas) == dict.fromkeys(DECIMALS, sign * MOST)
        assert entry.time is None
    history = History(
        wallet=WALLET,
        entries=entries,
        ranges=[(0, SLOT + 3)],
        watermark_slot=SLOT + 3,
        decimals=DECIMALS,
    )
    analysis = analyze(history, Scope())
    rows = {row["mint"]: row for row in analysis.pnl["tokens"]}
    assert rows.keys() == DECIMALS.keys()
    for mint, decimals in DECIMALS.items():
        row = rows[mint]
        assert row["decimals"] == decimals
        assert row["received"] == str(2 * MOST)
        assert row["sent"] == str(MOST)
        assert row["open_amount"] == str(MOST)
    assert analysis.coverage["first_time"] is None
