"""A huge request beside small ones: the small ones end before it, and its whales leave room for others.

Nothing is timed: what is looked at is the order of ends, and what the upstream was asked meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.world.world import World
from tests.flow.conftest import changed, served
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

HUGE = 150
SMALL = 12
FULL = "getTransactionsForAddress"


@pytest.mark.timeout(300)
async def test_small_requests_that_come_after_a_huge_one_end_before_it(
    open_installation: Opener,
) -> None:
    """The upstream's rate makes the huge one last; served in order of arrival the small ones would end after it."""
    world = World(seed=31, wallets=HUGE + 2 * SMALL, transactions=(8, 16))
    rate = {"STREAMPROC_HELIUS_RPC_RPS": "60"}
    with served(world) as sandbox:
        async with open_installation(sandbox, **rate) as installation:
            await installation.ready_worker()
            await installation.request("huge", world.addresses[:HUGE], enrich=False)
            await installation.until(
                lambda: installation.of("wallet-sync", "huge"), "the huge one was not fanned out"
            )
            names = [f"small-{number}" for number in range(SMALL)]
            for number, name in enumerate(names):
                first = HUGE + 2 * number
                await installation.request(name, world.addresses[first : first + 2], enrich=False)
            for name in names:
                await installation.ending(name)
                assert check_end(installation.said, name)["status"] == "completed"
            analyzed = len(installation.of("wallet-analyzed", "huge"))
            assert analyzed < HUGE, "the huge one was served before the small ones"
            await installation.ending("huge")
            assert check_end(installation.said, "huge")["status"] == "completed"


@pytest.mark.timeout(300)
async def test_whales_that_never_come_to_an_end_leave_room_for_another_request(
    open_installation: Opener,
) -> None:
    """More wallets hang than a worker syncs at once; two others are brought up to date all the same."""
    world = World(seed=32, wallets=102, transactions=(8, 16))
    whales, others = world.addresses[:100], world.addresses[100:]
    with served(world) as sandbox:
        async with open_installation(sandbox) as installation:
            await installation.ready_worker()
            hangs = [Fault("hang", method=FULL, wallet=each) for each in whales]
            with changed(sandbox, *hangs):
                await installation.request("whales", whales, enrich=False)
                await installation.until(
                    lambda: sandbox.counters.faults["hang"], "no whale was asked for"
                )
                await installation.request("other", others, enrich=False)
                await installation.ending("other")
                assert not installation.of("wallet-analyzed", "whales")
                await installation.send(
                    "analysis-cancel-requested", "whales", {"request_id": "whales"}
                )
                await installation.ending("whales")
    assert check_end(installation.said, "other")["status"] == "completed"
    assert check_end(installation.said, "whales")["status"] == "cancelled"
