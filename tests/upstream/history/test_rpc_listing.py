"""Histories by the standard methods alone: the same entries, whatever a provider takes, refuses, cuts or loses."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from msgspec import structs

from streamproc.core.fair_queue import Share
from streamproc.core.ledger.entries import Entry, canonical_order
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import (
    CreditBudgetExceededError,
    StreamprocError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamTooNewError,
    UpstreamUnavailableError,
)
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.world.world import World
from streamproc.upstream import RequestPermit, Upstream, open_upstream, unlimited
from streamproc.upstream.client.permits import RateLimit
from tests.upstream.history.test_history import Kept
from tests.upstream.services import KEY, BudgetStore, Clock, RawBody, settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamproc.sandbox.service.server import Sandbox
    from streamproc.upstream import HistoryPage

    Change = Callable[[Any, Any], Any]

Json = Any  # as it comes


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with wallets of a few batches."""
    return World(seed=7, wallets=3, transactions=(40, 260))


_by_full_pages: dict[str, list[Entry]] = {}


async def _listed_in_full(world: World, wallet: str) -> list[Entry]:
    """The wallet's entries as full pages list them; remembered."""
    if wallet not in _by_full_pages:
        kept = Kept()
        async with serve(world) as sandbox:
            settings = settings_for(sandbox.url)
            async with open_upstream(settings, BudgetStore(), timing=Clock().timing) as upstream:
                await walk(upstream, wallet, kept)
        _by_full_pages[wallet] = canonical_order(kept.entries.values())
    return _by_full_pages[wallet]


class Between(httpx.AsyncBaseTransport):
    """Hands calls on to the sandbox and may change what it answers; notes what was asked."""

    def __init__(self) -> None:
        self._real = httpx.AsyncHTTPTransport()
        self.asked: Counter[str] = Counter()
        self.batches: list[int] = []
        self.urls: set[str] = set()
        self.refuse: Callable[[Json], httpx.Response | None] = lambda _: None
        self.change: Change = lambda _, answer: answer  # a call and its answer -> another answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        self.urls.add(str(request.url))
        calls = asked if isinstance(asked, list) else [asked]
        self.batches.append(len(asked) if isinstance(asked, list) else 0)
        self.asked.update(each["method"] for each in calls)
        refusal = self.refuse(asked)
        if refusal is not None:
            return httpx.Response(refusal.status_code, stream=RawBody(refusal.content))
        request.headers["accept-encoding"] = "identity"
        response = await self._real.handle_async_request(request)
        body = b"".join([part async for part in response.aiter_raw()])
        changed = json.loads(body)
        if isinstance(changed, list):
            by_id = {each["id"]: each for each in calls}
            changed = [self.change(by_id[each["id"]], each) for each in changed]
        elif not isinstance(asked, list):
            changed = self.change(asked, changed)
        return httpx.Response(response.status_code, stream=RawBody(json.dumps(changed).encode()))

    async def aclose(self) -> None:
        await self._real.aclose()


@asynccontextmanager
async def provided(
    world: World, *, batch_max: int = 100, per_s: float = 1000.0, clock: Clock | None = None
) -> AsyncIterator[tuple[Upstream, Between, Sandbox]]:
    """An upstream that asks a provider of the standard methods, without a key of ours."""
    between = Between()
    async with serve(world, standard_only=True, batch_max=batch_max) as sandbox:
        given = {"helius_api_key": None, "history_source": "rpc", "helius_rpc_rps": per_s}
        settings = settings_for(sandbox.url, **given)
        timing = (clock or Clock()).timing
        async with open_upstream(
            settings, BudgetStore(), timing=timing, transport=between
        ) as upstream:
            yield upstream, between, sandbox


async def walk(
    upstream: Upstream, wallet: str, kept: Kept, *, pages: int | None = None, **more: Json
) -> list[HistoryPage]:
    """Walk on from what is kept, at most so many pages."""
    walked: list[HistoryPage] = []
    permit = more.pop("permit", unlimited)
    async for page in upstream.history(wallet, held=kept, permit=permit, **more):
        kept.add(page)
        walked.append(page)
        if len(walked) == pages:
            break
    return walked


async def assert_same(kept: Kept, world: World, wallet: str) -> None:
    """What is kept is the wallet's truth, in the chain's order, as full pages have it, and all of it is closed."""
    truth = world.entries(wallet)
    found = canonical_order(kept.entries.values())
    assert [each.signature for each in found] == [each.signature for each in truth]
    assert [structs.replace(each, index=None) for each in found] == [
        structs.replace(each, index=None) for each in await _listed_in_full(world, wallet)
    ]
    assert kept.ranges == [(0, truth[-1].slot)]


@pytest.mark.parametrize("batch_max", [100, 7, 0], ids=["batches", "small batches", "no batches"])
async def test_what_standard_methods_list_is_the_truth(world: World, batch_max: int) -> None:
    async with provided(world, batch_max=batch_max) as (upstream, between, _):
        for wallet in world.addresses:
            kept = Kept()
            pages = await walk(upstream, wallet, kept)
            assert {page.strategy for page in pages} == {"rpc"}
            await assert_same(kept, world, wallet)
    assert set(between.asked) == {
        "getTokenAccountsByOwner",
        "getSignaturesForAddress",
        "getTransaction",
    }
    transactions = sum(len(world.entries(wallet)) for wallet in world.addresses)
    assert between.asked["getTransaction"] <= 1.3 * transactions + 200


@pytest.mark.parametrize("pages", [2, 3])
async def test_a_walk_that_breaks_off_goes_on_where_it_was(world: World, pages: int) -> None:
    wallet = world.addresses[0]
    kept = Kept()
    async with provided(world, per_s=20) as (upstream, between, _):
        for _ in range(60):
            await walk(upstream, wallet, kept, pages=pages)
            if kept.ranges[:1] == [(0, world.entries(wallet)[-1].slot)]:
                break
        await assert_same(kept, world, wallet)
        asked = between.asked["getTransaction"]
        await walk(upstream, wallet, kept)
        assert between.asked["getTransaction"] <= asked + 4, "only the last slot is asked for again"


async def test_the_newest_are_enough_when_that_is_what_is_wanted(world: World) -> None:
    wallet, kept = world.addresses[0], Kept()
    truth = [each.signature for each in world.entries(wallet)]
    async with provided(world) as (upstream, _, _):
        await walk(upstream, wallet, kept, max_transactions=15)
        assert set(truth[-15:]) <= set(kept.entries)
        assert len(kept.entries) < len(truth)
        await walk(upstream, wallet, kept)
    await assert_same(kept, world, wallet)


def _cut(most: int) -> Change:
    """Lists of signatures that are cut to so many rows, as some providers do."""

    def change(asked: Json, answer: Json) -> Json:
        if asked["method"] == "getSignaturesForAddress" and "result" in answer:
            answer["result"] = answer["result"][:most]
        return answer

    return change


@pytest.mark.parametrize("most", [1, 3, 50])
async def test_a_short_list_is_not_taken_for_the_end(world: World, most: int) -> None:
    wallet, kept = world.addresses[0], Kept()
    async with provided(world) as (upstream, between, _):
        between.change = _cut(most)
        await walk(upstream, wallet, kept)
    await assert_same(kept, world, wallet)


REFUSALS: dict[str, Callable[[Json], httpx.Response | None]] = {
    "413 over ten": lambda asked: httpx.Response(413) if len(asked) > 10 else None,
    "429 over ten": lambda asked: (
        httpx.Response(429) if isinstance(asked, list) and len(asked) > 10 else None
    ),
    **{
        f"batches: {status}": lambda asked, status=status: (  # type: ignore[misc]
            httpx.Response(status, text="no batches") if isinstance(asked, list) else None
        )
        for status in (400, 403, 404, 405, 501)
    },
    "batches: an object": lambda asked: (
        httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "result": "what?"})
        if isinstance(asked, list)
        else None
    ),
    "batches: nothing in them": lambda asked: (
        httpx.Response(200, json=[]) if isinstance(asked, list) else None
    ),
    "batches: ids of another kind": lambda asked: (
        httpx.Response(200, json=[{"id": "1", "result": None}]) if isinstance(asked, list) else None
    ),
    "batches: -32600 in a list": lambda asked: (
        httpx.Response(200, json=[{"id": None, "error": {"code": -32600, "message": "batch"}}])
        if isinstance(asked, list)
        else None
    ),
}


@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS)
async def test_what_an_endpoint_refuses_of_batches_costs_no_entry(
    world: World, refuse: Callable[[Json], httpx.Response | None]
) -> None:
    wallet, kept = world.addresses[0], Kept()
    async with provided(world) as (upstream, between, _):
        between.refuse = refuse
        await walk(upstream, wallet, kept)
        await assert_same(kept, world, wallet)
        # It has been learnt: batches are not tried again and again.
        assert sum(size > 10 for size in between.batches) <= 16


async def test_calls_of_a_batch_that_are_refused_in_passing_are_asked_again(world: World) -> None:
    wallet, kept, refused = world.addresses[0], Kept(), set[str]()

    def change(asked: Json, answer: Json) -> Json:
        name = asked["params"][0]
        if asked["method"] != "getTransaction" or name in refused or asked["id"] % 3:
            return answer
        refused.add(name)
        error = {"code": -32429, "message": "rate"}
        return {"jsonrpc": "2.0", "id": asked["id"], "error": error}

    async with provided(world) as (upstream, between, _):
        between.change = change
        await walk(upstream, wallet, kept)
    assert refused
    await assert_same(kept, world, wallet)


LASTING: dict[str, tuple[dict[str, Any], type[StreamprocError]]] = {
    "-32015": ({"code": -32015, "message": "Transaction version (2)"}, UpstreamTooNewError),
    "-32602": ({"code": -32602, "message": "no"}, UpstreamRejectedError),
}


@pytest.mark.parametrize("batch_max", [100, 0])
@pytest.mark.parametrize(("error", "raised"), LASTING.values(), ids=LASTING)
async def test_one_call_that_is_refused_for_good_fails_the_wallet_by_name(
    world: World, batch_max: int, error: dict[str, Any], raised: type[StreamprocError]
) -> None:
    wallet, kept = world.addresses[0], Kept()
    doomed = world.entries(wallet)[5].signature

    def change(asked: Json, answer: Json) -> Json:
        if asked["params"][0] == doomed:
            return {"jsonrpc": "2.0", "id": asked["id"], "error": error}
        return answer

    async with provided(world, batch_max=batch_max, per_s=20) as (upstream, between, _):
        between.change = change
        with pytest.raises(raised):
            await walk(upstream, wallet, kept)
        assert kept.ranges, "what came before it is kept"
        between.change = lambda _, answer: answer
        await walk(upstream, wallet, kept)
    await assert_same(kept, world, wallet)


async def test_a_transaction_that_the_endpoint_has_lost_leaves_its_slot_open(world: World) -> None:
    wallet, kept = world.addresses[0], Kept()
    lost = world.entries(wallet)[len(world.entries(wallet)) // 2]

    def change(asked: Json, answer: Json) -> Json:
        return {**answer, "result": None} if asked["params"][0] == lost.signature else answer

    async with provided(world) as (upstream, between, _):
        between.change = change
        await walk(upstream, wallet, kept)
        tip = world.entries(wallet)[-1].slot
        assert kept.ranges == [(0, lost.slot - 1), (lost.slot + 1, tip)]
        assert lost.signature not in kept.entries
        between.change = lambda _, answer: answer
        asked = between.asked["getTransaction"]
        await walk(upstream, wallet, kept)
        assert between.asked["getTransaction"] <= asked + 8
    await assert_same(kept, world, wallet)


async def test_a_budget_ends_a_walk_with_what_it_has_paid_for(world: World) -> None:
    wallet, budget_store, clock = world.addresses[0], BudgetStore(), Clock()
    rate = RateLimit(budget_store, keys={"rpc": "k"}, rates={"rpc": 1e9}, timing=clock.timing)
    async with provided(world, per_s=20, clock=clock) as (upstream, between, _):
        await walk(upstream, wallet, Kept())
        whole, kept = sum(between.asked.values()), Kept()
        between.asked.clear()
        permit = RequestPermit(rate, budget_store, "r", whole - 45, lambda: False)
        with pytest.raises(CreditBudgetExceededError):
            await walk(upstream, wallet, kept, permit=permit)
        assert budget_store.spent == budget_store.reserved == sum(between.asked.values())
        assert whole - 45 - 20 <= budget_store.spent <= whole - 45
        assert kept.ranges
        assert len(kept.entries) >= between.asked["getTransaction"] - 40
        await walk(upstream, wallet, kept)
    await assert_same(kept, world, wallet)


async def test_a_batch_takes_as_many_permits_as_it_has_calls() -> None:
    budget_store, clock = BudgetStore(), Clock()
    rate = RateLimit(budget_store, keys={"rpc": "k"}, rates={"rpc": 50.0}, timing=clock.timing)
    await rate.wait("rpc", Share(b"t", b"r"), 40)
    await rate.wait("rpc", Share(b"t", b"r"))
    assert sum(permits for _, _, permits, _ in budget_store.leases) == 41


@pytest.mark.parametrize("tail", ["/v2/secret-key-12345", "/?token=secret-key-12345&x=1"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda url: httpx.Response(400, text=f"bad {url}"),
        lambda url: httpx.Response(401, text=f"bad {url}"),
        lambda url: httpx.Response(404, text=f"bad {url}"),
    ],
)
async def test_a_providers_own_key_goes_there_as_it_is_and_nowhere_else(
    tail: str, answer: Callable[[str], httpx.Response], caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def serve_it(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        response = answer(str(request.url))
        return httpx.Response(response.status_code, stream=RawBody(response.content))

    url = f"https://solana.example.org{tail}"
    settings = settings_for(helius_rpc_url=url, history_source="rpc")
    transport = httpx.MockTransport(serve_it)
    async with open_upstream(
        settings, BudgetStore(), timing=Clock().timing, transport=transport
    ) as upstream:
        with pytest.raises(
            (UpstreamRejectedError, UpstreamKeyRejectedError, UpstreamUnavailableError)
        ) as caught:
            await walk(upstream, "7Nq1Lx8y6Z2h9mYwq7kQf3V5bJt4cRsDpGzUeAaXxHhM", Kept())
    assert set(asked) == {url}, "as it is, and without our key"
    for text in (str(caught.value), caplog.text):
        assert "secret-key" not in text
        assert KEY not in text
    assert "solana.example.org" in str(caught.value)


async def test_an_address_without_transactions_is_known_at_once(world: World) -> None:
    async with provided(world) as (upstream, between, _):
        kept = Kept()
        await walk(upstream, "7Nq1Lx8y6Z2h9mYwq7kQf3V5bJt4cRsDpGzUeAaXxHhM", kept)
    assert kept.ranges == [SlotRange(0, 0)]
    assert sum(between.asked.values()) == 3
