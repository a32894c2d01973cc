"""A stage: order within a key, bounded work, retries, and what happens to records of partitions that are lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streamproc import limits, metrics
from streamproc.engine import failpoints
from streamproc.engine.delivery.flow import Flow
from streamproc.engine.delivery.refusals import OutputRefusedError
from streamproc.engine.delivery.stage import Stage
from streamproc.engine.records import Batch, Outgoing, Record
from streamproc.errors import DeadLetterError, RequestEndedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

TOPIC = "work"


class Producer:
    """Confirms when told to, or at once; refuses one topic."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.pending: list[asyncio.Future[None]] = []
        self.is_prompt = True

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if any(record.topic == "refused" for record in records):
            future.set_exception(OutputRefusedError("refused: too large"))
            return future
        self.sent += records
        if self.is_prompt:
            future.set_result(None)
        else:
            self.pending.append(future)
        return future


class Bench:
    """A stage on a tracker with one partition, and no broker behind it."""

    def __init__(
        self, handle: Callable[[Record], Awaitable[Sequence[Outgoing]]], **bounds: int
    ) -> None:
        self.producer = Producer()
        producer: Any = self.producer
        self.flow = Flow(producer, "dead")
        limit, window = bounds.get("limit", 4), bounds.get("window", 100)
        self.stage = Stage("work", handle, self.flow, limit=limit, window=window)
        self.flow.tracker.register(self.stage, [TOPIC])
        self.assign(1)

    def assign(self, *partitions: int) -> None:
        tracker = self.flow.tracker
        tracker.assign([(TOPIC, number) for number in partitions], tracker.generation + 1)
        self.flow.is_holding = False
        self.stage.partitions_assigned()

    def batch(self, *keys: bytes | None, partition: int = 1, start: int = 0) -> Batch:
        records = [
            Record(TOPIC, partition, start + number, key, b"%d" % number, (), 0)
            for number, key in enumerate(keys)
        ]
        batch = self.flow.tracker.pack((TOPIC, partition), records, None)
        assert batch is not None
        return batch

    async def done(self) -> None:
        async with asyncio.timeout(10):
            while self.flow.tracker.unfinished(self.stage):  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two tries."""
    monkeypatch.setattr(limits, "RETRY_FIRST_S", 0.0)


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """No failpoint outlives its test."""
    yield
    failpoints.arm({})


async def test_records_of_a_key_run_one_after_the_other_and_other_keys_beside_them() -> None:
    running: list[bytes | None] = []
    ended: list[tuple[bytes | None, bytes | None]] = []
    most: set[int] = set()

    async def handle(record: Record) -> Sequence[Outgoing]:
        assert record.key not in running
        running.append(record.key)
        most.add(len(running))
        await asyncio.sleep(0.001)
        running.remove(record.key)
        ended.append((record.key, record.value))
        return ()

    bench = Bench(handle)
    await bench.stage.take(bench.batch(*[b"a", b"a", b"b", b"a", b"c", b"b", b"d", b"e", b"a"] * 3))
    await bench.done()
    for key in b"abcde":
        values = [int(value or b"") for name, value in ended if name == bytes([key])]
        assert values == sorted(values)
    assert max(most) == 4


async def test_a_record_is_done_only_when_its_outputs_are_confirmed() -> None:
    async def handle(record: Record) -> Sequence[Outgoing]:
        return [Outgoing("out", record.key, record.value)]

    bench = Bench(handle)
    bench.producer.is_prompt = False
    await bench.stage.take(bench.batch(b"a"))
    await asyncio.sleep(0.01)
    assert bench.producer.sent
    assert bench.flow.tracker.unfinished(bench.stage) == 1
    bench.producer.pending[0].set_result(None)
    await bench.done()


async def test_take_waits_while_the_window_is_full() -> None:
    gate = asyncio.Event()

    async def handle(_record: Record) -> Sequence[Outgoing]:
        await gate.wait()
        return ()

    bench = Bench(handle, window=3)
    taking = asyncio.create_task(bench.stage.take(bench.batch(b"a", b"b", b"c")))
    await asyncio.sleep(0.01)
    assert not taking.done()
    gate.set()
    await asyncio.wait_for(taking, 5)


async def test_what_is_away_for_now_is_waited_for_without_end() -> None:
    tries = 0

    async def handle(_record: Record) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        if tries < 20:
            raise StoreUnavailableError("not yet")
        return [Outgoing("out", None, b"done")]

    bench = Bench(handle)
    await bench.stage.take(bench.batch(b"a"))
    await bench.done()
    assert [out.topic for out in bench.producer.sent] == ["out"]
    assert bench.flow.counts["retries.work"] == 19


async def test_a_failing_handler_is_tried_three_times_then_its_record_is_a_dead_letter() -> None:
    tries = 0

    async def handle(_record: Record) -> Sequence[Outgoing]:
        nonlocal tries
        tries += 1
        raise ValueError("the key is s3cret")

    bench = Bench(handle)
    await bench.stage.take(bench.batch(b"a"))
    await bench.done()
    assert tries == limits.HANDLER_TRIES
    headers = dict(bench.producer.sent[0].headers)
    assert headers["x-reason"] == b"handler_failed"
    assert b"s3cret" not in b"".join(value or b"" for value in headers.values())
    assert bench.flow.counts["dead_letters.handler_failed"] == 1


async def test_a_dead_letter_error_is_not_tried_again_and_an_ended_request_says_nothing() -> None:
    calls: list[bytes | None] = []

    async def handle(record: Record) -> Sequence[Outgoing]:
        calls.append(record.key)
        if record.key == b"a":
            raise DeadLetterError("odd", "this is odd")
        raise RequestEndedError("cancelled")

    bench = Bench(handle)
    await bench.stage.take(bench.batch(b"a", b"b"))
    await bench.done()
    assert sorted(map(bytes, filter(None, calls))) == [b"a", b"b"]
    assert [dict(out.headers)["x-reason"] for out in bench.producer.sent] == [b"odd"]


async def test_a_refused_output_makes_a_dead_letter_of_its_record() -> None:
    async def handle(_record: Record) -> Sequence[Outgoing]:
        return [Outgoing("refused", None, b"much")]

    bench = Bench(handle)
    await bench.stage.take(bench.batch(b"a"))
    await bench.done()
    assert dict(bench.producer.sent[0].headers)["x-reason"] == b"output_refused"


async def test_work_on_a_lost_partition_is_cancelled_and_its_queue_dropped() -> None:
    """Else a rebalance storm runs thousands of syncs twice."""
    started: list[int] = []
    gate = asyncio.Event()

    async def handle(record: Record) -> Sequence[Outgoing]:
        started.append(record.partition)
        await gate.wait()
        return [Outgoing("out", record.key, record.value)]

    bench = Bench(handle, limit=2)
    bench.assign(1, 2)
    await bench.stage.take(bench.batch(b"a", b"b", b"a", b"c", partition=1))
    await bench.stage.take(bench.batch(b"x", b"y", partition=2))
    await asyncio.sleep(0.01)
    under_way = len(started)
    assert 1 in started
    bench.assign(2)
    gate.set()
    await bench.done()
    await asyncio.sleep(0.01)
    assert {out.key for out in bench.producer.sent} == {b"x", b"y"}
    assert set(started[under_way:]) == {2}
    assert bench.stage.is_idle


async def test_nothing_new_is_started_between_two_assignments() -> None:
    calls = 0

    async def handle(_record: Record) -> Sequence[Outgoing]:
        nonlocal calls
        calls += 1
        return ()

    bench = Bench(handle)
    batch = bench.batch(b"a")
    bench.flow.is_holding = True
    await bench.stage.take(batch)
    await asyncio.sleep(0.01)
    assert calls == 0
    assert bench.flow.counts["stale"] == 1


async def test_a_drain_lets_a_handler_finish_and_starts_no_other() -> None:
    ended: list[bytes | None] = []

    async def handle(record: Record) -> Sequence[Outgoing]:
        await asyncio.sleep(0.05)
        ended.append(record.key)
        return ()

    bench = Bench(handle, limit=1)
    await bench.stage.take(bench.batch(b"a", b"b", b"c"))
    await asyncio.sleep(0.01)
    bench.flow.is_holding = True
    await bench.stage.drain(5)
    assert ended == [b"a"]
    assert list(bench.flow.tracker.of(bench.stage))[0].safe() == 1  # noqa: RUF015


async def test_an_error_placed_after_the_outputs_repeats_them() -> None:
    async def handle(_record: Record) -> Sequence[Outgoing]:
        return [Outgoing("out", None, b"said")]

    bench = Bench(handle)
    failpoints.arm(failpoints.parse("after-outputs-before-ack=raise"))
    await bench.stage.take(bench.batch(b"a"))
    await asyncio.sleep(0.01)
    assert bench.flow.tracker.unfinished(bench.stage) == 1
    failpoints.arm({})
    await bench.done()
    assert len(bench.producer.sent) > 1


async def test_records_that_come_a_second_time_are_dropped_and_counted() -> None:
    handled: list[bytes | None] = []

    async def handle(record: Record) -> Sequence[Outgoing]:
        handled.append(record.value)
        return ()

    counted = metrics.REPEATS_DROPPED.labels("work")._value
    before = counted.get()
    bench = Bench(handle)
    first = bench.batch(b"a", b"b")
    again = bench.batch(b"a", b"b", b"c")
    await bench.stage.take(first)
    await bench.stage.take(again)
    await bench.done()
    assert handled == [b"0", b"1", b"2"]
    assert counted.get() - before == 2
