"""An estimate costs little, sends nothing, and meets what the sandbox then counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.cli.shared.environment import NO_STORE
from streamproc.cli.shared.estimate import Alone, estimated, print_estimate
from streamproc.core.estimate import Estimate
from streamproc.core.formats import Formats
from streamproc.core.ledger.ranges import SlotRange
from streamproc.events import AnalysisRequested
from streamproc.sandbox.service.server import Sandbox, serve
from streamproc.sandbox.world.world import World
from streamproc.settings import Settings, load_settings
from streamproc.store import StoredPage, open_store
from streamproc.upstream import open_upstream, unlimited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="module")
def world() -> World:
    """Three wallets with some hundred transactions each."""
    return World(seed=5, wallets=3, transactions=(90, 150))


@pytest.fixture
async def sandbox(world: World) -> AsyncIterator[Sandbox]:
    """The world, served."""
    async with serve(world) as running:
        yield running


def _settings(sandbox: Sandbox, dsn: str, **more: object) -> Settings:
    return load_settings(
        {},
        **more,
        kafka_brokers="127.0.0.1:1",
        postgres_dsn=dsn,
        helius_api_key="k",
        helius_plan="professional",
        helius_rpc_url=sandbox.url,
        helius_api_url=sandbox.url,
        dexscreener_url=sandbox.url,
    )


def _request(world: World, **options: object) -> AnalysisRequested:
    return AnalysisRequested.model_validate(
        {"request_id": "e-1", "wallets": world.addresses, **options}
    )


async def test_without_a_store_every_wallet_is_probed(world: World, sandbox: Sandbox) -> None:
    found, spent = await estimated(_settings(sandbox, NO_STORE), _request(world))
    lengths = [len(world.entries(wallet)) for wallet in world.addresses]
    assert found.transactions == sum(lengths)
    assert found.is_exact
    assert spent == sandbox.counters.credits == 30
    capped, _ = await estimated(_settings(sandbox, NO_STORE), _request(world, max_transactions=50))
    assert capped.transactions == 150
    assert capped.credits < found.credits


async def test_the_wallets_of_a_cohort_are_chosen_first_and_that_is_in_the_sum(
    world: World, sandbox: Sandbox
) -> None:
    settings = _settings(sandbox, NO_STORE)
    rule = {"mint": world.market.coins[0].mint, "kind": "holders", "count": 2}
    asked = AnalysisRequested.model_validate({"request_id": "e-2", "cohort": rule})
    found, spent = await estimated(settings, asked)
    assert spent == sandbox.counters.credits
    assert asked.cohort is not None
    async with open_upstream(settings, Alone()) as upstream:
        chosen = await upstream.cohort(asked.cohort, permit=unlimited)
    members = [each.wallet for each in chosen.members]
    plain, _ = await estimated(
        settings, asked.model_copy(update={"cohort": None, "wallets": members})
    )
    assert found.cohort_wallets == len(members) > 0
    assert found.credits == plain.credits + found.cohort_credits
    assert 0 < found.cohort_credits < spent


async def test_the_history_part_is_what_listing_then_costs(world: World, sandbox: Sandbox) -> None:
    settings = _settings(sandbox, NO_STORE)
    found, _ = await estimated(settings, _request(world))
    sandbox.counters.reset()
    async with open_upstream(settings, Alone()) as upstream:
        for wallet in world.addresses:
            async for _ in upstream.history(wallet, permit=unlimited):
                pass
    beside = (
        2 + len(world.addresses) * 2
    )  # two calls about all accounts, and two lists of token accounts each
    assert found.credits - beside == sandbox.counters.credits


async def test_by_standard_methods_it_is_no_more_than_listing_then_costs_and_hardly_less(
    world: World,
) -> None:
    async with serve(world, standard_only=True) as sandbox:
        settings = _settings(sandbox, NO_STORE, history_source="rpc")
        found, spent = await estimated(settings, _request(world))
        assert spent == sandbox.counters.credits
        sandbox.counters.reset()
        listed = 0
        async with open_upstream(settings, Alone()) as upstream:
            for wallet in world.addresses:
                async for page in upstream.history(wallet, permit=unlimited):
                    listed += len(page.entries)
        beside = 2 + len(world.addresses) * 2
        cost = sandbox.counters.credits
    assert (found.is_exact, found.is_least) == (False, True)
    assert 0.8 * listed <= found.transactions <= listed
    assert 0.7 * cost <= found.credits - beside <= cost
    assert found.calls == found.credits
    assert spent < 0.4 * cost
    capped, _ = await _of_ten(world)
    assert capped.transactions == 10 * len(world.addresses)


async def _of_ten(world: World) -> tuple[Estimate, int]:
    """The estimate of the ten newest transactions of each wallet, by standard methods."""
    async with serve(world, standard_only=True) as sandbox:
        settings = _settings(sandbox, NO_STORE, history_source="rpc")
        return await estimated(settings, _request(world, max_transactions=10))


@pytest.mark.real
async def test_what_is_stored_costs_a_page_and_what_is_fresh_none(
    world: World, sandbox: Sandbox, store_dsn: str
) -> None:
    settings = _settings(sandbox, store_dsn)
    async with open_store(store_dsn, pool_size=1) as store:
        for wallet in world.addresses:
            await store.add_page(wallet, StoredPage((), SlotRange(0, 10**9), "x"))
            at_ms = await store.now_ms()
            await store.mark_synced(wallet, watermark_slot=10**9, at_ms=at_ms)
    stored, spent = await estimated(settings, _request(world))
    balances = 1 + 3 * 2
    assert (stored.calls, spent) == (3 + balances, 0)
    fresh, spent = await estimated(settings, _request(world, max_age_s=3600))
    assert (fresh.calls, fresh.credits, spent) == (balances, balances, 0)


@pytest.mark.real
async def test_what_is_stored_in_an_older_format_costs_as_much_as_what_is_new(
    world: World, sandbox: Sandbox, store_dsn: str
) -> None:
    new, _ = await estimated(_settings(sandbox, NO_STORE), _request(world))
    async with open_store(store_dsn, pool_size=1, formats=Formats(1, 1)) as store:
        for wallet in world.addresses[:2]:
            await store.add_page(wallet, StoredPage((), SlotRange(0, 10**9), "x"))
            await store.mark_synced(wallet, watermark_slot=10**9, at_ms=await store.now_ms())
    settings = _settings(sandbox, store_dsn)
    for options in ({}, {"max_age_s": 3600}):
        outdated, spent = await estimated(settings, _request(world, **options))
        assert (outdated.outdated_wallets, spent) == (2, 30)
        assert outdated._replace(outdated_wallets=0, seconds=0.0) == new._replace(seconds=0.0)


def test_it_is_shown_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    found = Estimate(1500, 10, 160, 2.5, is_exact=False)
    print_estimate(found._replace(outdated_wallets=3), 20, as_json=False)
    print_estimate(found._replace(is_least=True), 20, as_json=False)
    print_estimate(found, 20, as_json=True)
    shown = capsys.readouterr().out
    assert "1500 (extrapolated)" in shown
    assert "1500 (at least)" in shown
    assert "stored in an older format" in shown
    assert '"probe_credits":20' in shown
