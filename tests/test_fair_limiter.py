"""Slots: requests take turns, and a caller that gives up while it waits takes no place along."""

from __future__ import annotations

import asyncio

import pytest

from streamproc.core.fair_queue import Share
from streamproc.fair_limiter import FairLimiter


async def test_a_small_request_does_not_wait_for_a_huge_one_that_was_first() -> None:
    limiter, order = FairLimiter(4), []

    async def work(request_id: str) -> None:
        async with limiter.hold(Share(b"t", request_id.encode())):
            await asyncio.sleep(0)
            order.append(request_id)

    works = [work("big") for _ in range(100)] + [work("small") for _ in range(3)]
    await asyncio.gather(*works)
    assert len(order) == 103
    assert max(index for index, name in enumerate(order) if name == "small") < 50


@pytest.mark.parametrize("is_let_in", [False, True])
async def test_a_caller_that_is_cancelled_leaves_its_place(*, is_let_in: bool) -> None:
    limiter, entered = FairLimiter(1), asyncio.Event()

    async def hold() -> None:
        async with limiter.hold(Share(b"t", b"a")):
            entered.set()
            await asyncio.Event().wait()

    first = asyncio.create_task(hold())
    await entered.wait()
    second = asyncio.create_task(hold())
    await asyncio.sleep(0)
    if is_let_in:
        first.cancel()
        await asyncio.sleep(0)  # the place is given, the second has not run yet
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with asyncio.timeout(5), limiter.hold(Share(b"t", b"b")):
        pass
