"""Every call that clients make, answered from the world as it truly is."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from streamproc.errors import ConfigurationError
from streamproc.sandbox.chain import known
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.truth.scores import true_balances

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.sandbox.conftest import Client


async def held_by(client: Client, wallet: str) -> dict[str, int]:
    held: dict[str, int] = {}
    for program in (known.TOKEN, known.TOKEN_2022):
        reply = await client.result(
            "getTokenAccountsByOwner", wallet, {"programId": program}, {"encoding": "jsonParsed"}
        )
        for row in reply["value"]:
            assert row["account"]["owner"] == program
            info = row["account"]["data"]["parsed"]["info"]
            amount = int(info["tokenAmount"]["amount"])
            held[info["mint"]] = held.get(info["mint"], 0) + amount
    return {mint: amount for mint, amount in held.items() if amount}


async def test_balances_are_the_true_ones(world: World, client: Client) -> None:
    accounts = await client.result("getMultipleAccounts", world.addresses)
    for wallet, account in zip(world.addresses, accounts["value"], strict=True):
        true = true_balances(world, wallet)
        assert account["lamports"] == true["lamports"]
        assert account["owner"] == known.SYSTEM
        held = await held_by(client, wallet)
        assert held == {token["mint"]: int(token["amount"]) for token in true["tokens"]}


async def test_an_address_without_history_is_null_and_empty(world: World, client: Client) -> None:
    stranger = world.never_funded
    assert (await client.result("getAccountInfo", stranger))["value"] is None
    assert (await client.result("getBalance", stranger))["value"] == 0
    assert await held_by(client, stranger) == {}
    page = await client.result("getTransactionsForAddress", stranger, {})
    assert page == {"data": [], "paginationToken": None}
    assert (await client.history(stranger)).json() == []


async def test_programs_and_token_accounts_can_be_told_from_wallets(
    world: World, client: Client
) -> None:
    program = (await client.result("getAccountInfo", world.program))["value"]
    account = (await client.result("getAccountInfo", world.token_account))["value"]
    mint = (await client.result("getAccountInfo", world.market.coins[0].mint))["value"]
    assert program["executable"] is True
    assert account["owner"] in {known.TOKEN, known.TOKEN_2022}
    assert mint["owner"] in {known.TOKEN, known.TOKEN_2022}


@pytest.mark.parametrize("with_context", [False, True])
async def test_many_token_accounts_come_in_pages_in_either_shape(
    world: World, client: Client, *, with_context: bool
) -> None:
    options: dict[str, Any] = {"limit": 4_000, "withContext": with_context}
    seen: set[str] = set()
    pages = 0
    while True:
        pages += 1
        program = {"programId": world.market.coins[0].program}
        reply = await client.result("getTokenAccountsByOwnerV2", world.oversized, program, options)
        part = reply["value"] if with_context else reply
        rows = part["accounts"] if with_context else part["value"]
        seen |= {row["pubkey"] for row in rows}
        if part["paginationKey"] is None:
            break
        options["paginationKey"] = part["paginationKey"]
    assert pages == 3
    assert len(seen) > 10_000


async def test_one_transaction_comes_as_in_the_pages_but_without_its_index(
    world: World, client: Client
) -> None:
    reads = {"encoding": "json", "maxSupportedTransactionVersion": 1}
    page = await client.result(
        "getTransactionsForAddress",
        world.addresses[0],
        {"transactionDetails": "full", "limit": 1, **reads},
    )
    row = page["data"][0]
    signature = row["transaction"]["signatures"][0]
    one = await client.result("getTransaction", signature, reads)
    assert one == {name: value for name, value in row.items() if name != "transactionIndex"}
    assert await client.result("getTransaction", "1" * 64) is None


async def test_parsing_signatures_leaves_unknown_ones_out(world: World, client: Client) -> None:
    known_ones = [entry.signature for entry in world.entries(world.addresses[0])[:3]]
    body = {"transactions": [known_ones[0], "1" * 64, *known_ones[1:]]}
    response = await client.http.post("/v0/transactions", params={"api-key": "k"}, json=body)
    assert [row["signature"] for row in response.json()] == known_ones
    too_many = {"transactions": known_ones * 34}
    refused = await client.http.post("/v0/transactions", params={"api-key": "k"}, json=too_many)
    assert refused.status_code == 400


async def test_assets_come_in_another_order_and_unknown_ones_are_null(
    world: World, client: Client
) -> None:
    ids = [coin.mint for coin in world.market.coins[:20]]
    assets = await client.result("getAssetBatch", {"ids": ids}, None)
    found = {asset["id"]: asset for asset in assets if asset is not None}
    assert len(assets) == len(ids)
    assert None in assets
    assert [asset["id"] for asset in assets if asset] != [mint for mint in ids if mint in found]
    for coin in world.market.coins[:20]:
        if coin.mint in found:
            assert found[coin.mint]["token_info"]["decimals"] == coin.decimals
            assert found[coin.mint]["content"]["metadata"]["symbol"] == coin.symbol


async def test_the_deepest_pair_in_which_a_mint_is_the_base_has_its_price(
    world: World, client: Client
) -> None:
    mints = [known.WSOL, *(coin.mint for coin in world.market.coins[:29])]
    pairs = (await client.http.get(f"/tokens/v1/solana/{','.join(mints)}")).json()
    assert any(pair["quoteToken"]["address"] in mints[1:] for pair in pairs), "as quote only"
    for mint in mints:
        own = [pair for pair in pairs if pair["baseToken"]["address"] == mint]
        deepest = max(own, key=lambda pair: float(pair["liquidity"]["usd"]), default=None)
        assert (deepest and deepest["priceUsd"]) == world.prices_usd.get(mint)
    refused = await client.http.get(f"/tokens/v1/solana/{','.join([known.WSOL] * 31)}")
    assert refused.status_code == 400


async def test_a_call_without_a_key_or_with_a_rejected_one_is_refused_in_plain_text(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": []}
    for query in ({}, {"api-key": "rejected"}):
        response = await client.http.post("/", params=query, json=call)
        assert response.status_code == 401
        assert response.headers["content-type"].startswith("text/plain")
    assert (await client.http.post("/?api-key=any", json=call)).status_code == 200
    assert (await client.http.get(f"/tokens/v1/solana/{known.WSOL}")).status_code == 200
    assert sandbox.counters.credits == 1, "refused calls are free"


async def test_unknown_methods_and_bad_addresses_are_json_rpc_errors(client: Client) -> None:
    assert (await client.rpc("getEverything"))["error"]["code"] == -32601
    assert (await client.rpc("getBalance", "short"))["error"]["code"] == -32602
    assert (await client.rpc("getTransactionsForAddress", "short"))["error"]["code"] == -32602
    assert (await client.history("short")).status_code == 400


async def test_replies_are_gzip_only_when_the_caller_accepts_it(
    world: World, sandbox: Sandbox
) -> None:
    path = f"{sandbox.url}/v0/addresses/{world.addresses[0]}/transactions?api-key=k"
    async with httpx.AsyncClient() as http:
        plain = await http.get(path, headers={"Accept-Encoding": "identity"})
        async with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
            body = b"".join([piece async for piece in packed.aiter_raw()])
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain.content
    assert len(body) < len(plain.content) / 3


async def test_calls_above_the_rate_are_refused_per_bucket(world: World) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": []}
    async with (
        serve(world, rpc_rps=3, enhanced_rps=100) as slow,
        httpx.AsyncClient(base_url=slow.url) as http,
    ):
        codes = [(await http.post("/?api-key=k", json=call)).status_code for _ in range(5)]
        path = f"/v0/addresses/{world.addresses[0]}/transactions?api-key=k"
        enhanced = (await http.get(path)).status_code
    assert codes == [200, 200, 200, 429, 429]
    assert enhanced == 200


async def test_a_taken_port_is_a_misconfiguration(world: World, sandbox: Sandbox) -> None:
    taken = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="must be a port that is free"):
        async with serve(world, port=taken):
            pass


async def test_the_world_says_who_lives_in_it(world: World, client: Client) -> None:
    about = (await client.http.get("/sandbox/world")).json()
    assert [wallet["address"] for wallet in about["wallets"]] == world.addresses
    assert {wallet["habit"] for wallet in about["wallets"]} >= {"sniper", "holder", "bot"}
    assert about["tip_slot"] == await client.result("getSlot")
