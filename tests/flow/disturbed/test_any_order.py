"""In whatever order records come, and however often, the agents say the same result and end a request once.

The product's own agents run without Kafka on a real Postgres and the sandbox: any record may be next, any may come
twice.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.agents.join.logic import JoinLogic
from streamproc.agents.resources import open_resources
from streamproc.app import AGENTS
from streamproc.serde import Codec, Encoded
from streamproc.settings import load_settings
from streamproc.topics import read_topology
from tests.flow.conftest import served
from tests.flow.driver import Driver
from tests.flow.installation import Said
from tests.flow.rules import check_end, check_headers, lasting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from streamproc.agents.resources import Resources
    from streamproc.engine import Record
    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

OUTSIDE = {"analysis-requested", "analysis-cancel-requested"}


@dataclass(repr=False)
class Agents:
    """The product's agents, opened, and what a result of the wallets is when nothing is shuffled."""

    resources: Resources
    wallets: list[str]
    expected: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agents(world: World, open_installation: Opener) -> AsyncIterator[Agents]:
    """The agents on a database of their own; one request has been worked off in order."""
    with served(world) as sandbox:
        async with open_installation(sandbox) as installation:
            topology = read_topology()
            async with open_resources(
                load_settings(installation.environment), topology
            ) as resources:
                wallets = world.addresses[:4]
                opened = Agents(resources, wallets, {})
                found = await worked_off(opened, "in-order", seed=0, repeats=0.0)
                opened.expected = check_end(found, "in-order")
                yield opened


async def worked_off(
    agents: Agents, request_id: str, *, seed: int, repeats: float, cancelled: bool = False
) -> list[Said]:
    """All that was said until nothing was left to be consumed."""
    resources, topology = agents.resources, read_topology()
    join = JoinLogic(
        codec=resources.codec, store=lambda: resources.store, clock_ms=resources.clock.now_ms
    )
    handlers = {
        resources.codec.prefix + topic.name: agent.handler(resources)
        for agent in AGENTS
        for topic in topology.consumed_by(agent.name)
    }
    random = Random(seed)  # noqa: S311 - a shuffle
    driver = Driver(
        codec=resources.codec, handlers=handlers, join=join, random=random, repeats=repeats
    )
    body = {"request_id": request_id, "wallets": agents.wallets}
    driver.send(outside(resources.codec, "analysis-requested", body))
    if cancelled:
        unwanted = {"request_id": request_id}
        driver.send(outside(resources.codec, "analysis-cancel-requested", unwanted))
    await driver.run()
    assert not driver.dead
    return [said(record) for records in driver.log.values() for record in records]


def outside(codec: Codec, topic: str, body: Mapping[str, object]) -> Encoded:
    """A record as a backend would write it."""
    key = str(body["request_id"]).encode()
    now_ms = time.time_ns() // 1_000_000
    return Encoded(codec.prefix + topic, key, orjson.dumps(body), (), now_ms)


def said(record: Record) -> Said:
    """The record as the rules look at it."""
    topic = next(t.name for t in read_topology().topics if record.topic.endswith(t.name))
    headers = {name: value or b"" for name, value in record.headers}
    return Said(topic, record.partition, record.offset, record.key, record.value, headers)


NUMBERS = itertools.count()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), repeats=st.sampled_from([0.0, 0.3, 0.6]))
async def test_any_order_with_repeats_gives_the_same_result_and_one_end(
    agents: Agents, seed: int, repeats: float
) -> None:
    request_id = f"any-{next(NUMBERS)}"
    found = await worked_off(agents, request_id, seed=seed, repeats=repeats)
    end = check_end(found, request_id)
    assert lasting({**end, "request_id": "in-order"}) == lasting(agents.expected)
    check_headers(each for each in found if each.topic not in OUTSIDE)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), repeats=st.sampled_from([0.0, 0.5]))
async def test_a_cancel_in_any_order_ends_the_request_once_as_completed_or_cancelled(
    agents: Agents, seed: int, repeats: float
) -> None:
    request_id = f"cancel-{next(NUMBERS)}"
    found = await worked_off(agents, request_id, seed=seed, repeats=repeats, cancelled=True)
    end = check_end(found, request_id)
    assert end["status"] in {"completed", "cancelled"}
    check_headers(each for each in found if each.topic not in OUTSIDE)
