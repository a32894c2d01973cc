"""A wallet with twenty thousand transactions: who else asks, who dies meanwhile, and what is said of it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from streamproc import limits
from streamproc.sandbox.world.world import World
from streamproc.store import open_store
from tests.flow.conftest import served
from tests.flow.long_history import WHALE, WithWhale
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.core.ledger.ranges import SlotRange
    from streamproc.sandbox.service.server import Sandbox
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LONG = 20_000
PAGE = 50  # so that it takes hundreds of calls
RPS = "100"
HISTORY = "getTransactionsForAddress"
WORKER = {"STREAMPROC_WORKER_ID": "the-only-one"}  # a restart takes its old place at once
# Calls of the longest history that stand in the rate's queue at most: one for each of its fetchers.
QUEUED = limits.EXTRA_FETCHERS + 1


@pytest.fixture(scope="module")
def small_world() -> World:
    """A few short histories."""
    return World(seed=41, wallets=6, transactions=(8, 16))


@pytest.fixture
def sandbox(small_world: World) -> Iterator[Sandbox]:
    """The world and the whale, in short pages and a little late."""
    with served(WithWhale(small_world, LONG)) as running:
        running.page_max = PAGE
        running.latency_s = 0.02
        yield running


async def test_a_small_request_never_waits_behind_a_whale(
    open_installation: Opener, small_world: World, sandbox: Sandbox
) -> None:
    one, other, *small = small_world.addresses
    early, small = small[:2], small[2:]
    async with open_installation(sandbox, STREAMPROC_HELIUS_RPC_RPS=RPS) as house:
        await house.ready_worker()
        # The first pages of a worker wait for its process pool, whoever else asks.
        await house.request("early", early, enrich=False)
        assert (await house.ending("early"))["status"] == "completed"
        sandbox.counters.reset()
        await house.request("whale", [WHALE, one], enrich=False)
        await until_asked(house, sandbox, 2 * QUEUED)
        await house.request("small", [other, *small], enrich=False)
        assert (await house.ending("small"))["status"] == "completed"
        assert not house.of("analysis-completed", "whale"), "the whale is still being listed"
        order = sandbox.counters.order
        assert (await house.ending("whale"))["status"] == "completed"
    for wallet in small:
        pages = [place for place, call in enumerate(order) if call == (HISTORY, wallet)]
        assert len(pages) > 1
        for page, following in pairwise(pages):
            between = sum(named == WHALE for _, named in order[page:following])
            assert between <= 4 * QUEUED, "a page waits in one queue, and is stored at once"


async def test_a_killed_worker_is_followed_by_one_that_asks_for_nothing_that_was_stored(
    open_installation: Opener, small_world: World, sandbox: Sandbox
) -> None:
    async with open_installation(sandbox, STREAMPROC_HELIUS_RPC_RPS=RPS, **WORKER) as house:
        worker = await house.ready_worker()
        await house.request("whale", [WHALE, small_world.addresses[0]], enrich=False)
        await until_asked(house, sandbox, 3 * QUEUED)
        worker.kill()
        worker.wait()
        entries, ranges = await stored(house)
        assert 0 < entries < LONG
        sandbox.counters.reset()
        await house.ready_worker()
        assert (await house.ending("whale"))["status"] == "completed"
        served_again = sandbox.counters.transactions[WHALE]
        repeats = sandbox.counters.repeated_pages[WHALE]
        after, whole = await stored(house)
        assert check_end(house.said, "whale")["status"] == "completed"
    assert after == LONG
    assert len(whole) == 1
    assert whole[0].from_slot == 0
    # The tip's page, and the border of each gap: slots that were not listed wholly are asked for once more.
    assert LONG - entries <= served_again <= LONG - entries + 4 * (len(ranges) + QUEUED)
    assert repeats == 0


async def test_what_is_said_of_its_progress_never_falls_and_is_what_is_stored(
    open_installation: Opener, small_world: World, sandbox: Sandbox
) -> None:
    async with open_installation(sandbox, STREAMPROC_HELIUS_RPC_RPS="60") as house:
        await house.ready_worker()
        await house.request("whale", [WHALE, small_world.addresses[0]], enrich=False)
        assert (await house.ending("whale"))["status"] == "completed"
        said = house.of("wallet-progress", "whale")
    mine = [each.event for each in said if each.event["wallet"] == WHALE]
    assert len(mine) > 2
    known = [each for each in mine if each["fraction"] is not None]
    for values in ([each["fraction"] for each in known], [each["transactions"] for each in mine]):
        assert values == sorted(values)
    # Its transactions are evenly spread over its slots, so that the share of slots is that of transactions.
    for each in known:
        assert each["fraction"] == pytest.approx(each["transactions"] / LONG, abs=0.1)
    assert len(known) > 2


async def until_asked(house: Installation, sandbox: Sandbox, calls: int) -> None:
    """Return once the whale has been asked for so often."""
    for _ in range(6000):
        if sandbox.counters.wallets[WHALE] >= calls:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"nobody lists the whale:\n{house.log(0)[-2500:]}")


async def stored(house: Installation) -> tuple[int, list[SlotRange]]:
    """How many transactions of the whale are stored, and which slots are closed."""
    dsn = house.environment["STREAMPROC_POSTGRES_DSN"]
    async with open_store(dsn, pool_size=1) as store:
        return await store.count_entries(WHALE), await store.ranges(WHALE)
