from __future__ import annotations

import asyncio

import pytest

from streamproc import limits
from streamproc.core.fair_queue import Share
from streamproc.errors import (
    CreditBudgetExceededError,
    RequestEndedError,
    UpstreamRejectedError,
)
from streamproc.upstream.client.calls import Call
from streamproc.upstream.client.permits import RateLimit, RequestPermit
from tests.upstream.services import BudgetStore, Clock, Lease

CALL = Call("rpc", "getSlot", 10)


def _rate(budget_store: BudgetStore, clock: Clock, *, rps: float = 10.0) -> RateLimit:
    rates = {"rpc": rps, "enhanced": rps, "prices": rps}
    return RateLimit(
        budget_store,
        keys={"rpc": "k", "enhanced": "k", "prices": "p"},
        rates=rates,  # type: ignore[arg-type]  # the literals are the buckets
        timing=clock.timing,
    )


async def test_an_ended_request_gets_no_permit_before_or_after_the_wait(
    budget_store: BudgetStore, clock: Clock
) -> None:
    ended = [False, True]
    permit = RequestPermit(
        _rate(budget_store, clock),
        budget_store,
        request_id="a",
        credit_budget=50,
        is_ended=lambda: ended.pop(0),
    )
    for _ in range(2):
        ended = ended or [True]
        with pytest.raises(RequestEndedError):
            async with permit(CALL):
                pytest.fail("there must be no call")
    assert (budget_store.reserved, budget_store.spent) == (0, 0)


async def test_credits_are_settled_by_what_the_call_cost(
    budget_store: BudgetStore, clock: Clock
) -> None:
    permit = RequestPermit(
        _rate(budget_store, clock),
        budget_store,
        request_id="a",
        credit_budget=25,
        is_ended=lambda: False,
    )
    async with permit(CALL) as spending:
        assert budget_store.reserved == 10
        spending.credits = 4
    assert (budget_store.reserved, budget_store.spent) == (4, 4)
    with pytest.raises(UpstreamRejectedError):
        async with permit(CALL):
            raise UpstreamRejectedError("no")
    assert (budget_store.reserved, budget_store.spent) == (4, 4)


async def test_a_budget_is_not_exceeded(budget_store: BudgetStore, clock: Clock) -> None:
    permit = RequestPermit(
        _rate(budget_store, clock),
        budget_store,
        request_id="a",
        credit_budget=15,
        is_ended=lambda: False,
    )
    async with permit(CALL) as spending:
        spending.credits = 10
    with pytest.raises(CreditBudgetExceededError, match="15"):
        async with permit(CALL):
            pytest.fail("there must be no call")
    assert len(budget_store.leases) == 1, "what may not be paid takes no permit of the rate"


async def test_calls_that_wait_together_lease_together_and_are_spaced(
    budget_store: BudgetStore, clock: Clock
) -> None:
    budget_store.lease_given = Lease(wait_s=2.0, spacing_s=0.5)
    rate = _rate(budget_store, clock, rps=40.0)
    started_s: list[float] = []

    async def call() -> None:
        await rate.wait("rpc")
        started_s.append(clock.now_s)

    await asyncio.gather(*(call() for _ in range(6)))
    assert [permits for _, _, permits, _ in budget_store.leases] == [1, 5]
    assert started_s == [1002.0, 1004.0, 1004.5, 1005.0, 1005.5, 1006.0]


async def test_a_lease_is_never_larger_than_a_short_time_allows(
    budget_store: BudgetStore, clock: Clock
) -> None:
    rate = _rate(budget_store, clock, rps=20.0)
    await asyncio.gather(*(rate.wait("rpc") for _ in range(50)))
    assert max(permits for _, _, permits, _ in budget_store.leases) <= 20.0 * limits.LEASE_S


async def test_permits_that_nobody_used_in_time_are_lost(
    budget_store: BudgetStore, clock: Clock
) -> None:
    budget_store.lease_given = Lease(wait_s=0.0, spacing_s=1.0)
    rate = _rate(budget_store, clock, rps=100.0)
    await asyncio.gather(*(rate.wait("rpc") for _ in range(3)))
    clock.now_s += 100
    await rate.wait("rpc")
    assert len(budget_store.leases) == 3, "an old permit is none: other workers have had that time"


async def test_a_refusal_is_shared_and_ends_the_lease(
    budget_store: BudgetStore, clock: Clock
) -> None:
    budget_store.lease_given = Lease(wait_s=0.0, spacing_s=1.0)
    rate = _rate(budget_store, clock, rps=100.0)
    waiting = [asyncio.create_task(rate.wait("rpc")) for _ in range(5)]
    await waiting[0]
    await waiting[1]
    await rate.refused("rpc", pause_s=3.0)
    await asyncio.gather(*waiting)
    assert budget_store.penalties == [("rpc", 3.0)]
    assert [permits for _, _, permits, _ in budget_store.leases] == [1, 4, 2]


async def test_a_cancelled_wait_lets_the_next_one_go_on(
    budget_store: BudgetStore, clock: Clock
) -> None:
    rate = _rate(budget_store, clock)
    held = asyncio.Event()

    async def never(seconds: float) -> None:
        del seconds
        await held.wait()

    clock.sleep = never  # type: ignore[method-assign]
    slow = RateLimit(budget_store, keys={"rpc": "k"}, rates={"rpc": 1.0}, timing=clock.timing)
    first = asyncio.create_task(slow.wait("rpc"))
    second = asyncio.create_task(slow.wait("rpc"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    held.set()
    await asyncio.wait_for(second, 5)
    await rate.wait("rpc")


async def test_a_call_of_a_small_request_does_not_wait_for_all_calls_of_a_huge_one(
    budget_store: BudgetStore, clock: Clock
) -> None:
    rate = _rate(budget_store, clock, rps=20.0)
    order: list[str] = []

    async def call(request_id: str) -> None:
        await rate.wait("rpc", Share(b"t", request_id.encode()))
        order.append(request_id)

    await asyncio.gather(*(call("huge") for _ in range(200)), *(call("small") for _ in range(3)))
    assert len(order) == 203
    assert max(index for index, name in enumerate(order) if name == "small") < 60
