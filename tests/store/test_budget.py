from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc import limits
from streamproc.errors import StoreUnavailableError
from streamproc.store import NewRequest, Store, open_store
from tests.store.stepping import movable, moved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real


@pytest.fixture
async def request_id(store: Store) -> str:
    """A recorded request."""
    await store.record_requests([NewRequest("a-1", b"", "t/0/0", [], {}, 0, 1)])
    return "a-1"


async def test_a_budget_is_never_exceeded_by_calls_at_the_same_time(
    store: Store, request_id: str
) -> None:
    asked = [store.reserve_credits(request_id, 10, 55) for _ in range(20)]
    assert sum(await asyncio.gather(*asked)) == 5
    assert await store.credits_spent(request_id) == 0


async def test_a_call_that_cost_less_leaves_the_rest_to_others(
    store: Store, request_id: str
) -> None:
    assert await store.reserve_credits(request_id, 50, 60)
    assert not await store.reserve_credits(request_id, 20, 60)
    await store.settle_credits(request_id, reserved=50, spent=10)
    assert await store.reserve_credits(request_id, 50, 60)
    await store.settle_credits(request_id, reserved=50, spent=0)
    assert await store.credits_spent(request_id) == 10


async def test_without_a_budget_credits_are_only_counted(store: Store, request_id: str) -> None:
    assert await store.credits_spent(request_id) == 0
    await store.settle_credits(request_id, reserved=0, spent=7)
    assert await store.reserve_credits(request_id, 10**9, None)
    assert await store.credits_spent(request_id) == 7


async def test_credits_are_counted_together_and_each_once(store: Store, store_dsn: str) -> None:
    names = ["a-1", "a-2"]
    await store.record_requests([NewRequest(name, b"", "t/0/0", [], {}, 0, 1) for name in names])
    for spent in range(1, 11):
        for name in names:
            await store.settle_credits(name, reserved=0, spent=spent)
    await asyncio.gather(*(store.settled(names) for _ in range(5)))
    async with open_store(store_dsn, pool_size=1) as other:
        assert [await other.credits_spent(name) for name in names] == [55, 55]


async def test_credits_that_nobody_asks_for_are_counted_soon_and_at_the_end(
    store: Store, store_dsn: str, request_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(store_dsn, pool_size=1) as other:
        await other.settle_credits(request_id, reserved=0, spent=3)
    assert await store.credits_spent(request_id) == 3
    monkeypatch.setattr(limits, "CREDITS_LINGER_S", 0.01)
    async with open_store(store_dsn, pool_size=1) as other:
        await other.settle_credits(request_id, reserved=0, spent=4)
        while await store.credits_spent(request_id) < 7:  # noqa: ASYNC110 - another store counts
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (asyncpg.exceptions.SerializationError("try again"), 5),
        (asyncpg.exceptions.ConnectionDoesNotExistError("closed in the middle of operation"), 0),
    ],
)
async def test_credits_stay_open_while_postgres_refuses_and_not_where_nobody_knows(
    store: Store, request_id: str, monkeypatch: pytest.MonkeyPatch, error: Exception, left: int
) -> None:
    async def failing(*_: object) -> None:
        raise StoreUnavailableError("away") from error

    monkeypatch.setattr(limits, "STORE_TRIES", 1)
    await store.settle_credits(request_id, reserved=0, spent=5)
    with monkeypatch.context() as patched:
        patched.setattr(store._database, "run", failing)
        with pytest.raises(StoreUnavailableError):
            await store.settled([request_id])
    assert await store.credits_spent(request_id) == left


async def test_a_first_call_may_spend_the_whole_budget_and_no_credit_more(
    store: Store, request_id: str
) -> None:
    assert not await store.reserve_credits(request_id, 51, 50)
    assert await store.reserve_credits(request_id, 50, 50)
    assert not await store.reserve_credits(request_id, 1, 50)


async def test_a_budget_of_nothing_allows_nothing(store: Store, request_id: str) -> None:
    assert not await store.reserve_credits(request_id, 1, 0)


async def test_leases_of_all_workers_follow_each_other_without_overlap(store: Store) -> None:
    leases = [await store.lease("k", "rpc", permits=1000, rate=1.0) for _ in range(4)]
    assert leases[0].wait_s == pytest.approx(0, abs=100)
    for before, after in itertools.pairwise(leases):
        assert after.wait_s - before.wait_s == pytest.approx(1000, abs=100)
    assert {lease.spacing_s for lease in leases} == {1.0}


async def test_buckets_and_keys_do_not_wait_for_each_other(store: Store) -> None:
    await store.lease("k", "rpc", permits=1000, rate=1.0)
    assert (await store.lease("k", "enhanced", permits=1, rate=1.0)).wait_s < 100
    assert (await store.lease("other", "rpc", permits=1, rate=1.0)).wait_s < 100


async def test_refusals_halve_the_rate_once_per_incident(store: Store) -> None:
    for _ in range(5):
        await store.penalize("k", "rpc")
    lease = await store.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.spacing_s == pytest.approx(0.2, rel=0.45)


async def test_a_pause_holds_for_all_workers(store: Store) -> None:
    await store.penalize("k", "rpc", pause_s=1000)
    lease = await store.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.wait_s == pytest.approx(1000, abs=100)


@pytest.fixture
async def stepping(store_dsn: str) -> AsyncIterator[Store]:
    """A store on a database whose clock the test moves."""
    await movable(store_dsn)
    async with open_store(store_dsn, pool_size=2) as opened:
        yield opened


async def test_a_clock_that_steps_back_neither_stalls_the_rate_nor_lifts_it(
    stepping: Store, store_dsn: str
) -> None:
    before = await stepping.lease("k", "rpc", permits=1000, rate=1.0)
    await moved(store_dsn, -3600)
    after = await stepping.lease("k", "rpc", permits=1000, rate=1.0)
    assert after.wait_s - before.wait_s == pytest.approx(1000, abs=100)
    assert after.spacing_s == 1.0
    await moved(store_dsn, -7200)
    again = await stepping.lease("k", "rpc", permits=1, rate=1.0)
    assert again.wait_s - after.wait_s == pytest.approx(1000, abs=100)


async def test_a_halved_rate_stays_halved_when_the_clock_steps_back(
    stepping: Store, store_dsn: str
) -> None:
    await stepping.penalize("k", "rpc", pause_s=1000)
    await moved(store_dsn, -3600)
    lease = await stepping.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.spacing_s == pytest.approx(0.2, rel=0.45)
    assert lease.wait_s == pytest.approx(1000, abs=100)


async def test_refusals_count_after_the_clock_has_stepped_back(
    stepping: Store, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RATE_INCIDENT_S", 0.001)
    await stepping.penalize("k", "rpc")
    await moved(store_dsn, -3600)
    for _ in range(
        2
    ):  # how long ago the first one was, nobody knows at the first one after the step
        await asyncio.sleep(0.01)
        await stepping.penalize("k", "rpc")
    lease = await stepping.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.spacing_s == pytest.approx(0.4, rel=0.3)


async def test_the_rate_never_falls_to_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RATE_INCIDENT_S", 0.0)
    for _ in range(20):
        await store.penalize("k", "rpc")
    lease = await store.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.spacing_s <= 0.1 / limits.RATE_FACTOR_MIN


async def test_a_halved_rate_comes_back_with_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.penalize("k", "rpc")
    monkeypatch.setattr(limits, "RATE_RECOVERY_S", 1e-6)  # as if that time had passed
    lease = await store.lease("k", "rpc", permits=1, rate=10.0)
    assert lease.spacing_s == pytest.approx(0.1)
