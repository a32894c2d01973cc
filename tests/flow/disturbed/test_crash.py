"""A worker that is killed in the middle of requests and started again ends each of them once, without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc.sandbox.world.world import World
from tests.faults.injections.servers import FAILING_WRITES
from tests.flow.conftest import changed, served
from tests.flow.rules import check_end, check_headers

if TYPE_CHECKING:
    from tests.flow.conftest import Opener
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

REQUESTS = 20
WALLETS = 5
KILLED_AFTER = (1, 7)  # requests that have ended
LATENCY_S = 0.05  # of every call, so that requests are caught at different points
STABLE_NAME = {"STREAMPROC_WORKER_ID": "the-only-one"}  # a restart takes its old place at once
WRITTEN_BY_OTHERS = {"analysis-requested", "dead-letters"}


async def test_the_only_worker_killed_twice_still_ends_every_request_once_and_repeats_no_record_changed(
    open_installation: Opener,
) -> None:
    world = World(seed=31, wallets=2 * WALLETS, transactions=(8, 16))
    names = [f"crash-{number}" for number in range(REQUESTS)]
    with served(world) as sandbox, changed(sandbox, latency_s=LATENCY_S):
        async with open_installation(sandbox, **STABLE_NAME) as installation:
            worker = await installation.ready_worker()
            for number, name in enumerate(names):
                first = number % (WALLETS + 1)
                await installation.request(name, world.addresses[first : first + WALLETS])
            for ended in KILLED_AFTER:
                await installation.until(lambda n=ended: n_ended(installation) >= n, "too slow")
                worker.kill()
                worker.wait()
                assert n_ended(installation) < REQUESTS
                worker = await installation.ready_worker()
            for name in names:
                await installation.ending(name)
                assert check_end(installation.said, name)["status"] == "completed"
            said = [each for each in installation.said if each.topic not in WRITTEN_BY_OTHERS]
            check_headers(said)
            assert not installation.of("dead-letters")


async def test_pages_that_postgres_refuses_in_passing_are_not_asked_for_again(
    open_installation: Opener,
) -> None:
    world = World(seed=33, wallets=8, transactions=(8, 16))
    with served(world) as sandbox, changed(sandbox, latency_s=LATENCY_S):
        async with open_installation(sandbox) as installation:
            connection = await asyncpg.connect(installation.environment["STREAMPROC_POSTGRES_DSN"])
            await connection.execute(FAILING_WRITES)
            await installation.ready_worker()
            await installation.request("refused", world.addresses, enrich=False)
            await installation.ending("refused")
            assert check_end(installation.said, "refused")["status"] == "completed"
            failed = await connection.fetchval("SELECT last_value / 5 FROM failed_writes")
            await connection.close()
            assert failed > len(world.addresses) / 2
            assert "add_page waits" in installation.log(0)
            assert not sandbox.counters.repeated_pages


def n_ended(installation: Installation) -> int:
    """How many requests have a terminal record."""
    return len({each.key for each in installation.of("analysis-completed")})
