"""The server counts what it is asked, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.chain import known
from streamproc.sandbox.service.counters import full_page_credits

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.sandbox.conftest import Client


@pytest.mark.parametrize(
    ("transactions", "credits_"), [(0, 10), (1, 10), (100, 10), (101, 20), (1000, 100)]
)
def test_full_pages_cost_ten_credits_per_started_hundred(transactions: int, credits_: int) -> None:
    assert full_page_credits(transactions) == credits_


async def test_each_call_is_charged_by_its_kind(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    wallet = world.addresses[0]
    await client.result("getSlot")
    await client.result("getAssetBatch", {"ids": [known.WSOL]})
    await client.result("getTransactionsForAddress", wallet, {"limit": 1000})
    full = {"transactionDetails": "full", "maxSupportedTransactionVersion": 1}
    await client.result("getTransactionsForAddress", wallet, full)
    await client.history(wallet)
    await client.rpc("getTransactionsForAddress", "nobody")
    await client.http.get(f"/tokens/v1/solana/{known.WSOL}")
    assert sandbox.counters.credits_by_method == {
        "getSlot": 1,
        "getAssetBatch": 10,
        "getTransactionsForAddress": 20,
        "history": 100,
        "prices": 0,
    }
    assert sandbox.counters.credits == 131
    assert sandbox.counters.requests == 7
    assert sandbox.counters.wallets == {wallet: 3}


async def test_the_same_page_twice_is_a_repeat(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    one, two = world.addresses[:2]
    for wallet in (one, one, two):
        await client.result("getTransactionsForAddress", wallet, {"limit": 5})
    await client.result("getTransactionsForAddress", one, {"limit": 6})
    assert sandbox.counters.repeated_pages == {one: 1}


async def test_counters_are_readable_and_reset_over_http(sandbox: Sandbox, client: Client) -> None:
    await client.result("getSlot")
    shown = (await client.http.get("/sandbox/counters")).json()
    assert shown["requests"] == 1
    assert shown["methods"] == {"getSlot": 1}
    assert shown["peak_rate"] == {"rpc": 1}
    assert shown["statuses"] == {"200": 1}
    assert (await client.http.delete("/sandbox/counters")).json()["requests"] == 0
    assert sandbox.counters.credits == 0


async def test_calls_are_kept_in_the_order_in_which_they_came(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    one, other = world.addresses[:2]
    for wallet in (one, other, one):
        await client.result("getBalance", wallet)
    assert sandbox.counters.order == [("getBalance", each) for each in (one, other, one)]
