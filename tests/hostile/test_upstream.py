"""What the upstream may answer, through the whole product: an end by name, nobody else suffers, no key is seen."""

from __future__ import annotations

import asyncio
import itertools
import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web
from solders.keypair import Keypair

from streamproc.safety.redaction import redacted
from streamproc.sandbox.world.world import World
from tests.flow.conftest import served
from tests.flow.installation import KEY
from tests.hostile.crook import Asked, Crook, Rule, always, crooked, json_reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

PAGES = "getTransactionsForAddress"


class House(NamedTuple):
    """An installation whose upstream is crooked."""

    installation: Installation
    crook: Crook
    wallets: Any  # an iterator of wallets that nobody has asked about

    def fresh(self, count: int = 2) -> list[str]:
        """Wallets that nobody has asked about."""
        return list(itertools.islice(self.wallets, count))

    async def ends(
        self, name: str, wallets: list[str], within_s: float = 60.0, **options: object
    ) -> dict[str, Any]:
        """How a request ends, in time."""
        given = {"deadline_s": 50, "enrich": False, **options}
        await self.installation.request(name, wallets, **given)
        return await self.installation.ending(name, within_s)

    async def serves(self, name: str) -> None:
        """A good request completes in time, and the worker lives."""
        ending = await self.ends(name, self.fresh(), 20)
        assert ending["status"] == "completed"
        assert [worker.poll() for worker in self.installation.workers] == [None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(open_installation: Opener) -> AsyncIterator[House]:
    """One worker for all attacks."""
    world = World(seed=23, wallets=100, transactions=(4, 12))
    with served(world) as sandbox:
        async with crooked(sandbox.url) as crook:
            names = ("HELIUS_RPC_URL", "HELIUS_API_URL", "DEXSCREENER_URL")
            bases = {f"STREAMPROC_{name}": crook.url for name in names}
            async with open_installation(sandbox, **bases) as installation:
                await installation.ready_worker()
                yield House(installation, crook, iter(world.addresses))


def _members(asked: Asked, **more: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked.body["id"] if asked.body else 1, **more}


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def _escapes(asked: Asked) -> web.Response:
    body = json.dumps(_members(asked, error={"code": -32602, "message": "@"}))
    return web.Response(text=body.replace("@", "bad key " + _escaped(KEY)))


ERRORS: dict[str, tuple[Callable[[Asked], web.StreamResponse], set[str]]] = {
    "upstream-error-long-echo": (
        lambda asked: web.Response(status=400, text=asked.url + "x" * 70_000),
        {"wallets_failed", "balances_failed"},
    ),
    "upstream-error-json-escapes": (_escapes, {"wallets_failed", "balances_failed"}),
    "upstream-error-json-long": (
        lambda asked: json_reply(
            _members(asked, error={"code": -32602, "message": asked.url}, more="x" * 70_000), 400
        ),
        {"wallets_failed", "balances_failed"},
    ),
    "upstream-error-401-html": (
        lambda asked: web.Response(
            status=401,
            text=f"<script>alert(1)</script>\x1b[31m{asked.url}",
            content_type="text/html",
        ),
        {"upstream_key_rejected"},
    ),
    "upstream-403": (lambda asked: web.Response(status=403, text=asked.url), set()),
    "upstream-429-then-400": (lambda asked: web.Response(status=422, text=asked.url), set()),
}


async def test_an_error_is_told_in_our_words(house: House) -> None:
    asked: dict[str, list[str]] = {}
    for name, (answer, _) in ERRORS.items():
        asked[name] = house.fresh()
        house.crook.harm(asked[name], always(answer))
    endings = await asyncio.gather(*(house.ends(name, asked[name]) for name in ERRORS))
    for ending, (name, (_, codes)) in zip(endings, ERRORS.items(), strict=True):
        assert ending["status"] == "failed", name
        assert ending["code"] != "internal"
        assert not codes or ending["code"] in codes, (name, ending)
        for each in [ending, *ending["wallets_failed"]]:
            assert each["message"].isprintable()
            assert not {"script", "xxx", "bad key"} & set(each["message"].split())
            assert each["code"] != "internal"
    await house.serves("after-errors")


async def test_a_ratio_that_is_met_exactly_is_met(house: House) -> None:
    """7 of 25 are 0.28, which as a binary fraction is a little more than that."""
    wallets = [str(Keypair().pubkey()) for _ in range(25)]
    refused = wallets[:18]

    def refuse(asked: Asked) -> web.StreamResponse:
        if asked.method == PAGES:
            return json_reply(_members(asked, error={"code": -32602, "message": "no"}))
        return json_reply(asked.answer)

    house.crook.harm(refused, always(refuse))
    ending = await house.ends("ratio-float", wallets, min_success_ratio=0.28)
    assert ending["status"] == "completed"
    failed = [each["wallet"] for each in ending["wallets"] if each["outcome"] == "failed"]
    assert sorted(failed) == sorted(refused)


async def test_a_redirect_is_not_followed(house: House) -> None:
    wallets = house.fresh()

    def redirect(asked: Asked) -> web.Response:
        place = house.crook.elsewhere + asked.request.path_qs
        return web.Response(status=302, headers={"Location": place})

    house.crook.harm(wallets, always(redirect))
    ending = await house.ends("redirect-other-port", wallets)
    assert ending["status"] in {"failed", "expired"}
    assert ending["code"] != "internal"
    assert house.crook.strayed == []


async def test_no_cookie_comes_back(house: House) -> None:
    house.crook.headers = {"Set-Cookie": "sid=x; Path=/"}
    try:
        await house.serves("set-cookie")
        await house.serves("set-cookie-again")
    finally:
        house.crook.headers = {}
    assert house.crook.cookies == {None}


ODD_NAMES = [
    "a\0b",
    "\x1b]0;TITLE\x07",
    "\x1b[31mRED",
    "\x1b]52;c;SE9T\x07",
    "\u202eevil",
    "\x1b[2JCLEAR",
    '<script>document.title="PWNED"</script>',
    '"><img src=http://127.0.0.1:9/x onerror=alert(1)>',
    "\ud800",
    "x" * 1000,
    None,
    7,
    ["a"],
]


async def test_odd_names_decimals_and_prices_complete_and_reach_nobody_raw(house: House) -> None:
    names = itertools.cycle(ODD_NAMES)

    def odd(asked: Asked) -> web.StreamResponse:
        if asked.method == "getAssetBatch":
            for each in filter(None, asked.answer["result"]):
                name = next(names)
                each["content"] = {
                    "metadata": {"name": name, "symbol": name},
                    "links": {"image": "javascript:alert(1)"},
                }
                each["token_info"] = {"symbol": name, "decimals": -1}
        elif isinstance(asked.answer, list):  # prices
            prices = itertools.cycle(["NaN", "1e400", -1, "x", None, "1e300"])
            for each in asked.answer:
                each["priceUsd"] = next(prices)
        return json_reply(asked.answer)

    house.crook.everywhere = always(odd)
    try:
        ending = await house.ends("odd-names", house.fresh(), enrich=True)
    finally:
        house.crook.everywhere = None
    assert ending["status"] == "completed"
    assert ending["tokens"]
    for each in ending["tokens"].values():
        for name in (each["symbol"], each["name"]):
            assert name is None or (len(name) <= 64 and name.isprintable())
        assert each["image_url"] is None
    assert any(each["kind"] == "metadata" for each in ending["missing"])
    (record,) = house.installation.of("analysis-completed", "odd-names")
    json.loads(record.value or b"", parse_constant=pytest.fail)


def _in_pages(change: Callable[[list[dict[str, Any]]], None]) -> Rule:
    """The rule that changes the transactions of full pages."""

    def answer(asked: Asked) -> web.StreamResponse:
        if asked.method == PAGES and asked.options.get("transactionDetails") == "full":
            change(asked.answer["result"]["data"])
        return json_reply(asked.answer)

    return always(answer)


def _decimals(data: list[dict[str, Any]], value: object) -> None:
    for each in data:
        for side in ("preTokenBalances", "postTokenBalances"):
            for balance in each["meta"][side] or ():
                balance["uiTokenAmount"]["decimals"] = value


def _times(data: list[dict[str, Any]], value: object) -> None:
    for each in data:
        each["blockTime"] = value


def _version_1(asked: Asked) -> web.StreamResponse:
    options = asked.options if asked.body else {}
    declared = options.get("maxSupportedTransactionVersion", -1)
    if asked.method == PAGES and declared < 1:
        message = "Transaction version (1) is not supported by the requesting client."
        return json_reply(_members(asked, error={"code": -32015, "message": message}))
    if asked.method == PAGES:
        for each in asked.answer["result"]["data"]:
            if each["version"] != "legacy":
                continue
            each["version"] = 1
            each["meta"].pop("loadedAddresses", None)
            each["transaction"]["message"]["transactionConfig"] = {
                "computeUnitLimit": 200_000,
                "heapSize": None,
                "loadedAccountsDataSizeLimit": None,
                "priorityFee": 1000,
            }
    return json_reply(asked.answer)


PAGES_CHANGED: dict[str, Rule] = {
    "decimals-minus-1": _in_pages(lambda data: _decimals(data, -1)),
    "decimals-10000": _in_pages(lambda data: _decimals(data, 10_000)),
    "blocktime-absurd": _in_pages(lambda data: _times(data, 10**18)),
    "blocktime-negative": _in_pages(lambda data: _times(data, -5)),
    "v1-transactions": always(_version_1),
}


async def test_odd_figures_of_pages_complete(house: House) -> None:
    asked = {name: house.fresh() for name in PAGES_CHANGED}
    for name, rule in PAGES_CHANGED.items():
        house.crook.harm(asked[name], rule)
    endings = await asyncio.gather(*(house.ends(name, asked[name]) for name in PAGES_CHANGED))
    for ending, name in zip(endings, PAGES_CHANGED, strict=True):
        assert ending["status"] == "completed", (name, ending)
        assert {each["coverage"]["state"] for each in ending["wallets"]} == {"complete"}, name
    by_name = dict(zip(PAGES_CHANGED, endings, strict=True))
    for wallet in by_name["blocktime-absurd"]["wallets"]:
        assert wallet["coverage"]["first_time"] is None
    await house.serves("after-pages")


def _without_meta(data: list[dict[str, Any]]) -> None:
    if len(data) > 1:
        data[1]["meta"] = None


async def test_a_transaction_without_meta_costs_itself(house: House) -> None:
    wallets = house.fresh()
    whole = await house.ends("meta-whole", wallets)
    await house.installation.execute("TRUNCATE wallets CASCADE")
    house.crook.harm(wallets, _in_pages(_without_meta))
    ending = await house.ends("meta-null", wallets)
    assert ending["status"] == "completed"
    for one, other in zip(whole["wallets"], ending["wallets"], strict=True):
        lost = other["coverage"]
        assert (lost["state"], lost["unreadable"]) == ("partial", 1)
        assert lost["transactions"] == one["coverage"]["transactions"] - 1


async def test_a_newer_version_is_listed_another_way_or_fails_by_its_name(house: House) -> None:
    one, two = house.fresh(), house.fresh()

    def too_new(asked: Asked) -> web.StreamResponse:
        if asked.method in {PAGES, "getTransaction"}:
            error = {"code": -32015, "message": "Transaction version (2) is not supported"}
            return json_reply(_members(asked, error=error))
        return json_reply(asked.answer)

    def refused_everywhere(asked: Asked) -> web.StreamResponse:
        if asked.method == "history":
            return json_reply({"error": {"code": -32015, "message": "version (2)"}})
        return too_new(asked)

    async def nothing_else(asked: Asked) -> web.StreamResponse:
        if isinstance(asked.body, list):  # of the last way: no wallet stands in it
            error = {"code": -32015, "message": "version (2)"}
            return json_reply(
                [{"jsonrpc": "2.0", "id": n, "error": error} for n in range(len(asked.body))]
            )
        return json_reply(asked.answer)

    house.crook.harm(one, always(too_new))
    house.crook.harm(two, always(refused_everywhere))
    house.crook.everywhere = nothing_else
    try:
        listed, failed = await asyncio.gather(
            house.ends("too-new-here", one), house.ends("too-new-everywhere", two)
        )
    finally:
        house.crook.everywhere = None
    assert listed["status"] == "completed"
    assert failed["status"] == "failed"
    assert {each["code"] for each in failed["wallets_failed"]} == {"upstream_too_new"}
    assert all("newer reader" in each["message"] for each in failed["wallets_failed"])
    pages = [call for call in house.crook.calls if PAGES in call and two[0] in call]
    assert len(pages) == 1, "nothing is asked again"


async def test_a_pause_is_waited_for_and_told(house: House) -> None:
    wallets = house.fresh()
    until = asyncio.get_running_loop().time() + 18

    def away(asked: Asked) -> web.StreamResponse:
        if asyncio.get_running_loop().time() < until:
            return web.Response(status=503, text="away")
        return json_reply(asked.answer)

    house.crook.harm(wallets, always(away))
    ending = await house.ends("pause", wallets, deadline_s=60)
    assert ending["status"] == "completed"
    told = [each.event["message"] for each in house.installation.of("analysis-progress", "pause")]
    assert any("upstream answers 503 since" in each for each in told), told
    log = house.installation.log(0)
    assert log.count(f"answers 503 to {'getMultipleAccounts'}") == 1
    assert "recovered" in log


async def test_a_pause_of_the_pages_alone_is_waited_for(house: House) -> None:
    wallets = house.fresh()
    until = asyncio.get_running_loop().time() + 15

    def away(asked: Asked) -> web.StreamResponse:
        is_away = asyncio.get_running_loop().time() < until
        if asked.method == PAGES and is_away:
            return web.Response(status=502)
        return json_reply(asked.answer)

    house.crook.harm(wallets, always(away))
    assert (await house.ends("pause-of-pages", wallets))["status"] == "completed"


async def test_an_answer_that_never_ends_costs_its_own_request_only(house: House) -> None:
    wallets = house.fresh()

    async def drip(asked: Asked) -> web.StreamResponse:
        if asked.method != PAGES:
            return json_reply(asked.answer)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(asked.request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(1)

    house.crook.harm(wallets, drip)
    dripping = asyncio.create_task(house.ends("drip", wallets, 30, deadline_s=15))
    await asyncio.sleep(1)
    await house.serves("beside-the-drip")
    ending = await dripping
    assert ending["status"] in {"expired", "failed"}
    assert ending["code"] != "internal"


STRANGE: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a list": [],
    "a text": "x",
    "result null": {"result": None},
    "result a number": {"result": 7},
    "error a text": {"error": "x"},
    "error without a code": {"error": {"message": "x"}},
    "an unknown error": {"error": {"code": 10**30, "message": ["x"]}},
    "value of another kind": {"result": {"value": {"a": 1}, "data": {"a": 1}}},
    "items of another kind": {"result": {"value": [7, "x"], "data": [None, 7, {}, []]}},
}


def _said(value: object, _asked: Asked) -> web.StreamResponse:
    return json_reply(value)


async def test_strange_json_ends_by_name_or_completes(house: House) -> None:
    asked = {f"strange-{number}": house.fresh() for number in range(len(STRANGE))}
    for wallets, value in zip(asked.values(), STRANGE.values(), strict=True):
        house.crook.harm(wallets, always(partial(_said, value)))
    endings = await asyncio.gather(*(house.ends(name, asked[name]) for name in asked))
    for ending, name in zip(endings, STRANGE, strict=True):
        assert ending["status"] in {"failed", "completed", "expired"}, name
        assert ending.get("code") != "internal", (name, ending)
        assert all(each["code"] != "internal" for each in ending.get("wallets_failed", ())), name
    await house.serves("after-strange-json")


async def test_the_key_stands_nowhere(house: House) -> None:
    """The last one: whatever was done above."""
    installation = house.installation
    texts = [installation.log(0), await installation.metrics(0)]
    for said in installation.said:
        parts = [said.key, said.value, *said.headers.values()]
        texts += [part.decode("utf-8", "replace") for part in parts if part]
    connection = await asyncpg.connect(installation.environment["STREAMPROC_POSTGRES_DSN"])
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in tables:
            rows = await connection.fetch(f"SELECT t::text FROM {table} AS t")  # noqa: S608 - ours
            texts += [row[0] for row in rows]
    finally:
        await connection.close()
    assert len(texts) > 500
    for text in texts:
        assert redacted(text, [KEY]) == text
    assert "Traceback" not in texts[0]
