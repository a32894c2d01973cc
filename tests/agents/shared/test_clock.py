"""The database's clock between two looks, and after it has stepped."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.shared.clock import DatabaseClock, keeping_time

if TYPE_CHECKING:
    import pytest


async def test_time_goes_on_between_two_looks_whatever_our_own_clock_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask_ms() -> int:
        return 5_000_000

    clock = DatabaseClock(ask_ms)
    assert await clock.look() == 5_000_000
    monkeypatch.setattr(time, "time", lambda: 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    await asyncio.sleep(0.02)
    assert 5_000_010 <= clock.now_ms() < 5_002_000


async def test_a_step_is_noticed_and_an_outage_is_not_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CLOCK_LOOK_S", 0.01)
    shown: list[int | Exception] = [1_000_000, RuntimeError("away"), 3_000_000]

    async def ask_ms() -> int:
        found = shown[0]
        if len(shown) > 1:
            del shown[0]
        if isinstance(found, Exception):
            raise found
        return found

    async with keeping_time(ask_ms) as clock, asyncio.timeout(5):
        assert clock.now_ms() < 1_010_000
        while clock.now_ms() < 3_000_000:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
