"""A budget store that notes what it is asked, time that passes only in waits, and services made of functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.settings import Settings, load_settings
from streamproc.upstream import Upstream, open_upstream
from streamproc.upstream.client.clock import Timing

KEY = "canary-5f3c9a-key"
BASE = "http://127.0.0.1:1"


class Lease(NamedTuple):
    wait_s: float = 0.0
    spacing_s: float = 0.0


class BudgetStore:
    """Rates without end; credits as the store keeps them."""

    def __init__(self) -> None:
        self.leases: list[tuple[str, str, int, float]] = []
        self.penalties: list[tuple[str, float]] = []
        self.reserved = 0
        self.spent = 0
        self.lease_given = Lease()

    async def lease(self, key_hash: str, bucket: str, *, permits: int, rate: float) -> Lease:
        await asyncio.sleep(0)  # as a real one: others come meanwhile
        self.leases.append((key_hash, bucket, permits, rate))
        return self.lease_given

    async def penalize(self, key_hash: str, bucket: str, *, pause_s: float = 0.0) -> None:
        assert key_hash
        self.penalties.append((bucket, pause_s))

    async def reserve_credits(self, request_id: str, credit: int, budget: int | None) -> bool:
        assert request_id
        if budget is not None and self.reserved + credit > budget:
            return False
        self.reserved += credit
        return True

    async def settle_credits(self, request_id: str, *, reserved: int, spent: int) -> None:
        assert request_id
        self.reserved += spent - reserved
        self.spent += spent


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds

    @property
    def timing(self) -> Timing:
        return Timing(self.sleep, lambda: self.now_s, lambda: 0.5)


def settings_for(base: str = BASE, **given: object) -> Settings:
    """Settings whose services are all at one base."""
    usual = {
        "kafka_brokers": "127.0.0.1:1",
        "postgres_dsn": "postgresql://unused",
        "helius_api_key": KEY,
        "helius_rpc_url": base,
        "helius_api_url": base,
        "dexscreener_url": base,
    }
    return load_settings({}, **{**usual, **given})


Serve = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def opened(
    serve: Serve, budget_store: BudgetStore | None = None, clock: Clock | None = None
) -> AsyncIterator[Upstream]:
    """An upstream whose services are one function from request to response."""
    timing = (clock or Clock()).timing
    transport = httpx.MockTransport(lambda request: _streamed(serve(request)))
    async with open_upstream(
        settings_for(), budget_store or BudgetStore(), timing=timing, transport=transport
    ) as upstream:
        yield upstream


class RawBody(httpx.AsyncByteStream):
    """A body as it comes over the wire."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def _streamed(response: httpx.Response) -> httpx.Response:
    """The response with a body that is still to be read."""
    if isinstance(response.stream, RawBody):
        return response
    return httpx.Response(
        response.status_code, headers=response.headers, stream=RawBody(response.content)
    )


WALLET = str(Pubkey.from_bytes(b"\x07" * 32))
OTHER = str(Pubkey.from_bytes(b"\x08" * 32))
SLOT = 300_000_000  # long after owners became known


def signature(number: int) -> str:
    """A signature of one's own for each number."""
    return str(Signature.from_bytes(number.to_bytes(64, "big")))


def raw(slot: int, number: int, wallet: str = WALLET) -> dict[str, Any]:
    """A transaction in which the wallet pays its fee and nothing else."""
    return {
        "slot": slot,
        "transactionIndex": number,
        "blockTime": 1_700_000_000,
        "transaction": {"signatures": [signature(number)], "message": {"accountKeys": [wallet]}},
        "meta": {"fee": 5000, "err": None, "preBalances": [9000], "postBalances": [4000]},
    }


def enhanced(slot: int, number: int, wallet: str = WALLET) -> dict[str, Any]:
    """The same in the enhanced form."""
    return {
        "signature": signature(number),
        "slot": slot,
        "timestamp": 1_700_000_000,
        "fee": 5000,
        "feePayer": wallet,
        "transactionError": None,
        "accountData": [
            {"account": wallet, "nativeBalanceChange": -5000, "tokenBalanceChanges": []}
        ],
        "nativeTransfers": [],
        "tokenTransfers": [],
    }


def answered(result: object) -> httpx.Response:
    """A good JSON-RPC answer."""
    return httpx.Response(200, content=orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": result}))


def rpc_error(code: int, message: str = "no") -> httpx.Response:
    """A JSON-RPC error, which comes as HTTP 200."""
    error = {"code": code, "message": message}
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error})


class HistoryService:
    """A wallet's transactions (slot, number), oldest first, in both forms; `faults` stand in for the nth call."""

    def __init__(self, *transactions: tuple[int, int]) -> None:
        self.transactions = list(transactions)
        self.faults: dict[int, Callable[[], httpx.Response]] = {}
        self.is_full_supported = True
        self.asked: list[dict[str, Any]] = []  # options of each call
        self.page_max = 1000

    def __call__(self, request: httpx.Request) -> httpx.Response:
        is_full = request.method == "POST"
        if is_full and orjson.loads(request.content)["method"] != "getTransactionsForAddress":
            return rpc_error(-32601)
        fault = self.faults.pop(len(self.asked) + 1, None)
        asked = orjson.loads(request.content)["params"][1] if is_full else dict(request.url.params)
        self.asked.append(asked)
        if fault is not None:
            return fault()
        if not is_full:
            return self._listed(asked)
        return self._page(asked) if self.is_full_supported else rpc_error(-32601)

    def _page(self, asked: dict[str, Any]) -> httpx.Response:
        slots = asked["filters"]["slot"]
        is_ascending = asked["sortOrder"] == "asc"
        after = asked.get("paginationToken")
        place = tuple(map(int, after.split(":"))) if after else None
        found = [
            each
            for each in (self.transactions if is_ascending else reversed(self.transactions))
            if slots["gte"] <= each[0] <= slots.get("lte", 2**63)
            and (place is None or (each > place if is_ascending else each < place))
        ]
        page = found[: min(asked["limit"], self.page_max)]
        token = f"{page[-1][0]}:{page[-1][1]}" if len(found) > len(page) else None
        return answered({"data": [raw(*each) for each in page], "paginationToken": token})

    def _listed(self, asked: dict[str, Any]) -> httpx.Response:
        cursor = asked.get("before-signature")
        newest = list(reversed(self.transactions))
        names = [signature(number) for _, number in newest]
        start = names.index(cursor) + 1 if cursor else 0
        page = newest[start : start + min(int(asked["limit"]), self.page_max)]
        return httpx.Response(200, content=orjson.dumps([enhanced(*each) for each in page]))
