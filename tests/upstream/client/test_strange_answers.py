"""Whatever JSON a service answers with, a query ends with a value or with an error of ours, never with another."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamproc.core.ledger.entries import canonical_order
from streamproc.core.ledger.packed import PackedEntries
from streamproc.errors import StreamprocError
from streamproc.upstream import Upstream, open_upstream, unlimited
from tests.upstream.services import (
    OTHER,
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    RawBody,
    enhanced,
    raw,
    settings_for,
    signature,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, -(10**30)),
    *("", "x", "\0", "\ud800", "9" * 5000, "-1", "1e9", "NaN", WALLET),
    *([], {}, [[]], [None], {"a": 1}, [7], {"code": 1}),
    float("nan"),
    float("inf"),
]
PAIR = {
    "chainId": "solana",
    "baseToken": {"address": OTHER},
    "priceUsd": "1.5",
    "liquidity": {"usd": 7.0},
}
ASSET = {
    "id": OTHER,
    "content": {"metadata": {"name": "N", "symbol": "S"}, "links": {"image": "https://a/b.png"}},
    "token_info": {"symbol": "S", "decimals": 6},
}
HOLDING = {
    "pubkey": OTHER,
    "account": {
        "data": {
            "parsed": {
                "info": {
                    "mint": OTHER,
                    "owner": WALLET,
                    "state": "initialized",
                    "tokenAmount": {"amount": "5", "decimals": 6},
                }
            }
        }
    },
}


def _swap(number: int) -> dict[str, Any]:
    """A transaction with a token balance on either side."""
    shown = raw(SLOT + number, number)
    shown["transaction"]["message"]["accountKeys"].append(OTHER)
    shown["version"] = 0
    balances = {
        side: [
            {
                "accountIndex": 1,
                "mint": OTHER,
                "owner": WALLET,
                "uiTokenAmount": {"amount": units, "decimals": 6},
            }
        ]
        for side, units in (("preTokenBalances", "5"), ("postTokenBalances", "9"))
    }
    lamports = {"preBalances": [9000, 0], "postBalances": [4000, 0]}
    shown["meta"] |= {**balances, **lamports, "loadedAddresses": {"writable": [], "readonly": []}}
    return shown


def _result(call: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """What a good service answers to a JSON-RPC call."""
    method, params = call["method"], call["params"]
    is_first = "before" not in (params[1] if isinstance(params, list) and len(params) > 1 else {})
    return {
        "getTransactionsForAddress": {
            "data": [_swap(number) for number in (3, 2, 1)],
            "paginationToken": None,
        },
        "getSignaturesForAddress": [
            {"signature": signature(number), "slot": SLOT + number}
            for number in ((3, 2, 1) if is_first else ())
        ],
        "getTransaction": _swap(3) if method == "getTransaction" else None,
        "getMultipleAccounts": {"value": [{"lamports": 5, "owner": OTHER, "executable": False}]},
        "getTokenAccountsByOwner": {"value": [HOLDING]},
        "getTokenAccountsByOwnerV2": {"value": [HOLDING], "paginationKey": None},
        "getAssetBatch": [ASSET],
    }[method]


def _answer(request: httpx.Request) -> Any:  # noqa: ANN401 - JSON
    """What a good service answers."""
    if request.method == "GET":
        if "tokens" in request.url.path:
            return [PAIR]
        is_last = "before-signature" in request.url.params
        return [] if is_last else [enhanced(SLOT + number, number) for number in (3, 2, 1)]
    asked = json.loads(request.content)
    if isinstance(asked, list):
        return [{"id": each["id"], "result": _result(each)} for each in asked]
    return {"jsonrpc": "2.0", "id": 1, "result": _result(asked)}


def _changed(value: Any, path: list[int], odd: Any) -> Any:  # noqa: ANN401 - JSON
    """The JSON with something odd at a place that the numbers lead to; as long as they lead on."""
    if not path or not value or not isinstance(value, list | dict):
        return odd
    names = list(value) if isinstance(value, dict) else list(range(len(value)))
    name = names[path[0] % len(names)]
    value[name] = _changed(value[name], path[1:], odd)
    return value


async def _history(upstream: Upstream) -> None:
    async for page in upstream.history(WALLET, permit=unlimited):
        assert isinstance(page.entries, PackedEntries)
        canonical_order(page.entries)
        json.dumps(list(page.decimals.items()))


async def _names(upstream: Upstream) -> None:
    async for part in upstream.metadata([OTHER], permit=unlimited):
        json.dumps(part).encode()


async def _prices(upstream: Upstream) -> None:
    async for prices in upstream.prices([OTHER], permit=unlimited):
        json.dumps(prices, allow_nan=False)


QUESTIONS: dict[str, tuple[str, Callable[[Upstream], Awaitable[object]]]] = {
    "full pages": ("gtfa", _history),
    "enhanced pages": ("enhanced", _history),
    "standard methods": ("rpc", _history),
    "any way": ("auto", _history),
    "accounts": ("auto", lambda upstream: upstream.accounts([WALLET], permit=unlimited)),
    "balances": ("auto", lambda upstream: upstream.balances([WALLET], permit=unlimited)),
    "names": ("auto", _names),
    "prices": ("auto", _prices),
    "length": ("auto", lambda upstream: upstream.probe(WALLET, permit=unlimited)),
}


@pytest.mark.parametrize(("source", "ask"), QUESTIONS.values(), ids=QUESTIONS)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.lists(st.integers(0, 8), max_size=9),
    odd=st.sampled_from(ODD),
    which=st.integers(0, 3),
    garbage=st.none() | st.binary(max_size=40),
)
def test_a_question_ends_with_a_value_or_with_an_error_of_ours(  # noqa: PLR0917
    source: str,
    ask: Callable[[Upstream], Awaitable[object]],
    path: list[int],
    odd: object,
    which: int,
    garbage: bytes | None,
) -> None:
    calls = 0

    def serve(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        answer = deepcopy(_answer(request))
        # From the nth call on: a fault that passes would be asked away.
        if calls > which:
            answer = _changed(answer, path, odd)
        body = json.dumps(answer).encode()
        if garbage is not None and calls > which:
            body = body[: len(body) // 2] + garbage + body[len(body) // 2 :]
        return httpx.Response(200, stream=RawBody(body))

    async def run() -> None:
        given_settings = settings_for(history_source=source, helius_rpc_rps=100.0)
        async with open_upstream(
            given_settings,
            BudgetStore(),
            timing=Clock().timing,
            transport=httpx.MockTransport(serve),
        ) as upstream:
            try:
                await ask(upstream)
            except StreamprocError as error:
                assert str(error).isprintable()  # noqa: PT017 - not always raised
                assert error.code != "internal"  # noqa: PT017

    asyncio.run(run())
    assert calls < 3000
