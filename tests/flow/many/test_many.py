"""Two hundred requests sent at once end once each, in order, and two workers share them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.world.world import World
from tests.flow.conftest import served
from tests.flow.rules import check_end

if TYPE_CHECKING:
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

REQUESTS = 200
WALLETS = 10
WITHIN_S = 500.0  # half a minute on two cores that have nothing else to do
PLENTY = {"STREAMPROC_HELIUS_RPC_RPS": "20000", "STREAMPROC_HELIUS_ENHANCED_RPS": "20000"}


@pytest.mark.timeout(600)
async def test_many_requests_at_once_each_end_with_one_terminal_record_on_two_workers(
    open_installation: Opener,
) -> None:
    world = World(seed=21, wallets=WALLETS + 4, transactions=(8, 16))
    names = [f"many-{number}" for number in range(REQUESTS)]
    with served(world) as sandbox:
        async with open_installation(sandbox, **PLENTY) as installation:
            await installation.ready_worker()
            await installation.ready_worker()
            for number, name in enumerate(names):
                first = number % (len(world.addresses) - WALLETS + 1)
                wallets = world.addresses[first : first + WALLETS]
                await installation.request(name, wallets, max_age_s=3600)
            for name in names:
                await installation.ending(name, WITHIN_S)
            for name in names:
                mine = [
                    each
                    for topic in ("analysis-progress", "analysis-completed", "analysis-failed")
                    for each in installation.of(topic, name)
                ]
                assert check_end(mine, name)["status"] == "completed"
            assert len(installation.of("analysis-completed")) == REQUESTS
            assert not installation.of("dead-letters")
            for worker in range(2):
                for agent in ("sync", "join", "similarity"):
                    assert await worked_off(installation, worker, agent) > 0, (worker, agent)


async def worked_off(installation: Installation, worker: int, agent: str) -> float:
    """How many records an agent of this worker has worked off."""
    text = await installation.metrics(worker)
    found = re.search(rf'^streamproc_records_total{{agent="{agent}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0
