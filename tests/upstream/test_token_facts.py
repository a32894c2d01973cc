from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest
from solders.pubkey import Pubkey

from streamproc.agents.lookups.singleflight import Singleflight
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.errors import CreditBudgetExceededError, RequestEndedError
from streamproc.upstream import unlimited
from streamproc.upstream.client.calls import DAS_CREDITS, Spending
from tests.upstream.services import BudgetStore, Clock, answered, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.upstream.client.calls import Call, Permit

MINTS = [str(Pubkey.from_bytes(number.to_bytes(32, "big"))) for number in range(1, 2101)]


def _pair(mint: str, price: object, liquidity: object, **more: object) -> dict[str, object]:
    base = {"baseToken": {"address": mint}, "quoteToken": {"address": MINTS[9]}}
    return {**base, "chainId": "solana", "priceUsd": price, "liquidity": liquidity, **more}


async def _prices(serve: object, clock: Clock, mints: list[str]) -> dict[str, TokenPrice]:
    assert callable(serve)
    found: dict[str, TokenPrice] = {}
    async with opened(serve, clock=clock) as upstream:
        async for part in upstream.prices(mints, permit=unlimited):
            found |= part
    return found


async def test_the_deepest_pair_with_the_mint_as_base_counts(clock: Clock) -> None:
    a, b, c = MINTS[:3]
    pairs = [
        _pair(a, "1.5", {"usd": 10}),
        _pair(a, "2.5", {"usd": 30.5}),
        _pair(a, "99", {"usd": 1000}, chainId="base"),
        _pair(a, "3.5", None),
        _pair(b, "NaN", {"usd": 10}),
        _pair(b, "0.1", None),
        _pair(b, None, {"usd": 10}),
        _pair(b, "-1", {"usd": 10}),
        {**_pair(MINTS[9], "7", {"usd": 9}), "quoteToken": {"address": c}},
    ]
    found = await _prices(lambda _: httpx.Response(200, json=pairs), clock, [a, b, c])
    assert found == {
        a: TokenPrice(a, 2.5, 30.5),
        b: TokenPrice(b, 0.1, 0.0),
        c: TokenPrice(c, None, None),
    }


async def test_prices_are_asked_for_thirty_at_a_time_and_each_mint_once(clock: Clock) -> None:
    asked: list[list[str]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.rpartition("/")[2].split(","))
        return httpx.Response(200, json=[])

    await _prices(serve, clock, MINTS[:70] * 2)
    assert [len(each) for each in asked] == [30, 30, 10]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 504])
async def test_what_came_before_a_failure_is_kept(status: int, clock: Clock) -> None:
    asked = 0

    def serve(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, json=[]) if asked == 1 else httpx.Response(status)

    assert len(await _prices(serve, clock, MINTS[:70])) == 30


async def test_names_are_matched_by_id_a_thousand_at_a_time(clock: Clock) -> None:
    asked: list[list[str]] = []

    def serve(request: httpx.Request) -> httpx.Response:
        call = orjson.loads(request.content)
        assert call["method"] == "getAssetBatch"
        asked.append(call["params"]["ids"])
        assets = [
            {
                "id": mint,
                "content": {"metadata": {"name": mint[:9]}, "links": {"image": "http://i"}},
                "token_info": {"symbol": mint[:3], "decimals": 6},
            }
            for mint in reversed(call["params"]["ids"])
        ]
        return answered([*assets[:-1], None])

    found: dict[str, TokenMetadata] = {}
    async with opened(serve, clock=clock) as upstream:
        async for part in upstream.metadata(MINTS, permit=unlimited):
            found |= part
    assert [len(each) for each in asked] == [1000, 1000, 100]
    assert set(found) == set(MINTS)
    unknown = {each[0] for each in asked}
    for mint in MINTS:
        words = (None,) * 4 if mint in unknown else (mint[:3], mint[:9], "http://i", 6)
        assert found[mint] == TokenMetadata(mint, *words)


async def test_an_ended_request_ends_enrichment_too(
    clock: Clock, budget_store: BudgetStore
) -> None:
    async with opened(lambda _: answered([]), budget_store, clock) as upstream:
        permit = upstream.permit("a", credit_budget=None, is_ended=lambda: True)
        with pytest.raises(RequestEndedError):
            async for _ in upstream.metadata(MINTS[:1], permit=permit):
                pass


class Poor:
    """A permit that takes its time and then may spend nothing."""

    waits_until_s = float("-inf")

    def __init__(self) -> None:
        self.go, self.credits = asyncio.Event(), 0

    @asynccontextmanager
    async def __call__(self, call: Call, /) -> AsyncIterator[Spending]:
        await self.go.wait()
        if self.credits < DAS_CREDITS:
            raise CreditBudgetExceededError(f"no more credits for {call.method}")
        yield Spending()


async def test_who_may_spend_no_more_says_so_that_others_ask_themselves(clock: Clock) -> None:
    """Several want the same names: those of a request without credits are not unknown to the others."""

    def serve(request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)["params"]["ids"]
        return answered([{"id": mint, "token_info": {"symbol": mint[:3]}} for mint in asked])

    flight, poor = Singleflight[TokenMetadata](), Poor()
    async with opened(serve, clock=clock) as upstream:

        async def named(permit: Permit) -> list[str | None]:
            parts = flight.parts(MINTS[:3], lambda asked: upstream.metadata(asked, permit=permit))
            return [each.symbol async for part in parts for each in part.values()]

        first = asyncio.create_task(named(poor))
        await asyncio.sleep(0)
        second = asyncio.create_task(named(unlimited))
        await asyncio.sleep(0)
        poor.go.set()
        assert await second == [mint[:3] for mint in MINTS[:3]]
        with pytest.raises(CreditBudgetExceededError):
            await first
