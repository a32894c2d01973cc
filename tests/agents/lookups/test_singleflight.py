"""What several requests want at the same time is asked once, and nobody waits for who gave up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamproc.agents.lookups.singleflight import Singleflight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Service:
    """Answers each mint with its name in capitals, two at a time, when it is told to."""

    def __init__(self, *, until: int = 99) -> None:
        """Answer so many parts, then end."""
        self.asked: list[list[str]] = []
        self.go = asyncio.Event()
        self._until = until

    async def ask(self, mints: list[str]) -> AsyncIterator[dict[str, str]]:
        self.asked.append(mints)
        for number, start in enumerate(range(0, len(mints), 2)):
            await self.go.wait()
            if number == self._until:
                return
            yield {mint: mint.upper() for mint in mints[start : start + 2]}


async def wanted(flight: Singleflight[str], service: Service, *mints: str) -> dict[str, str]:
    found: dict[str, str] = {}
    async for part in flight.parts(mints, service.ask):
        found |= part
    return found


async def started(
    flight: Singleflight[str], service: Service, *mints: str
) -> asyncio.Task[dict[str, str]]:
    task = asyncio.create_task(wanted(flight, service, *mints))
    await asyncio.sleep(0)
    return task


async def test_two_who_want_the_same_at_once_make_one_call() -> None:
    flight, service = Singleflight[str](), Service()
    first = await started(flight, service, "c", "a")
    second = await started(flight, service, "a", "b", "c")
    service.go.set()
    assert await first == {"a": "A", "c": "C"}
    assert await second == {"a": "A", "b": "B", "c": "C"}
    assert service.asked == [["c", "a"], ["b"]]


async def test_what_is_no_longer_under_way_is_asked_again() -> None:
    flight, service = Singleflight[str](), Service()
    service.go.set()
    await wanted(flight, service, "a")
    await wanted(flight, service, "a")
    assert service.asked == [["a"], ["a"]]


async def test_who_waits_asks_itself_when_the_first_one_gives_up() -> None:
    flight, service = Singleflight[str](), Service()
    first = await started(flight, service, "a", "b")
    second = await started(flight, service, "b")
    first.cancel()
    service.go.set()
    assert await second == {"b": "B"}
    assert service.asked == [["a", "b"], ["b"]]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_service_that_ends_early_is_not_asked_again_by_who_waits() -> None:
    flight, service = Singleflight[str](), Service(until=1)
    first = await started(flight, service, "a", "b", "c")
    second = await started(flight, service, "c", "a")
    service.go.set()
    assert (await first, await second) == ({"a": "A", "b": "B"}, {"a": "A"})
    assert len(service.asked) == 1
