"""Histories in pages: whatever the page size, order and filter, the pages together are the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.sandbox.service.refusals import RpcError
from streamproc.sandbox.service.rpc.paging import cut_page, page_request
from streamproc.sandbox.wire.archive import Record

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.sandbox.conftest import Client

WALLET = "So11111111111111111111111111111111111111112"


def record(number: int, place: tuple[int, int], *, failed: bool = False) -> Record:
    return Record(number, f"s{number}", *place, time=place[0] // 3, failed=failed)


places = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50)), unique=True).map(sorted)


@given(places, st.integers(1, 7), st.sampled_from(["asc", "desc"]))
def test_pages_together_are_the_history_in_order(
    where: list[tuple[int, int]], limit: int, order: str
) -> None:
    history = [record(number, place) for number, place in enumerate(where)]
    found: list[Record] = []
    token = None
    while True:
        options = {"limit": limit, "sortOrder": order, "paginationToken": token}
        page, token = cut_page(history, page_request([WALLET, options]))
        found += page
        if token is None:
            break
        assert len(page) == limit
    assert found == (history if order == "asc" else history[::-1])


@given(places, st.integers(0, 20), st.integers(0, 20), st.sampled_from(["slot", "blockTime"]))
def test_filters_keep_exactly_what_is_inside(
    where: list[tuple[int, int]], low: int, high: int, name: str
) -> None:
    history = [record(number, place) for number, place in enumerate(where)]
    options = {"sortOrder": "asc", "filters": {name: {"gte": low, "lt": high}}}
    page, _ = cut_page(history, page_request([WALLET, options]))
    values = [r.slot if name == "slot" else r.time or 0 for r in history]
    assert page == [r for r, value in zip(history, values, strict=True) if low <= value < high]


def test_the_status_filter_separates_failed_from_succeeded() -> None:
    history = [record(0, (1, 0)), record(1, (1, 1), failed=True)]
    kept = {
        status: [r.number for r in cut_page(history, page_request([WALLET, options]))[0]]
        for status in ("any", "succeeded", "failed")
        for options in [{"sortOrder": "asc", "filters": {"status": status}}]
    }
    assert kept == {"any": [0, 1], "succeeded": [0], "failed": [1]}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ([], -32602),
        (["not an address"], -32602),
        ([WALLET, {"limit": 1001}], -32602),
        ([WALLET, {"limit": 0}], -32602),
        ([WALLET, {"sortOrder": "random"}], -32602),
        ([WALLET, {"filters": {"slot": {"near": 3}}}], -32602),
        ([WALLET, {"filters": {"status": "odd"}}], -32602),
        ([WALLET, {"paginationToken": "gibberish"}], -32603),
    ],
)
def test_a_bad_call_is_refused_with_the_real_code(params: list[Any], code: int) -> None:
    with pytest.raises(RpcError) as refusal:
        page_request(params)
    assert refusal.value.code == code


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_server_s_pages_are_the_wallet_s_true_history(
    world: World, client: Client, order: str
) -> None:
    wallet = world.addresses[0]
    options: dict[str, Any] = {
        "transactionDetails": "full",
        "maxSupportedTransactionVersion": 1,
        "limit": 17,
        "sortOrder": order,
        "filters": {"tokenAccounts": "balanceChanged", "status": "any"},
    }
    signatures: list[str] = []
    while True:
        page = await client.result("getTransactionsForAddress", wallet, options)
        signatures += [row["transaction"]["signatures"][0] for row in page["data"]]
        if page["paginationToken"] is None:
            break
        options["paginationToken"] = page["paginationToken"]
    true = [entry.signature for entry in world.entries(wallet)]
    assert signatures == (true if order == "asc" else true[::-1])


async def test_without_token_accounts_incoming_token_transfers_are_missed(
    world: World, client: Client
) -> None:
    missed = 0
    for wallet in world.addresses:
        rows = {
            mode: await client.result(
                "getTransactionsForAddress",
                wallet,
                {"limit": 1000, "filters": {"tokenAccounts": mode}},
            )
            for mode in ("none", "balanceChanged", "all")
        }
        seen = {mode: {row["signature"] for row in page["data"]} for mode, page in rows.items()}
        assert seen["none"] <= seen["balanceChanged"] <= seen["all"]
        missed += len(seen["balanceChanged"] - seen["none"])
    assert missed > 0


async def test_enhanced_pages_follow_the_cursor_under_both_names(
    world: World, client: Client
) -> None:
    wallet = world.addresses[0]
    true = [entry.signature for entry in world.entries(wallet)][::-1]
    for name in ("before_signature", "before"):
        found: list[str] = []
        query: dict[str, object] = {"limit": 20, "token_accounts": "balanceChanged"}
        while page := (await client.history(wallet, **query)).json():
            found += [row["signature"] for row in page]
            query[name] = found[-1]
        assert found == true


async def test_a_misnamed_cursor_is_silently_ignored(world: World, client: Client) -> None:
    wallet = world.addresses[0]
    first = (await client.history(wallet, limit=5)).json()
    again = (await client.history(wallet, limit=5, beforeSignature=first[-1]["signature"])).json()
    assert [row["signature"] for row in again] == [row["signature"] for row in first]


async def test_signature_mode_and_the_older_call_list_the_same_named_transactions(
    world: World, client: Client
) -> None:
    wallet = world.addresses[0]
    page = await client.result("getTransactionsForAddress", wallet, {"limit": 1000})
    first = await client.result("getSignaturesForAddress", wallet, {"limit": 10})
    rest = await client.result(
        "getSignaturesForAddress", wallet, {"before": first[-1]["signature"]}
    )
    assert [row["signature"] for row in first + rest] == [row["signature"] for row in page["data"]]


async def test_pages_are_no_longer_than_the_server_wants(
    world: World, sandbox: Sandbox, client: Client
) -> None:
    sandbox.page_max = 7
    wallet = world.addresses[0]
    options = {"transactionDetails": "full", "limit": 1000, "maxSupportedTransactionVersion": 1}
    page = await client.result("getTransactionsForAddress", wallet, options)
    assert len(page["data"]) == 7
    assert page["paginationToken"] is not None
