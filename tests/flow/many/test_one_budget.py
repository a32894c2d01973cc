"""Two workers with one key keep its rate together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from streamproc.sandbox.world.world import World
from tests.flow.conftest import served
from tests.flow.long_history import WHALE, WithWhale

if TYPE_CHECKING:
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RPS = 40
PAGE = 20
LONG = 4_000


async def test_two_workers_together_are_refused_less_than_one_call_in_a_hundred(
    open_installation: Opener,
) -> None:
    world = World(seed=43, wallets=12, transactions=(30, 60))
    with served(WithWhale(world, LONG)) as sandbox:
        sandbox.page_max = PAGE
        sandbox.rps["rpc"] = float(RPS)
        async with open_installation(sandbox, STREAMPROC_HELIUS_RPC_RPS=str(RPS)) as house:
            await house.ready_worker()
            await house.ready_worker()
            await house.request("one", [WHALE, *world.addresses[:6]], enrich=False)
            await house.request("other", world.addresses[6:], enrich=False)
            for name in ("one", "other"):
                assert (await house.ending(name))["status"] == "completed"
            asked = [await calls_of(house, worker) for worker in range(2)]
        counters = sandbox.counters
    assert min(asked) > 0, "both have asked"
    assert sum(asked) == counters.requests > 5 * RPS
    assert 100 * counters.statuses["429"] <= counters.requests
    # Each by itself keeps to the rate: two who did not share it would be seen with twice as many.
    assert counters.peak_rate["rpc"] <= 1.25 * RPS


async def calls_of(house: Installation, worker: int) -> int:
    """How many calls a worker has made, whatever came of them."""
    found = re.findall(
        r"^streamproc_upstream_calls_total\{[^}]*\} (\S+)$",
        await house.metrics(worker),
        re.MULTILINE,
    )
    return sum(int(float(each)) for each in found)
