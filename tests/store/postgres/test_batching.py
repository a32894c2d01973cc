from __future__ import annotations

import asyncio

import pytest

from streamproc.errors import StoreUnavailableError, StreamprocError
from streamproc.store.postgres.batching import Batching


async def test_what_arrives_while_one_is_under_way_goes_together() -> None:
    batches: list[list[int]] = []

    async def carry_out(items: list[int]) -> list[int]:
        batches.append(items)
        await asyncio.sleep(0)
        return [item * 2 for item in items]

    double = Batching(carry_out, most=4)
    answers = await asyncio.gather(*map(double, range(10)))
    assert answers == [number * 2 for number in range(10)]
    assert max(map(len, batches)) == 4
    assert sorted(item for batch in batches for item in batch) == list(range(10))
    assert await double(21) == 42


async def test_a_store_that_is_away_is_told_to_all() -> None:
    async def carry_out(_items: list[int]) -> list[int]:
        raise StoreUnavailableError("away")

    answers = await asyncio.gather(
        *map(Batching(carry_out, most=9), range(3)), return_exceptions=True
    )
    assert all(isinstance(each, StoreUnavailableError) for each in answers)


async def test_an_item_that_fails_for_good_fails_alone() -> None:
    async def carry_out(items: list[int]) -> list[int]:
        if 2 in items:
            raise StreamprocError("bad item")
        return items

    gathering = Batching(carry_out, most=9)
    answers = await asyncio.gather(*map(gathering, [1, 2, 3]), return_exceptions=True)
    assert [answers[0], answers[2]] == [1, 3]
    assert isinstance(answers[1], StreamprocError)


async def test_a_bug_is_raised_to_its_caller_and_the_next_call_works() -> None:
    broken = [True]

    async def carry_out(items: list[int]) -> list[int]:
        if broken.pop():
            raise KeyError("bug")
        return items

    gathering = Batching(carry_out, most=9)
    with pytest.raises(KeyError):
        await gathering(1)
    broken.append(False)
    assert await gathering(2) == 2


async def test_a_caller_that_gives_up_does_not_hold_up_others() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def carry_out(items: list[int]) -> list[int]:
        started.set()
        await go_on.wait()
        return items

    gathering = Batching(carry_out, most=9)
    first = asyncio.create_task(gathering(1))
    await started.wait()
    second = asyncio.create_task(gathering(2))
    first.cancel()
    go_on.set()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
