"""What several requests of one worker want at the same time is asked once; the others wait for the answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

T = TypeVar("T")


class Singleflight(Generic[T]):
    """Answers by mint that are under way in this worker."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._under_way: dict[str, asyncio.Future[T | None]] = {}

    async def parts(
        self, mints: Sequence[str], ask: Callable[[list[str]], AsyncIterator[dict[str, T]]]
    ) -> AsyncGenerator[dict[str, T], None]:
        """The answers, part by part as they come; a mint that nobody got an answer for is in none.

        `ask` is called with those mints that nobody is asking for, in their order. When somebody else who was asking
        gives up (its request has ended), those that are left are asked for here.
        """
        left = list(mints)
        while left:
            others = {mint: self._under_way[mint] for mint in left if mint in self._under_way}
            mine = [mint for mint in left if mint not in others]
            async with aclosing(self._asked(mine, ask)) as answers:
                async for part in answers:
                    yield part
            left = []
            for mint, future in others.items():
                await asyncio.wait([future])
                if future.cancelled():
                    left.append(mint)
                elif (answer := future.result()) is not None:
                    yield {mint: answer}

    async def _asked(
        self, mints: list[str], ask: Callable[[list[str]], AsyncIterator[dict[str, T]]]
    ) -> AsyncGenerator[dict[str, T], None]:
        """The answers of the upstream, which others may wait for meanwhile."""
        if not mints:
            return
        loop = asyncio.get_running_loop()
        futures = {mint: loop.create_future() for mint in mints}
        self._under_way |= futures
        is_whole = False
        try:
            async for part in ask(mints):
                for mint in part.keys() & futures.keys():
                    futures[mint].set_result(part[mint])
                yield part
            is_whole = True
        finally:
            for mint, future in futures.items():
                del self._under_way[mint]
                if not future.done():
                    _end(future, is_whole=is_whole)


def _end(future: asyncio.Future[T | None], *, is_whole: bool) -> None:
    """Tell who waits that there is no answer, or that somebody else has to ask."""
    if is_whole:
        future.set_result(None)
    else:
        future.cancel()
