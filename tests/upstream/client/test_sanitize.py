"""What comes from outside is fit for figures, the store and people's eyes, and one odd item costs itself."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.ledger.entries import Page
from streamproc.core.wire.raw import raw_page
from streamproc.upstream import unlimited
from streamproc.upstream.client.sanitize import amount, decimals, link, mended, plausible, words
from tests.upstream.services import OTHER, SLOT, WALLET, Clock, answered, opened, raw

if TYPE_CHECKING:
    from streamproc.upstream import Upstream

NOW = 1_796_000_000
MINTS = [str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(1, 6)]


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "L"]), max_size=200))
def test_a_name_is_short_and_seen_as_it_is(text: str) -> None:
    name = words(text)
    if name is None:
        return
    assert 0 < len(name) <= limits.NAME_MAX_CHARACTERS
    assert name == words(name) == name.strip()
    name.encode()
    kinds = {unicodedata.category(each) for each in name if each not in "\u200c\u200d"}
    assert not kinds & {"Cc", "Cs", "Cf", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("given_", "left"),
    [
        ("a\x00b", "ab"),
        ("\x1b]0;TITLE\x07", "]0;TITLE"),
        ("\u202eevil", "evil"),
        ("\u2066a\u2069", "a"),
        ("x" * 65, "x" * 64),
        ("\ud800", None),
        ("ok\ud800", "ok"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("Ünï", "Ünï"),
        ("", None),
        (" \n", None),
        (None, None),
        (["a"], None),
        (10**400, None),
    ],
)
def test_names_by_example(given_: object, left: str | None) -> None:
    assert words(given_) == left


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " https://a",
        "data:image/png;base64,AA",
        "ipfs://Qm",
        "//host/a.png",
        "https:///a.png",
        "https://[::1/a",
        'https://a/"onerror=1',
        "https://a/\n",
        "https://a/\u202e",
        "https://a/" + "x" * 3000,
        "",
        None,
        7,
    ],
)
def test_a_link_that_is_no_link_to_an_image_is_none(text: object) -> None:
    assert link(text) is None


def test_numbers_off_their_scale_are_unknown() -> None:
    assert [decimals(each) for each in (0, 255, 256, -1, 6.0, "6", None, True, 10**40)] == [
        *(0, 255),
        *[None] * 7,
    ]
    odd: tuple[object, ...] = (
        "1e400",
        float("nan"),
        float("inf"),
        -1,
        "x",
        [],
        {},
        None,
        True,
        10**400,
        1e13,
    )
    assert [amount(each, 1e12) for each in odd] == [None] * len(odd)


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_json_that_is_right_is_not_changed(value: object) -> None:
    body = json.dumps(value, ensure_ascii=True).encode()
    text = json.dumps(value).encode() if "NaN" not in json.dumps(value) else body
    surrogates = any("\ud800" <= each <= "\udfff" for each in json.dumps(value, ensure_ascii=False))
    if not surrogates:
        assert json.loads(mended(text)) == value


@given(st.binary(max_size=60))
def test_anything_can_be_mended_into_text(body: bytes) -> None:
    mended(body).decode()


@pytest.mark.parametrize(
    "odd",
    [b'"\\ud800"', b'"\\udc00\\ud800"', b'"a\x00b"', b"NaN", b"-Infinity", b'"\n"'],
)
def test_a_page_with_odd_bytes_in_what_nobody_reads_is_read(odd: bytes) -> None:
    page = {"result": {"data": [{**raw(SLOT, 1), "memo": "@"}], "paginationToken": None}}
    body = json.dumps(page).encode().replace(b'"@"', odd)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body, type=dict[str, Any])
    found = raw_page(mended(body), WALLET)
    assert isinstance(found, Page)
    assert len(found.entries) == 1


@pytest.mark.parametrize("time", [0, -1, 1_577_836_799, NOW + 86_401, 10**18, 2**62])
def test_a_time_that_no_block_has_is_unknown(time: int) -> None:
    body = json.dumps({"result": {"data": [{**raw(SLOT, 1), "blockTime": time}, raw(SLOT, 2)]}})
    page = raw_page(body.encode(), WALLET)
    assert isinstance(page, Page)
    assert [entry.time for entry in plausible(page, NOW).entries] == [None, 1_700_000_000]


@pytest.mark.parametrize("units", [2**128, -(2**128), 10**4299, -(10**4299)])
@pytest.mark.parametrize("where", ["deltas", "sol_delta", "rent"])
def test_a_transaction_of_an_amount_that_no_chain_has_cannot_be_read(
    where: str, units: int
) -> None:
    body = json.dumps({"result": {"data": [raw(SLOT, 1), raw(SLOT, 2)]}})
    page = raw_page(body.encode(), WALLET)
    assert isinstance(page, Page)
    first, second = page.entries
    largest = structs.replace(second, deltas=((MINTS[0], 2**64 - 1), (MINTS[1], 1 - 2**64)))
    odd = structs.replace(first, **{where: ((MINTS[0], units),) if where == "deltas" else units})
    found = plausible(replace(page, entries=(odd, largest)), NOW)
    assert found.entries == (largest,)
    assert [each.signature for each in found.unreadable] == [first.signature]


async def _named(upstream: Upstream) -> dict[str, TokenMetadata]:
    found: dict[str, TokenMetadata] = {}
    async for part in upstream.metadata(MINTS, permit=unlimited):
        found |= part
    return found


ODD_ASSETS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a number": 7,
    "no content": {"id": MINTS[0]},
    "content a list": {"id": MINTS[0], "content": [], "token_info": "no"},
    "names of other kinds": {
        "id": MINTS[0],
        "content": {"metadata": {"name": 7, "symbol": {}}, "links": {"image": []}},
        "token_info": {"decimals": "6", "symbol": None},
    },
    "decimals off the scale": {"id": MINTS[0], "token_info": {"decimals": -1}},
    "an id of another kind": {"id": [MINTS[0]], "content": {}},
    "a lone surrogate": {"id": MINTS[0], "content": {"metadata": {"symbol": "\ud800"}}},
}


@pytest.mark.parametrize("odd", ODD_ASSETS.values(), ids=ODD_ASSETS)
async def test_an_odd_asset_costs_itself(odd: object, clock: Clock) -> None:
    good = {
        "id": MINTS[1],
        "content": {"metadata": {"name": "a\x00b", "symbol": "\x1b[31mRED"}},
        "token_info": {"decimals": 6},
    }

    def serve(_: httpx.Request) -> httpx.Response:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": [odd, good]})
        return httpx.Response(200, content=body.encode())

    async with opened(serve, clock=clock) as upstream:
        found = await _named(upstream)
    assert found[MINTS[1]] == TokenMetadata(MINTS[1], "[31mRED", "ab", None, 6)
    assert found[MINTS[0]] == TokenMetadata(MINTS[0], None, None, None, None)


ODD_PAIRS: list[Any] = [
    None,
    7,
    {},
    {"baseToken": []},
    {"baseToken": {"address": MINTS[0]}, "priceUsd": "nan"},
    {"baseToken": {"address": MINTS[0]}, "priceUsd": "1e300"},
    {"baseToken": {"address": MINTS[0]}, "priceUsd": -1},
    {"baseToken": {"address": [MINTS[0]]}, "priceUsd": "1"},
    {"baseToken": {"address": MINTS[0]}, "priceUsd": True},
    {"baseToken": {"address": MINTS[0]}, "priceUsd": "2", "chainId": ["ethereum"]},
]


@pytest.mark.parametrize("odd", ODD_PAIRS)
async def test_an_odd_market_costs_itself(odd: object, clock: Clock) -> None:
    good = {"baseToken": {"address": MINTS[1]}, "priceUsd": 1.5, "liquidity": {"usd": "many"}}
    async with opened(lambda _: httpx.Response(200, json=[odd, good]), clock=clock) as upstream:
        found: dict[str, TokenPrice] = {}
        async for part in upstream.prices(MINTS[:2], permit=unlimited):
            found |= part
    assert found == {
        MINTS[0]: TokenPrice(MINTS[0], None, None),
        MINTS[1]: TokenPrice(MINTS[1], 1.5, 0.0),
    }


@pytest.mark.parametrize(
    "odd", [7, [], {"lamports": -1}, {"lamports": "5", "owner": OTHER, "executable": False}]
)
async def test_an_odd_account_costs_itself(odd: object, clock: Clock) -> None:
    good = {"lamports": 5, "owner": "1" * 32, "executable": False}

    def serve(request: httpx.Request) -> httpx.Response:
        if b"getMultipleAccounts" in request.content:
            return answered({"value": [odd, good]})
        return answered({"value": [], "paginationKey": None})

    async with opened(serve, clock=clock) as upstream:
        found = await upstream.balances([WALLET, OTHER], permit=unlimited)
        known = await upstream.accounts([WALLET, OTHER], permit=unlimited)
    assert (found[WALLET].state, found[OTHER].state) == ("failed", "ok")
    error = found[WALLET].error
    assert error is not None
    assert error.code == "upstream_inconsistent"
    assert (known[WALLET].is_odd, known[OTHER].lamports) == (True, 5)


@pytest.mark.parametrize("value", [-1, 256, None, "6", 10**30])
async def test_a_holding_keeps_its_amount_without_decimals(value: object, clock: Clock) -> None:
    info = {"mint": MINTS[0], "owner": WALLET, "tokenAmount": {"amount": "9", "decimals": value}}
    item = {"account": {"data": {"parsed": {"info": info}}}}

    def serve(request: httpx.Request) -> httpx.Response:
        if b"getMultipleAccounts" in request.content:
            return answered({"value": [None]})
        listed = {"result": {"value": [item] if b"Tokenkeg" in request.content else []}}
        return httpx.Response(200, content=json.dumps(listed).encode())

    async with opened(serve, clock=clock) as upstream:
        balances = (await upstream.balances([WALLET], permit=unlimited))[WALLET].balances
    assert balances is not None
    assert [(each.amount, each.decimals) for each in balances.tokens] == [(9, None)]


@pytest.mark.parametrize("units", ["-1", "1.5", "", "x", "\u0661", "9" * 21])
async def test_what_is_no_amount_is_an_inconsistency_by_name(units: str, clock: Clock) -> None:
    info = {"mint": MINTS[0], "owner": WALLET, "tokenAmount": {"amount": units, "decimals": 6}}
    item = {"account": {"data": {"parsed": {"info": info}}}}

    def serve(request: httpx.Request) -> httpx.Response:
        is_account = b"getMultipleAccounts" in request.content
        return answered({"value": [None if is_account else item]})

    async with opened(serve, clock=clock) as upstream:
        found = (await upstream.balances([WALLET], permit=unlimited))[WALLET]
    assert found.error is not None
    assert found.error.code == "upstream_inconsistent"
