"""Pages that were prepared say exactly what the rendered ones say."""

from __future__ import annotations

import gzip
from typing import Any

import deflate
import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.sandbox.service.counters import Counters
from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.service.rpc.call import Call
from streamproc.sandbox.service.rpc.history import transactions_for_address
from streamproc.sandbox.service.rpc.prebuilt import PrebuiltPages
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.world import World

METHOD = "getTransactionsForAddress"
WORLD = World(seed=1, wallets=3, transactions=(30, 60))
ARCHIVE = WorldArchive(WORLD)
PAGES = PrebuiltPages(ARCHIVE, WORLD.addresses)
SLOTS = sorted({each.slot for each in ARCHIVE.history(WORLD.addresses[0], "balanceChanged")})


@settings(deadline=None)
@given(
    low=st.sampled_from(SLOTS),
    high=st.sampled_from(SLOTS),
    how=st.sampled_from([("gte", "lte"), ("gt", "lt")]),
    order=st.sampled_from(["asc", "desc"]),
    token_accounts=st.sampled_from(["none", "balanceChanged"]),
    limit=st.integers(1, 70),
    after=st.none() | st.integers(0, 200),
)
def test_a_prepared_page_equals_the_rendered_one(
    *,
    low: int,
    high: int,
    how: tuple[str, str],
    order: str,
    token_accounts: str,
    limit: int,
    after: int | None,
) -> None:
    options: dict[str, Any] = {
        "transactionDetails": "full",
        "maxSupportedTransactionVersion": 1,
        "limit": limit,
        "sortOrder": order,
        "filters": {"slot": {how[0]: low, how[1]: high}, "tokenAccounts": token_accounts},
    }
    if after is not None:
        options["paginationToken"] = f"{SLOTS[after % len(SLOTS)]}:{after % 3}"
    params = [WORLD.addresses[0], options]
    prepared = PAGES.page(params, 7)
    rendered = transactions_for_address(Call(ARCHIVE, Counters(), params))
    assert prepared is not None
    clear = gzip.decompress(prepared.body)
    assert orjson.loads(clear)["result"] == orjson.loads(rendered.result)
    assert prepared.credits == rendered.credits
    assert bytes(deflate.gzip_decompress(prepared.body)) == clear, "one member with its true size"


@pytest.mark.parametrize(
    "options",
    [
        {"transactionDetails": "signatures"},
        {
            "transactionDetails": "full",
            "maxSupportedTransactionVersion": 1,
            "filters": {"status": "failed"},
        },
        {
            "transactionDetails": "full",
            "maxSupportedTransactionVersion": 1,
            "filters": {"tokenAccounts": "all"},
        },
        {
            "transactionDetails": "full",
            "maxSupportedTransactionVersion": 1,
            "filters": {"blockTime": {"gte": 5}},
        },
    ],
)
def test_what_was_not_prepared_is_left_to_the_plain_way(options: dict[str, Any]) -> None:
    assert PAGES.page([WORLD.addresses[0], options], 1) is None
    assert PAGES.page([WORLD.never_funded, {"transactionDetails": "full"}], 1) is None


def test_what_is_kept_back_is_not_there_until_it_is_let_go() -> None:
    pages = PrebuiltPages(ARCHIVE, WORLD.addresses[:1])
    params = [
        WORLD.addresses[0],
        {"transactionDetails": "full", "maxSupportedTransactionVersion": 1, "limit": 1000},
    ]
    whole = pages.page(params, 1)
    assert whole is not None
    slots = [each["slot"] for each in _data(whole.body)]
    pages.newest_slot = slots[3]  # the newest come first
    kept_back = pages.page(params, 1)
    assert kept_back is not None
    kept = [each["slot"] for each in _data(kept_back.body)]
    assert max(kept) == slots[3] < slots[0]
    assert kept == [slot for slot in slots if slot <= slots[3]]


def _data(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(gzip.decompress(body))["result"]["data"]
    return found


async def test_prepared_pages_are_counted_and_faults_go_before_them() -> None:
    params = [
        WORLD.addresses[0],
        {"transactionDetails": "full", "maxSupportedTransactionVersion": 1, "limit": 10},
    ]
    call = {"jsonrpc": "2.0", "id": 7, "method": METHOD, "params": params}
    async with (
        serve(WORLD, prebuild=WORLD.addresses, faults=[Fault("short_page", nth=2)]) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        pages = [
            (await client.post("/", params={"api-key": "k"}, json=call)).json() for _ in range(2)
        ]
        shown = sandbox.counters.shown()
    assert [len(page["result"]["data"]) for page in pages] == [10, 3]
    assert shown["transactions"] == {WORLD.addresses[0]: 13}
    assert shown["repeated_pages"] == {WORLD.addresses[0]: 1}
    assert shown["credits"] == 20
    assert shown["cpu_s"] <= shown["elapsed_s"] + 1
