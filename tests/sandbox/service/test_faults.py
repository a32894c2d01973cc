"""Faults go wrong exactly where and how they are told to."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from streamproc.sandbox.service.faults import (
    KINDS,
    Fault,
    FaultBook,
    fault_from_json,
    fault_from_text,
)

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.sandbox.conftest import Client

CALL = {"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": []}


async def ask(client: Client) -> httpx.Response:
    return await client.http.post("/?api-key=k", json=CALL)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 502, 503, 504])
async def test_a_status_comes_in_place_of_the_answer(
    sandbox: Sandbox, client: Client, status: int
) -> None:
    sandbox.set_faults(Fault(str(status)))
    assert (await ask(client)).status_code == status
    assert sandbox.counters.credits == 0


async def test_429_comes_with_and_without_retry_after(sandbox: Sandbox, client: Client) -> None:
    sandbox.set_faults(Fault("429", nth=1, retry_after_s=2), Fault("429"))
    assert (await ask(client)).headers["retry-after"] == "2"
    assert "retry-after" not in (await ask(client)).headers


@pytest.mark.parametrize("code", [-32429, -32601, -32602, -32603])
async def test_a_json_rpc_error_comes_with_status_200(
    sandbox: Sandbox, client: Client, code: int
) -> None:
    sandbox.set_faults(Fault(str(code)))
    response = await ask(client)
    assert response.status_code == 200
    assert response.json()["error"]["code"] == code
    assert response.json()["id"] == 1


async def test_connections_are_reset_and_bodies_cut(sandbox: Sandbox, client: Client) -> None:
    sandbox.set_faults(Fault("reset", nth=1), Fault("truncated", nth=2))
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(client)
    assert (await ask(client)).status_code == 200


@pytest.mark.parametrize("kind", ["html", "not_json", "cut_json", "empty_body"])
async def test_what_is_no_json_comes_with_status_200(
    sandbox: Sandbox, client: Client, kind: str
) -> None:
    sandbox.set_faults(Fault(kind))
    response = await ask(client)
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_a_hanging_call_ends_with_the_client_s_patience(
    sandbox: Sandbox, client: Client
) -> None:
    sandbox.set_faults(Fault("hang"))
    with pytest.raises(httpx.ReadTimeout):
        await client.http.post("/?api-key=k", json=CALL, timeout=0.2)
    sandbox.set_faults()
    assert (await ask(client)).status_code == 200


async def test_a_dripping_answer_is_whole_in_the_end(sandbox: Sandbox, client: Client) -> None:
    whole = (await ask(client)).content
    sandbox.set_faults(Fault("drip", delay_s=0.1))
    assert (await ask(client)).content == whole


async def first_page(client: Client, wallet: str, **options: object) -> dict[str, Any]:
    page: dict[str, Any] = await client.result(
        "getTransactionsForAddress", wallet, {"limit": 10, **options}
    )
    return page


def signatures(page: dict[str, Any]) -> list[str]:
    return [row["signature"] for row in page["data"]]


async def test_an_empty_page_has_a_token_and_hides_nothing(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    wallet = world.addresses[0]
    for order in ("asc", "desc"):
        sandbox.set_faults()
        true = await first_page(client, wallet, sortOrder=order)
        sandbox.set_faults(Fault("empty_page", nth=1))
        empty = await first_page(client, wallet, sortOrder=order)
        assert empty["data"] == []
        token = empty["paginationToken"]
        assert signatures(
            await first_page(client, wallet, sortOrder=order, paginationToken=token)
        ) == signatures(true)


async def test_a_short_page_continues_where_it_stopped(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    wallet = world.addresses[0]
    true = await first_page(client, wallet)
    sandbox.set_faults(Fault("short_page", nth=1))
    short = await first_page(client, wallet)
    rest = await first_page(client, wallet, paginationToken=short["paginationToken"])
    assert 0 < len(short["data"]) < 10
    assert (signatures(short) + signatures(rest))[:10] == signatures(true)


async def test_a_token_at_the_end_leads_to_an_empty_last_page(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    sandbox.set_faults(Fault("token_at_end"))
    page = await first_page(client, world.addresses[0], limit=1000)
    last = await first_page(
        client, world.addresses[0], limit=1000, paginationToken=page["paginationToken"]
    )
    assert last == {"data": [], "paginationToken": None}


async def test_pages_lie_about_cursor_wallet_and_repeats(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    wallet = world.addresses[0]
    true = await first_page(client, wallet)
    token = true["paginationToken"]
    sandbox.set_faults(Fault("repeat_cursor"))
    assert (await first_page(client, wallet, paginationToken=token))["paginationToken"] == token
    sandbox.set_faults(Fault("duplicates"))
    assert signatures(await first_page(client, wallet)) == [
        *signatures(true),
        *signatures(true)[-2:],
    ]
    sandbox.set_faults(Fault("other_wallet"))
    others = signatures(await first_page(client, wallet))
    assert others
    assert not set(others) & {entry.signature for entry in world.entries(wallet)}


async def test_enhanced_pages_lie_too(world: World, sandbox: Sandbox, client: Client) -> None:
    wallet = world.addresses[0]
    true = [row["signature"] for row in (await client.history(wallet, limit=10)).json()]
    seen = {}
    for kind in ("short_page", "duplicates", "other_wallet", "repeat_cursor", "empty_page"):
        sandbox.set_faults(Fault(kind, method="history"))
        page = (await client.history(wallet, limit=10, before=true[-1])).json()
        seen[kind] = [row["signature"] for row in page]
    assert seen["repeat_cursor"] == true
    assert len(seen["short_page"]) == 3
    assert seen["duplicates"][-2:] == seen["duplicates"][-4:-2]
    assert not set(seen["other_wallet"]) & {entry.signature for entry in world.entries(wallet)}
    assert seen["empty_page"] == []


async def test_a_fault_looks_only_at_its_method_and_wallet(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    one, two = world.addresses[:2]
    sandbox.set_faults(Fault("500", method="history", wallet=one))
    assert (await client.history(one)).status_code == 500
    assert (await client.history(two)).status_code == 200
    assert (await ask(client)).status_code == 200


def test_a_rule_fires_on_its_call_and_as_often_as_told() -> None:
    book = FaultBook(
        [Fault("500", nth=2), Fault("502", first=4, times=2), Fault("503", method="other")]
    )
    drawn = [book.draw("any", "") for _ in range(7)]
    kinds = [fault.kind if fault else None for fault in drawn]
    assert kinds == [None, "500", None, "502", "502", None, None]


def test_probabilities_are_drawn_from_the_seed() -> None:
    def fired(seed: int) -> list[bool]:
        book = FaultBook([Fault("500", probability=0.3, seed=seed)])
        return [book.draw("any", "") is not None for _ in range(200)]

    assert fired(1) == fired(1)
    assert fired(1) != fired(2)
    assert 30 < sum(fired(1)) < 90


def test_a_fault_is_read_from_text() -> None:
    assert fault_from_text("429:method=prices,times=3,retry_after_s=1.5") == Fault(
        "429", method="prices", times=3, retry_after_s=1.5
    )
    assert [fault_from_text(kind).kind for kind in KINDS] == list(KINDS)


@pytest.mark.parametrize("text", ["teapot", "429:nth", "429:nth=x", "429:colour=red", ""])
def test_text_that_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        fault_from_text(text)


def test_json_that_is_no_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        fault_from_json({"kind": "429", "colour": "red"})


async def test_faults_change_while_the_server_runs(client: Client) -> None:
    faults = [{"kind": "500", "times": 1}]
    assert (await client.http.post("/sandbox/faults", json=faults)).status_code == 200
    assert [(await ask(client)).status_code for _ in range(2)] == [500, 200]
    shown = (await client.http.get("/sandbox/faults")).json()
    assert (shown[0]["seen"], shown[0]["fired"]) == (2, 1)
    refused = await client.http.post("/sandbox/faults", json=[{"kind": "teapot"}])
    assert refused.status_code == 400
    assert (await client.http.post("/sandbox/faults", json=[])).json() == []


async def test_faults_hold_for_calls_in_flight_at_once(sandbox: Sandbox, client: Client) -> None:
    sandbox.set_faults(Fault("500", times=3))
    codes = [r.status_code for r in await asyncio.gather(*(ask(client) for _ in range(10)))]
    assert codes.count(500) == 3
