"""Silence is heard, items come as they are, and whoever stops listening stops the work."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from streamproc.agents.shared.silence import with_silences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def test_items_come_in_order_and_silence_between_them() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0.25)
        yield 2
        yield 3

    heard = [each async for each in with_silences(items(), 0.1)]
    assert [each for each in heard if each is not None] == [1, 2, 3]
    assert heard[0] == 1
    assert heard.count(None) in {2, 3}


async def test_an_error_comes_through() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async for _ in with_silences(items(), 10):
            pass


async def test_whoever_stops_listening_stops_the_work() -> None:
    ended = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            ended.set()

    async with aclosing(with_silences(items(), 0.05)) as heard:
        async for each in heard:
            assert each is None
            break
    assert ended.is_set()
