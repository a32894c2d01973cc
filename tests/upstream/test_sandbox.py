"""The clients against the stand-in upstream, whose world knows what there is to be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from streamproc.core.ledger.entries import canonical_order, same_facts
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.errors import UpstreamKeyRejectedError
from streamproc.sandbox.service.faults import PAGES, Fault
from streamproc.sandbox.service.server import REJECTED_KEY, Sandbox, serve
from streamproc.sandbox.world.world import World
from streamproc.store import NewRequest, Store, StoredPage, open_store
from streamproc.upstream import Upstream, open_upstream, unlimited
from tests.upstream.services import BudgetStore, Clock, settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.core.ledger.entries import Entry

METHOD = "getTransactionsForAddress"
UNSUPPORTED = Fault("-32601", method=METHOD)
# What a history must survive; lies about wallets and cursors are to be noticed instead.
SURVIVED = [
    *("429", "500", "502", "503", "504", "-32429", "-32603"),
    *("reset", "html", "not_json", "empty_body", "wrong_shape", "truncated", "cut_json"),
    *(kind for kind in PAGES if kind in {"short_page", "duplicates", "empty_page"}),
]


@pytest.fixture(scope="module")
def world() -> World:
    """A small world with one wallet of more than a page."""
    return World(seed=5, wallets=3, transactions=(40, 700))


@pytest.fixture
async def sandbox(world: World) -> AsyncIterator[Sandbox]:
    """The world, served."""
    async with serve(world) as running:
        yield running


@pytest.fixture
async def upstream(
    sandbox: Sandbox, budget_store: BudgetStore, clock: Clock
) -> AsyncIterator[Upstream]:
    """A client of it that never waits."""
    async with open_upstream(
        settings_for(sandbox.url), budget_store, timing=clock.timing
    ) as opened:
        yield opened


async def _history(upstream: Upstream, wallet: str) -> tuple[list[Entry], list[SlotRange]]:
    entries: list[Entry] = []
    closed: list[SlotRange] = []
    async for page in upstream.history(wallet, permit=unlimited):
        entries += page.entries
        closed += [page.closed] if page.closed else []
    return canonical_order(entries), union(closed)


async def test_both_lists_find_all_there_is_and_agree(
    world: World, sandbox: Sandbox, upstream: Upstream
) -> None:
    full = {wallet: await _history(upstream, wallet) for wallet in world.addresses}
    sandbox.set_faults(UNSUPPORTED)
    for wallet in world.addresses:
        entries, ranges = full[wallet]
        assert [each.signature for each in entries] == [
            each.signature for each in world.entries(wallet)
        ]
        assert ranges == [(0, entries[-1].slot)]
        listed, listed_ranges = await _history(upstream, wallet)
        for one, other in zip(listed, entries, strict=True):
            # The enhanced form says where it goes by the size of an account alone.
            assert same_facts(structs.replace(one, estimated=False), other)
        assert listed_ranges == ranges


@pytest.mark.parametrize(
    ("kind", "is_full"),
    # An empty page is how the enhanced list ends.
    [(kind, True) for kind in SURVIVED]
    + [(kind, False) for kind in SURVIVED if kind != "empty_page"],
)
async def test_a_history_survives_every_passing_fault(
    world: World, sandbox: Sandbox, upstream: Upstream, kind: str, *, is_full: bool
) -> None:
    wallet = world.addresses[-1]
    method = METHOD if is_full else "history"
    fault = Fault(kind, method=method, probability=0.4, times=3, seed=3)
    sandbox.set_faults(fault) if is_full else sandbox.set_faults(fault, UNSUPPORTED)
    entries, ranges = await _history(upstream, wallet)
    assert len(entries) == len(world.entries(wallet))
    assert ranges == [(0, entries[-1].slot)]


async def test_credits_are_counted_as_the_service_counts_them(
    world: World, sandbox: Sandbox, upstream: Upstream, budget_store: BudgetStore
) -> None:
    permit = upstream.permit("a-1", credit_budget=None, is_ended=lambda: False)
    for faults in ([], [UNSUPPORTED]):
        sandbox.set_faults(*faults, Fault("503", probability=0.2, seed=1))
        for wallet in world.addresses:
            async for _ in upstream.history(wallet, permit=permit):
                pass
    await upstream.balances([*world.addresses, world.never_funded], permit=permit)
    async for _ in upstream.metadata([coin.mint for coin in world.market.coins], permit=permit):
        pass
    assert budget_store.spent == sandbox.counters.credits > 100


async def test_a_rejected_key_is_said_to_be_one(
    sandbox: Sandbox, budget_store: BudgetStore
) -> None:
    settings = settings_for(sandbox.url, helius_api_key=REJECTED_KEY)
    async with open_upstream(settings, budget_store) as upstream:
        with pytest.raises(UpstreamKeyRejectedError, match="key"):
            await upstream.accounts(["11111111111111111111111111111111"], permit=unlimited)


async def test_balances_names_and_kinds_are_the_worlds(world: World, upstream: Upstream) -> None:
    wallets = [*world.addresses, world.never_funded]
    found = await upstream.balances([*wallets, world.oversized], permit=unlimited)
    for wallet in wallets:
        balances = found[wallet].balances
        assert balances is not None
        assert balances.lamports == world.chain.lamports.get(wallet, 0)
    assert found[world.oversized].state == "oversized"
    kinds = await upstream.accounts(
        [world.program, world.token_account, *wallets], permit=unlimited
    )
    assert [each.is_wallet for each in kinds.values()] == [False, False, *[True] * len(wallets)]


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[Store]:
    """A store with a schema and no rows."""
    async with open_store(store_dsn, pool_size=4) as opened:
        await opened.record_requests([NewRequest("a-1", b"", "t/0/0", [], {}, 0, 1)])
        yield opened


async def _sync(upstream: Upstream, store: Store, wallet: str, pages: int | None = None) -> int:
    """Store what is missing, at most so many pages; returns how many came."""
    permit = upstream.permit("a-1", credit_budget=None, is_ended=lambda: False)
    count = 0
    async for page in upstream.history(wallet, held=await store.held(wallet), permit=permit):
        await store.add_page(
            wallet, StoredPage(page.entries, page.closed, page.strategy, decimals=page.decimals)
        )
        count += 1
        if count == pages:
            break
    return count


@pytest.mark.real
@pytest.mark.parametrize("is_full", [True, False], ids=["full", "enhanced"])
async def test_a_sync_that_was_broken_off_asks_for_no_closed_slot_again(
    world: World, sandbox: Sandbox, store: Store, clock: Clock, *, is_full: bool
) -> None:
    wallet = max(world.addresses, key=lambda each: len(world.entries(each)))
    if not is_full:
        sandbox.set_faults(UNSUPPORTED)
    async with open_upstream(settings_for(sandbox.url), store, timing=clock.timing) as upstream:
        await _sync(upstream, store, wallet, pages=1)
        await _sync(upstream, store, wallet)
    entries = await store.entries(wallet)
    assert [each.signature for each in entries] == [
        each.signature for each in world.entries(wallet)
    ]
    assert await store.ranges(wallet) == [(0, entries[-1].slot)]
    # The enhanced list knows no slots: its first page is asked for again to see whether anything is new.
    again = 5 if is_full else 105
    assert sandbox.counters.transactions[wallet] <= len(entries) + again


@pytest.mark.real
async def test_two_workers_share_one_rate_and_both_finish(
    world: World, sandbox: Sandbox, store: Store
) -> None:
    sandbox.rps["rpc"] = 40.0
    settings = settings_for(sandbox.url, helius_rpc_rps=40.0)
    async with open_upstream(settings, store) as one, open_upstream(settings, store) as other:
        for wallet in world.addresses:
            await _sync(one, store, wallet)
            await _sync(other, store, wallet)
    for wallet in world.addresses:
        assert len(await store.entries(wallet)) == len(world.entries(wallet))


async def test_a_probe_says_how_long_a_history_is_for_ten_credits(
    world: World, sandbox: Sandbox, upstream: Upstream
) -> None:
    for wallet in world.addresses:
        sandbox.counters.reset()
        extent = await upstream.probe(wallet, permit=unlimited)
        assert (extent.transactions, extent.is_exact) == (len(world.entries(wallet)), True)
        assert sandbox.counters.credits == 10
    assert (await upstream.probe(world.never_funded, permit=unlimited)).transactions == 0


async def test_a_probe_extrapolates_what_one_page_does_not_hold(
    world: World, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamproc.upstream.history.probe.SIGNATURES_MAX", 20)
    extent = await upstream.probe(world.addresses[0], permit=unlimited)
    assert not extent.is_exact
    assert extent.transactions >= 20
