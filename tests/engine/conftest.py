"""A sample flow on the real broker: workers as processes, a client, and a watch over what is committed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from tests.forked import nursery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.forked import Process

TOPICS = ("asked", "work", "opened", "worked", "due", "told", "whole", "answered", "dead")
READ = ("told", "answered", "dead")
PARTITIONS = 4
LOOK_S = 0.05  # between two looks


class Worker:
    """One worker process of the flow."""

    def __init__(self, wanted: dict[str, Any], log: Path, failpoints: str = "") -> None:
        self.log = log
        self.done = Path(wanted["folder"]) / f"finished-{log.stem}"
        self.done.touch()
        self._news_at = 0  # up to where its `done` was read
        wanted = {**wanted, "done": str(self.done)}
        log.touch()
        self.process: Process = nursery().start(
            "tests.engine.flow",
            json.dumps(wanted),
            environment={**os.environ, "STREAMPROC_FAILPOINTS": failpoints},
            folder=Path.cwd(),
            log=log,
        )

    def said(self, text: str) -> bool:
        return text in self.log.read_text()

    async def ready(self) -> None:
        await until(lambda: self.said("records flow") or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.log.read_text()[-3000:]

    async def says(self, text: str) -> None:
        await until(lambda: self.said(text), 30)

    async def ended(self) -> int:
        """Wait for it to end by itself; the exit code."""
        await until(lambda: self.process.poll() is not None, 60)
        return int(self.process.returncode)

    def handled(self) -> int:
        """How many records it has written down as done."""
        return sum(1 for line in self.done.read_text().splitlines() if line)

    def news(self) -> list[str]:
        """The whole lines that it has written down as done since they were last asked for."""
        with self.done.open("rb") as file:
            file.seek(self._news_at)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._news_at += len(whole + newline)
        return whole.decode().splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def terminated(self) -> tuple[int, float]:
        """Ask it to stop; the exit code and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await until(lambda: self.process.poll() is not None, 30)
        return self.process.returncode, time.monotonic() - began


class Flow:
    """The topics of one test, its workers, and everything that was read from the topics that say something."""

    def __init__(self, broker: str, prefix: str, folder: Path) -> None:
        self.broker = broker
        self.prefix = prefix
        self.folder = folder
        self.workers: list[Worker] = []
        self.read: dict[str, list[Any]] = defaultdict(list)
        self.violations: list[str] = []
        self.looks = 0
        self._done: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._sent = 0

    async def start(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker)
        await admin.start()
        changelog = NewTopic(
            f"{self.prefix}app-joined-changelog",
            PARTITIONS,
            1,
            topic_configs={"cleanup.policy": "compact"},
        )
        names = [NewTopic(self.prefix + name, PARTITIONS, 1) for name in TOPICS]
        await admin.create_topics([*names, changelog])
        await admin.close()
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.broker, linger_ms=5, max_request_size=16 * 1024 * 1024
        )
        await self.producer.start()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=16 * 1024 * 1024,
        )
        await self.consumer.start()
        self.consumer.assign(
            [TopicPartition(self.prefix + name, n) for name in READ for n in range(PARTITIONS)]
        )
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.broker)
        await self.admin.start()
        self._reading = asyncio.create_task(self._read())
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        for task in (self._reading, self._watching):
            task.cancel()
        await asyncio.gather(self._reading, self._watching, return_exceptions=True)
        await self.admin.close()
        await self.consumer.stop()
        await self.producer.stop()

    def worker(self, failpoints: str = "", **wanted: object) -> Worker:
        """Start one more worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        base = {"broker": self.broker, "prefix": self.prefix, "folder": str(self.folder)}
        self.workers.append(Worker({**base, **wanted}, log, failpoints))
        return self.workers[-1]

    async def ask(self, requests: int, parts: int) -> list[str]:
        """Send so many requests; their ids."""
        ids = [f"r{self._sent + number}" for number in range(requests)]
        self._sent += requests
        for each in ids:
            await self.send("asked", each, json.dumps({"id": each, "parts": parts}).encode())
        await self.producer.flush()
        return ids

    async def send(
        self,
        topic: str,
        key: str | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        await self.producer.send(
            self.prefix + topic,
            value,
            key=None if key is None else key.encode(),
            headers=headers or [],
        )

    async def have(self, topic: str, records: int) -> None:
        """Wait for so many records of a topic."""
        await until(lambda: len(self.read[topic]) >= records, 30)

    async def limit(self, topic: str, largest_bytes: int) -> None:
        """Let a topic take no larger records."""
        await self.admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    self.prefix + topic,
                    configs={"max.message.bytes": str(largest_bytes)},
                )
            ]
        )

    async def caught_up(self) -> None:
        """Wait until all is committed."""
        end = time.monotonic() + 30
        while lag := await self.lag():
            assert time.monotonic() < end, f"{lag} records are not committed"
            await asyncio.sleep(0.2)

    def answered(self) -> set[str]:
        return {record.key.decode() for record in self.read["answered"]}

    async def answers(self, ids: list[str], limit_s: float = 60) -> list[str]:
        """Wait for the answers; the ids of those that never came."""
        await until(lambda: self.answered() >= set(ids), limit_s, must=False)
        return sorted(set(ids) - self.answered())

    def finished(self) -> dict[tuple[str, int], list[int]]:
        """The offsets that workers have written down as done, by partition."""
        for line in [line for worker in self.workers for line in worker.news()]:
            topic, partition, offset = line.split()
            self._done[topic, int(partition)].append(int(offset))
        return self._done

    def progress(self) -> dict[str, dict[int, list[Any]]]:
        """The progress records of each request by their number."""
        told: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for record in self.read["told"]:
            value = json.loads(record.value)
            told[value["id"]][value["seq"]].append(record)
        return told

    def check_progress(self, ids: list[str]) -> int:
        """Progress has no gaps, and a repeat equals the first in all that it carries; how many were repeated."""
        told = self.progress()
        for each in ids:
            numbers = sorted(told[each])
            assert numbers == list(range(1, len(numbers) + 1)), (each, numbers)
            assert numbers, each
        alike = [records for numbered in told.values() for records in numbered.values()]
        for records in alike:
            assert len({(r.key, r.value, r.headers, r.timestamp) for r in records}) == 1, records
        return sum(len(records) - 1 for records in alike)

    async def lag(self) -> int:
        """How many records of the flow's own topics are not committed."""
        offsets = await self._committed()
        names = [name for name in TOPICS if name not in READ]
        ends = await self.consumer.end_offsets(
            [TopicPartition(self.prefix + name, n) for name in names for n in range(PARTITIONS)]
        )
        return sum(
            end - (offsets[tp].offset if tp in offsets else 0) for tp, end in ends.items() if end
        )

    async def _committed(self) -> dict[Any, Any]:
        return dict(await self.admin.list_consumer_group_offsets(self.prefix + "app"))

    async def _read(self) -> None:
        async for record in self.consumer:
            self.read[record.topic.removeprefix(self.prefix)].append(record)

    async def _watch(self) -> None:
        """Compare what is committed with what is done, as often as the broker answers."""
        while True:
            await asyncio.sleep(0.3)
            try:
                offsets = await self._committed()
            except KafkaError:
                continue
            done = self.finished()
            self.looks += 1
            for tp, committed in offsets.items():
                missing = set(range(committed.offset)) - set(done[tp.topic, tp.partition])
                if missing:
                    self.violations.append(f"{tp} at {committed.offset}: {sorted(missing)[:5]}")


async def until(holds: Callable[[], bool], limit_s: float, *, must: bool = True) -> bool:
    """Wait until something holds; whether it does in the end."""
    end = time.monotonic() + limit_s
    while not holds() and time.monotonic() < end:  # noqa: ASYNC110 - what it looks at are files and processes
        await asyncio.sleep(LOOK_S)
    assert not must or holds(), "it never came true"
    return holds()


@pytest.fixture
async def flow(broker: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Flow]:
    """The topics of a flow, without workers."""
    async with running(broker, topic_prefix, tmp_path) as started:
        yield started


@asynccontextmanager
async def running(broker: str, prefix: str, folder: Path) -> AsyncIterator[Flow]:
    """A flow that is stopped in the end, whatever happened."""
    flow = Flow(broker, prefix, folder)
    await flow.start()
    try:
        yield flow
    finally:
        await flow.stop()


@pytest.fixture
def flow_on(topic_prefix: str) -> Callable[[str, Path], AbstractAsyncContextManager[Flow]]:
    """A flow on a broker of the test's own."""
    return lambda broker, folder: running(broker, topic_prefix, folder)
