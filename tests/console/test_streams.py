"""Event streams: complete, in order, resumed where they were left, and bounded whoever reads them."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from streamproc import limits
from streamproc.console.feed import CutError, Feed, Subscription
from streamproc.console.update import update_of
from tests.console.conftest import (
    ENDS_WITHIN_S,
    House,
    first,
    progress,
    stream,
    wallet_progress,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.console.conftest import Received

pytestmark = pytest.mark.real


@pytest.fixture
async def console(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A console over a request that runs, of which three records were said."""
    await house.record("r-0")
    await house.say(progress("r-0", 1), wallet_progress("r-0", "a", 0.1), progress("r-0", 2))
    await house.say(wallet_progress("r-0", "a", 0.5), progress("r-0", 2), progress("r-1", 1))
    async with house.console() as client:
        yield client


def readers_left() -> int:
    """How many readers the feeds of this process know."""
    return sum(each._count for each in gc.get_objects() if isinstance(each, Feed))


def seqs(events: list[Received]) -> list[int]:
    """The `seq` of each progress record; its id says the same."""
    found = [each for each in events if each.event == "analysis-progress"]
    assert [each.id for each in found] == [str(each.data["seq"]) for each in found]
    return [each.data["seq"] for each in found]


async def test_what_was_said_comes_first_then_what_is_said_up_to_the_end(
    house: House, console: httpx.AsyncClient
) -> None:
    async with stream(console, "/analyses/r-0/events") as events:
        begun = await first(events, 3)
        assert [(each.event, each.data.get("fraction")) for each in begun[:1]] == [
            ("wallet-progress", 0.5)
        ]
        assert seqs(begun) == [1, 2]
        await house.say(progress("r-0", 2), progress("r-1", 2), wallet_progress("r-0", "b", 0.2))
        await house.say(progress("r-0", 3), progress("r-0", 4, end="completed"))
        async with asyncio.timeout(ENDS_WITHIN_S):
            rest = [each async for each in events]
    assert seqs(rest) == [3, 4]
    assert [each.data["wallet"] for each in rest if each.event == "wallet-progress"] == ["b"]
    assert all(each.data["request_id"] == "r-0" for each in begun + rest)


async def test_a_reader_that_was_cut_off_goes_on_without_gap_or_repeat(
    house: House, console: httpx.AsyncClient
) -> None:
    seen: list[int] = []
    for seq in range(3, 7):
        last_id = str(seen[-1]) if seen else None
        async with stream(console, "/analyses/r-0/events", last_id) as events:
            await house.say(progress("r-0", seq, end="completed" if seq == 6 else ""))
            while not seen or seen[-1] < seq - 1:
                seen += seqs(await first(events, 1))
    assert seqs(await whole(console, "/analyses/r-0/events", str(seen[-1]))) == [6]
    assert seen == [1, 2, 3, 4, 5]


async def test_the_end_is_read_from_the_store_where_the_topic_has_lost_it(
    house: House, console: httpx.AsyncClient
) -> None:
    await house.fail("r-0", progress("r-0", 3, end="failed"))
    assert seqs(await whole(console, "/analyses/r-0/events")) == [1, 2, 3]
    assert seqs(await whole(console, "/analyses/r-0/events", "2")) == [3]


async def test_who_has_seen_the_end_is_told_to_ask_no_more(
    house: House, console: httpx.AsyncClient
) -> None:
    await house.fail("r-0", progress("r-0", 3, end="failed"))
    answer = await console.get("/analyses/r-0/events", headers={"Last-Event-ID": "3"})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("path", ["/analyses/r-0/events", "/events"])
async def test_an_id_that_no_event_has_is_named(console: httpx.AsyncClient, path: str) -> None:
    for odd in ("x", "-1", "1e3", "1" * 30, "0-1;1-2"):
        answer = await console.get(path, headers={"Last-Event-ID": odd})
        assert answer.status_code == 400
        fault = answer.json()["faults"][0]
        assert (fault["field"], fault["value"]) == ("Last-Event-ID", odd)


async def test_all_progress_is_streamed_and_resumed(
    house: House, console: httpx.AsyncClient
) -> None:
    async with stream(console, "/events") as events:
        (begun,) = await first(events, 1)
        assert (begun.data, begun.event) == ({}, "")
        await house.say(progress("r-5", 1), wallet_progress("r-5", "a", 0.1))
        (live,) = await first(events, 1)
        assert (live.data["request_id"], live.data["seq"]) == ("r-5", 1)
    await house.say(*(progress(f"r-{n}", 2) for n in range(20)))
    async with stream(console, "/events", live.id) as events:
        missed = await first(events, 20)
        await house.say(progress("r-5", 3))
        rest = [each for each in await first(events, 2) if each.data]
    heard = [(each.data["request_id"], each.data["seq"]) for each in missed + rest]
    assert sorted(heard) == sorted([*((f"r-{n}", 2) for n in range(20)), ("r-5", 3)])
    async with stream(console, "/events", begun.id) as events:
        again = await first(events, 22)
    assert [(each.data["request_id"], each.data["seq"]) for each in again].count(("r-5", 1)) == 1


async def test_many_idle_readers_wait_together_and_leave_nothing_behind(
    house: House, console: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as readers:
        opened = [await readers.enter_async_context(stream(console, "/events")) for _ in range(300)]
        await asyncio.gather(*(first(events, 1) for events in opened))
        await house.say(progress("r-0", 3))
        heard = await asyncio.gather(*(first(events, 1) for events in opened))
        assert {each.data["seq"] for (each,) in heard} == {3}
    async with asyncio.timeout(ENDS_WITHIN_S):
        while readers_left():
            await house.say(progress("r-0", 4))


async def test_more_readers_than_there_are_places_are_told_so(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSOLE_STREAMS", 2)
    async with stream(console, "/events"), stream(console, "/analyses/r-0/events"):
        answer = await console.get("/events")
        assert (answer.status_code, answer.json()["faults"][0]["value"]) == (503, "2")


async def test_a_reader_that_takes_nothing_is_let_go(
    house: House, console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSOLE_WRITE_S", 0.5)
    url = urlsplit(str(console.base_url))
    large = progress("r-0", 3).model_copy(update={"message": "m" * 100_000})
    with socket.create_connection((url.hostname, url.port or 0)) as reader:
        reader.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(ENDS_WITHIN_S):
            while not readers_left():  # noqa: ASYNC110 - a server tells nobody
                await asyncio.sleep(0.05)
            while readers_left():
                await house.say(*[large] * 20)


async def test_a_line_that_is_full_is_dropped_and_its_reader_cut_off() -> None:
    subscription = Subscription({})
    update = update_of(progress("r-0", 1).model_dump_json().encode(), "analysis-progress")
    for _ in range(limits.CONSOLE_WAITING_EVENTS):
        subscription.offer(update)
    assert len(await subscription.take(1)) == limits.CONSOLE_WAITING_EVENTS
    for _ in range(limits.CONSOLE_WAITING_EVENTS + 1):
        subscription.offer(update)
    with pytest.raises(CutError):
        await subscription.take(1)


async def test_silence_is_filled_with_comments(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSOLE_HEARTBEAT_S", 0.05)
    async with asyncio.timeout(ENDS_WITHIN_S), console.stream("GET", "/events") as answer:
        found = [line async for line in _until(answer.aiter_lines(), ":", 3)]
    assert found[0].startswith("retry: ")


async def _until(lines: AsyncIterator[str], start: str, count: int) -> AsyncIterator[str]:
    """The lines up to the so many-th that starts so."""
    async for line in lines:
        yield line
        count -= line.startswith(start)
        if not count:
            return
