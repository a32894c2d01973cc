"""What an agent hears when nothing comes: that nothing has come for so long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

T = TypeVar("T")


async def with_silences(items: AsyncIterator[T], after_s: float) -> AsyncGenerator[T | None, None]:
    """The items as they come, and None whenever none has come for so long.

    The items are asked for one by one in a task of their own, which is cancelled when this is closed.
    """
    coming: asyncio.Task[tuple[T, ...]] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(items))
            done, _ = await asyncio.wait([coming], timeout=after_s)
            if not done:
                yield None
                continue
            came = coming.result()
            if not came:
                return
            coming = None
            yield came[0]
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _next(items: AsyncIterator[T]) -> tuple[T, ...]:
    """The next item; nothing when there is none: a task cannot end with StopAsyncIteration."""
    async for item in items:
        return (item,)
    return ()
