"""Cohorts, chosen at the stand-in upstream, whose world knows who holds what and who bought first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.errors import CohortError, CreditBudgetExceededError
from streamproc.events import Cohort
from streamproc.sandbox.chain import known
from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.service.server import Sandbox, serve
from streamproc.sandbox.wire.generated_archive import WorldArchive
from streamproc.sandbox.world.world import World
from streamproc.upstream import Upstream, open_upstream, unlimited
from tests.upstream.services import BudgetStore, Clock, settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamproc.events import CohortFound

CREDITS = {10: 60, 400: 300}  # at most, of so many holders out of a million
NOW = 1_800_000_000
CROWD = 1_000_000
SHORT_PAGE = 300


@pytest.fixture(scope="module")
def world() -> World:
    """A world with a dozen wallets that trade the same coins."""
    return World(seed=3, wallets=12, transactions=(60, 200))


@pytest.fixture(scope="module")
def archive(world: World) -> WorldArchive:
    """The world, and a mint with a million holders."""
    return WorldArchive(world, crowd=CROWD)


@pytest.fixture
async def sandbox(archive: WorldArchive) -> AsyncIterator[Sandbox]:
    """Both, served in short pages."""
    async with serve(archive) as running:
        running.page_max = SHORT_PAGE
        yield running


@pytest.fixture
async def upstream(sandbox: Sandbox, clock: Clock) -> AsyncIterator[Upstream]:
    """A client that never waits."""
    settings = settings_for(sandbox.url)
    async with open_upstream(settings, BudgetStore(), timing=clock.timing) as opened:
        yield opened


async def chosen(upstream: Upstream, mint: str, count: int, **more: object) -> CohortFound:
    """The cohort of a rule; holders unless `before` is given."""
    kind = "first_buyers" if "before" in more else "holders"
    cohort = Cohort.model_validate({"mint": mint, "kind": kind, "count": count, **more})
    return await upstream.cohort(cohort, permit=unlimited)


def coins(world: World, program: str) -> Iterator[str]:
    """Coins of a token program, the popular ones first."""
    return (each.mint for each in world.market.coins if each.program == program)


def true_holders(world: World, mint: str) -> list[tuple[int, str]]:
    """Every owner that holds some and has a key, largest first, by the chain itself."""
    sums: dict[str, int] = {}
    for each in world.chain.token_accounts.values():
        if each.mint == mint and each.amount:
            sums[each.owner] = sums.get(each.owner, 0) + each.amount
    named = {wallet.address for wallet in world.wallets}
    return sorted((-units, owner) for owner, units in sums.items() if owner in named)


@pytest.mark.parametrize("program", [known.TOKEN, known.TOKEN_2022])
async def test_holders_of_a_small_mint_are_all_its_owners_but_pools(
    world: World, upstream: Upstream, program: str
) -> None:
    mint = max(coins(world, program), key=lambda each: len(true_holders(world, each)))
    found = await chosen(upstream, mint, 500)
    truth = true_holders(world, mint)
    members = {each.wallet: int(each.amount) for each in found.members}
    assert len(truth) > 2
    assert {owner: -units for units, owner in truth}.items() <= members.items()
    amounts = list(members.values())
    assert amounts == sorted(amounts, reverse=True)
    assert (found.coverage.state, found.token_program) == ("whole", program)
    coin = world.market.by_mint[mint]
    assert {coin.curve, coin.pool.owner} <= {each.address for each in found.outsiders}
    assert not members.keys() & {each.address for each in found.outsiders}


@pytest.mark.parametrize(("count", "page"), [(10, SHORT_PAGE), (400, None)])
async def test_a_mint_with_a_million_holders_costs_what_the_count_asks_for(
    archive: WorldArchive, sandbox: Sandbox, upstream: Upstream, count: int, page: int | None
) -> None:
    assert archive.crowd is not None
    sandbox.page_max = page
    found = await chosen(upstream, archive.crowd.mint, count)
    owners = dict.fromkeys(map(archive.crowd.owner, range(count + 4)))
    outsiders = [archive.crowd.owner(rank) for rank in (0, 1, 3)]
    assert [each.address for each in found.outsiders] == outsiders
    assert [each.kind for each in found.outsiders] == ["program", "exchange", "program"]
    expected = [each for each in owners if each not in outsiders][:count]
    assert {each.wallet for each in found.members} == set(expected)
    assert found.coverage.state == "largest"
    assert found.coverage.accounts is not None
    assert found.coverage.accounts < CROWD // 10
    assert sandbox.counters.credits < CREDITS[count]


async def test_two_accounts_of_one_owner_are_one_holder(
    archive: WorldArchive, upstream: Upstream
) -> None:
    assert archive.crowd is not None
    found = await chosen(upstream, archive.crowd.mint, 20)
    double = archive.crowd.owner(5)
    assert double == archive.crowd.owner(9)
    assert [each.wallet for each in found.members].count(double) == 1


async def test_any_providers_node_serves_too(world: World, clock: Clock) -> None:
    mint = world.market.coins[0].mint
    async with serve(world, standard_only=True) as plain, serve(world) as paged:
        found = []
        for url in (plain.url, paged.url):
            settings = settings_for(url)
            async with open_upstream(settings, BudgetStore(), timing=clock.timing) as opened:
                found.append(await chosen(opened, mint, 5))
    assert found[0] == found[1]


async def test_first_buyers_are_those_who_really_bought_first(
    world: World, upstream: Upstream
) -> None:
    mint = world.market.coins[0].mint
    first: dict[str, tuple[int, int, str]] = {}
    for each in world.transactions:
        for wallet, entry in each.entries.items():
            is_buy = entry.kind in {"buy", "token_swap"} and dict(entry.deltas).get(mint, 0) > 0
            if is_buy:
                place = (each.place.slot, each.place.index, each.place.signature)
                first.setdefault(wallet, place)
    truth = sorted(first, key=lambda wallet: (first[wallet], wallet))
    found = await chosen(upstream, mint, 4, before=NOW)
    named = set(world.addresses)
    members = [each.wallet for each in found.members]
    assert [each for each in members if each in named] == truth[: len(set(members) & named)]
    assert len(members) == 4
    assert found.coverage.state == "whole"
    whole = await chosen(upstream, mint, 1000, before=NOW)
    known_buyers = [each for each in whole.members if each.wallet in named]
    assert [each.wallet for each in known_buyers] == truth
    assert [each.signature for each in known_buyers] == [first[each][2] for each in truth]
    second = known_buyers[1]
    assert second.at is not None
    earlier = await chosen(upstream, mint, 1000, before=second.at)
    assert second.wallet not in {each.wallet for each in earlier.members}


async def test_what_is_no_mint_or_has_nobody_fails_by_name(
    world: World, upstream: Upstream
) -> None:
    asked = {
        "unknown_mint": world.never_funded,
        "not_a_mint": world.addresses[0],
    }
    for code, address in asked.items():
        with pytest.raises(CohortError) as caught:
            await chosen(upstream, address, 5)
        assert caught.value.code == code
    with pytest.raises(CohortError, match="is a token account"):
        await chosen(upstream, world.token_account, 5)
    with pytest.raises(CohortError) as nobody:
        await chosen(upstream, world.market.coins[0].mint, 5, before=1)
    assert nobody.value.code == "no_buyers"
    with pytest.raises(CohortError) as money:
        await chosen(upstream, known.USDC, 5, before=NOW)
    assert money.value.code == "not_a_token"


async def test_an_upstream_without_histories_from_the_beginning_says_so(
    world: World, sandbox: Sandbox, upstream: Upstream
) -> None:
    sandbox.set_faults(Fault("-32601", method="getTransactionsForAddress"))
    with pytest.raises(CohortError) as caught:
        await chosen(upstream, world.market.coins[0].mint, 5, before=NOW)
    assert caught.value.code == "cohort_unsupported"


async def test_faults_on_the_way_change_nothing(
    archive: WorldArchive, sandbox: Sandbox, upstream: Upstream
) -> None:
    assert archive.crowd is not None
    calm = await chosen(upstream, archive.crowd.mint, 30)
    for kind in ("504", "429", "truncated", "503"):
        sandbox.set_faults(Fault(kind, method="getProgramAccountsV2", times=2))
        assert await chosen(upstream, archive.crowd.mint, 30) == calm, kind


async def test_credits_are_asked_for_before_they_are_spent(
    archive: WorldArchive, sandbox: Sandbox, clock: Clock
) -> None:
    assert archive.crowd is not None
    cohort = Cohort(mint=archive.crowd.mint, kind="holders", count=100)
    sandbox.counters.reset()
    async with open_upstream(
        settings_for(sandbox.url), BudgetStore(), timing=clock.timing
    ) as opened:
        permit = opened.permit("r", credit_budget=12, is_ended=lambda: False)
        with pytest.raises(CreditBudgetExceededError):
            await opened.cohort(cohort, permit=permit)
    assert sandbox.counters.credits <= 12
