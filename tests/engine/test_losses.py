"""The two ways in which stock Faust on aiokafka loses records, shown on their own parts, and that ours does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver

from streamproc.engine.delivery.offsets import OffsetTracker
from streamproc.engine.faust.consumer import GuardedConsumer, LivePartitions

STREAM = TopicPartition("stream", 0)
CHANGELOG = TopicPartition("changelog", 0)


class Prefetched(FetchResult):  # type: ignore[misc]  # aiokafka ships no types
    """Records of one partition that aiokafka has fetched ahead."""

    def __init__(self, records: list[str]) -> None:
        self.records = records

    def getall(self, _most: int | None) -> list[str]:
        taken, self.records = self.records, []
        return taken

    def has_more(self) -> bool:
        return bool(self.records)


class Subscriptions:
    """All is assigned, nothing is changing."""

    reassignment_in_progress = False

    def is_assigned(self, _partition: TopicPartition) -> bool:
        return True


@pytest.fixture
def fetcher() -> Fetcher:
    """Aiokafka's fetcher with two records of a stream fetched ahead, and nothing behind it."""
    fetcher = object.__new__(Fetcher)
    fetcher._subscriptions = Subscriptions()
    # Its own class decides by exact type, so the result must be one.
    fetcher._records = {STREAM: _result(["first", "second"])}
    fetcher._closed = False
    fetcher._wait_consume_future = None
    fetcher._fetch_waiters = set()
    fetcher._notify = lambda _future: None
    return fetcher


def _result(records: list[str]) -> FetchResult:
    result = object.__new__(FetchResult)
    prefetched = Prefetched(records)
    result.getall = prefetched.getall
    result.has_more = prefetched.has_more
    return result


async def test_stock_aiokafka_takes_an_emptied_set_of_partitions_for_all(fetcher: Fetcher) -> None:
    active: set[TopicPartition] = {CHANGELOG}
    active.clear()  # what Faust does when it pauses everything at the end of a recovery
    assert await fetcher.fetched_records(active, timeout=0) == {STREAM: ["first", "second"]}


async def test_a_live_view_of_an_emptied_set_takes_nothing(fetcher: Fetcher) -> None:
    active: set[TopicPartition] = {CHANGELOG}
    view = LivePartitions(active)
    active.clear()
    assert await fetcher.fetched_records(view, timeout=0) == {}
    active.add(STREAM)
    assert await fetcher.fetched_records(view, timeout=0) == {STREAM: ["first", "second"]}


async def test_the_guarded_consumer_hands_over_a_live_view(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []

    async def getmany(_self: object, active: object, _timeout: float) -> dict[Any, Any]:
        handed.append(active)
        return {}

    monkeypatch.setattr("faust.transport.drivers.aiokafka.Consumer._getmany", getmany)
    consumer = object.__new__(GuardedConsumer)
    consumer.engine = type("Engine", (), {"tracker": OffsetTracker()})()
    active = {STREAM}
    await consumer._getmany(active, 1.0)
    active.clear()
    assert handed[0]
    assert STREAM not in handed[0]


@pytest.mark.parametrize(("kind", "is_safe"), [(driver.Consumer, False), (GuardedConsumer, True)])
def test_stream_partitions_are_fetched_only_after_the_queues_are_cleared(
    kind: type,
    is_safe: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    active: set[Any] = set()
    monkeypatch.setattr(Consumer, "_get_active_partitions", lambda _self: active)
    monkeypatch.setattr(kind, "_is_changelog_tp", lambda _self, tp: tp == CHANGELOG)
    monkeypatch.setattr(kind, "assignment", lambda _self: {STREAM, CHANGELOG}, raising=False)
    consumer: Any = object.__new__(kind)
    consumer._paused_partitions = {STREAM, CHANGELOG}
    consumer._held = set()
    consumer.engine = type("Engine", (), {"flowing": lambda _self: None})()
    consumer.can_resume_flow, consumer.suspend_flow = asyncio.Event(), asyncio.Event()
    # Faust's order at the end of a recovery: resume, seek, clear the queues, let records flow.
    consumer.resume_partitions({STREAM})
    assert (STREAM not in active) is is_safe
    consumer.resume_flow()
    assert STREAM in active


def test_changelogs_are_resumed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    active: set[Any] = set()
    monkeypatch.setattr(Consumer, "_get_active_partitions", lambda _self: active)
    monkeypatch.setattr(GuardedConsumer, "_is_changelog_tp", lambda _self, tp: tp == CHANGELOG)
    consumer = object.__new__(GuardedConsumer)
    consumer._held = set()
    consumer._paused_partitions = {CHANGELOG}
    consumer.resume_partitions({CHANGELOG})
    assert active == {CHANGELOG}
