"""Bytes in flight are bounded, and the bound locks nobody up."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.upstream import open_upstream, unlimited
from streamproc.upstream.client.byte_limiter import ByteLimiter, Reservation
from tests.upstream.services import (
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    RawBody,
    settings_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

T = TypeVar("T")
MOST = 100


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=6), max_size=12), st.integers())
def test_all_answers_come_and_at_most_one_beside_the_bound_is_here(
    answers: list[list[int]], seed: int
) -> None:
    """Whatever comes in which pieces, larger ones than the bound among them."""
    rng = random.Random(seed)  # noqa: S311 - chaos, no secret
    limiter = ByteLimiter(MOST)
    largest = max(map(sum, answers), default=0)

    async def answer(pieces: list[int]) -> None:
        with limiter.reservation() as reservation:
            for piece in pieces:
                await reservation.acquire(piece)
                assert limiter.used <= MOST + largest
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(0)

    async def run() -> None:
        async with asyncio.timeout(10):
            await asyncio.gather(*map(answer, answers))

    asyncio.run(run())
    assert limiter.used == 0


async def test_who_fits_does_not_wait_and_who_does_not_waits_for_who_began_first() -> None:
    limiter, order = ByteLimiter(MOST), []

    async def acquire(name: str, size: int) -> None:
        with limiter.reservation() as reservation:
            await reservation.acquire(size)
            order.append(f"{name} came")
            await gates[name].wait()
        order.append(f"{name} left")

    gates = {name: asyncio.Event() for name in ("large", "small", "too much")}
    async with asyncio.TaskGroup() as group:
        for name, size in (("large", MOST - 10), ("small", 10), ("too much", MOST + 50)):
            group.create_task(acquire(name, size))
        await asyncio.sleep(0)
        assert order == ["large came", "small came"]
        gates["small"].set()
        await asyncio.sleep(0.001)
        assert order[2:] == ["small left"], "it is not the first and does not fit"
        gates["large"].set()
        gates["too much"].set()
    assert order[3:] == ["large left", "too much came", "too much left"]


async def test_nobody_overtakes_whoever_waits_and_began_earlier() -> None:
    """Else many answers would each be here in part, and the processes that read whole ones idle."""
    limiter, order = ByteLimiter(MOST), []

    async def acquire(name: str, size: int) -> None:
        with limiter.reservation() as reservation:
            await reservation.acquire(size)
            order.append(name)
            await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as group:
        for name, size in (("first", 60), ("large", 50), ("small", 10), ("smaller", 5)):
            group.create_task(acquire(name, size))
        await asyncio.sleep(0)
        assert order == ["first"], "there is room for the small ones, but it is not their turn"
    assert order == ["first", "large", "small", "smaller"]


async def test_an_answer_that_says_its_length_is_begun_when_there_is_room_for_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []

    async def acquire(_place: Reservation, size: int) -> None:
        taken.append(size)

    monkeypatch.setattr(Reservation, "acquire", acquire)
    monkeypatch.setattr(limits, "INLINE_BODY_BYTES", 0)
    service = HistoryService((SLOT, 1))
    said: list[int] = []

    def serve(request: httpx.Request) -> httpx.Response:
        body = gzip.compress(service(request).content)
        headers = {"Content-Encoding": "gzip"}
        if said:  # the second one does not say it
            pieces = [body[:10], body[10:]]
        else:
            headers["Content-Length"] = str(len(body))
            pieces = [body[:20], body[20:]]
        said.append(len(body))
        return httpx.Response(200, headers=headers, stream=RawBody(*pieces))

    transport = httpx.MockTransport(serve)
    async with open_upstream(
        settings_for(), BudgetStore(), timing=Clock().timing, transport=transport
    ) as upstream:
        pages = upstream.history(WALLET, permit=unlimited)
        assert sum([len(page.entries) async for page in pages]) == 1
    assert taken == [said[0], 10, said[1] - 10]


async def test_a_place_that_is_given_up_in_the_middle_is_given_back() -> None:
    limiter = ByteLimiter(MOST)

    async def fail() -> None:
        with limiter.reservation() as reservation:
            await reservation.acquire(MOST)
            raise RuntimeError

    with limiter.reservation() as waiting:
        failing = asyncio.create_task(fail())
        await asyncio.wait([failing])
        assert isinstance(failing.exception(), RuntimeError)
        await waiting.acquire(MOST)
        assert limiter.used == MOST


async def test_pages_in_flight_are_bounded_until_they_have_been_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten histories at once, whose answers are each larger than all the room there is."""
    monkeypatch.setattr(limits, "INLINE_BODY_BYTES", 0)
    monkeypatch.setattr(limits, "ANSWERS_IN_FLIGHT_BYTES", 1000)
    service = HistoryService(*[(SLOT + number, number) for number in range(1, 300)])
    reading, most, sizes = 0, 0, set()

    async def run(work: Callable[..., T], /, *values: Any) -> T:  # noqa: ANN401 - any function's
        nonlocal reading, most
        size = len(values[0])
        sizes.add(size)
        reading += size
        most = max(most, reading)
        await asyncio.sleep(0)
        reading -= size
        return work(*values)

    def serve(request: httpx.Request) -> httpx.Response:
        body = gzip.compress(service(request).content)
        pieces = [body[start : start + 400] for start in range(0, len(body), 400)]
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=RawBody(*pieces))

    async with open_upstream(
        settings_for(),
        BudgetStore(),
        run=run,
        timing=Clock().timing,
        transport=httpx.MockTransport(serve),
    ) as upstream:

        async def walk() -> int:
            pages = upstream.history(WALLET, permit=unlimited)
            return sum([len(page.entries) async for page in pages])

        found = await asyncio.gather(*(walk() for _ in range(10)))
    assert found == [299] * 10
    assert max(sizes) > limits.ANSWERS_IN_FLIGHT_BYTES
    assert most < limits.ANSWERS_IN_FLIGHT_BYTES + max(sizes)
