"""One call answers all who ask about a request within a moment, and its error reaches them all."""

from __future__ import annotations

import asyncio

import pytest

from streamproc.agents.together import Together
from streamproc.errors import UpstreamUnavailableError


class Service:
    """Answers with the address in capitals."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_broken = False

    async def __call__(self, addresses: list[str]) -> dict[str, str]:
        self.asked.append(addresses)
        if self.is_broken:
            raise UpstreamUnavailableError("away")
        return {address: address.upper() for address in addresses}


async def test_a_moments_questions_about_one_request_are_one_call() -> None:
    together, service = Together[str](), Service()
    asked = [("r1", "a"), ("r1", "b"), ("r2", "a"), ("r1", "a")]
    answers = await asyncio.gather(*(together.ask(*each, service) for each in asked))
    assert answers == ["A", "B", "A", "A"]
    assert sorted(service.asked) == [["a"], ["a", "b"]]
    assert await together.ask("r1", "c", service) == "C", "and the next one is asked for itself"


async def test_an_error_reaches_everybody_and_is_not_kept() -> None:
    together, service = Together[str](), Service()
    service.is_broken = True
    both = await asyncio.gather(
        together.ask("r", "a", service), together.ask("r", "b", service), return_exceptions=True
    )
    assert [type(each) for each in both] == [UpstreamUnavailableError] * 2
    service.is_broken = False
    assert await together.ask("r", "a", service) == "A"


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    together, service = Together[str](), Service()
    first = asyncio.create_task(together.ask("r", "a", service))
    second = asyncio.create_task(together.ask("r", "a", service))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "A"
    with pytest.raises(asyncio.CancelledError):
        await first
