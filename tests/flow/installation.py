"""A whole installation for tests: topics and schema on the shared servers, the sandbox upstream, worker processes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import asyncpg
import httpx
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streamproc.kafka import admin
from streamproc.settings import load_settings
from streamproc.topics import read_topology
from tests.forked import WORKER, nursery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.forked import Process

READY_WITHIN_S = 180.0  # on a busy machine, too; nothing is promised about it
ENDS_WITHIN_S = 120.0
KEY = "canary-key-4c1d"


class Said(NamedTuple):
    """One record that the product wrote."""

    topic: str  # without the prefix
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def event(self) -> dict[str, Any]:
        """The record's JSON."""
        content: dict[str, Any] = orjson.loads(self.value or b"{}")
        return content


class Installation:
    """Sends records to it, reads everything it says, and starts and stops its workers."""

    def __init__(self, environment: dict[str, str], prefix: str, folder: Path) -> None:
        self.environment = environment
        self.prefix = prefix
        self.said: list[Said] = []
        self._by_topic: dict[str, list[Said]] = defaultdict(list)
        self.workers: list[Process] = []
        self._folder = folder
        self._producer: AIOKafkaProducer | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    # --- workers ---

    def start_worker(self, **settings: str) -> Process:
        """A worker process; its log lies in the test's folder."""
        path = self._folder / f"worker-{len(self.workers)}.log"
        environment = {**self.environment, **settings}
        with path.open("wb") as log:
            if "PYTHONPATH" not in settings:
                worker: Process = nursery().start(
                    WORKER, "worker", environment=environment, folder=self._folder, log=path
                )
            else:  # another version of the program
                worker = subprocess.Popen(
                    [sys.executable, "-m", "streamproc", "worker"],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                )
        self.workers.append(worker)
        return worker

    async def ready_worker(self, **settings: str) -> Process:
        """A worker process that has its partitions."""
        worker = self.start_worker(**settings)
        number = self.workers.index(worker)
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until:
            text = self.log(number)
            if "records flow" in text:
                return worker
            if worker.poll() is not None:
                raise AssertionError(f"the worker ended with {worker.returncode}:\n{text[-3000:]}")
            await asyncio.sleep(0.05)
        raise AssertionError(f"the worker is not ready:\n{self.log(number)[-3000:]}")

    def log(self, number: int) -> str:
        """What a worker has written so far."""
        return (self._folder / f"worker-{number}.log").read_text(errors="replace")

    async def stop_workers(self) -> None:
        """Terminate all workers and wait for them."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                await asyncio.to_thread(worker.wait, 15)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    async def metrics(self, number: int) -> str:
        """What a worker has counted, in Prometheus' form."""
        found = re.search(r"health and metrics at (http://[^\s\"]+)", self.log(number))
        assert found is not None
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{found[1]}/metrics")).text

    async def execute(self, statement: str) -> None:
        """Carry out one statement on the installation's database."""
        connection = await asyncpg.connect(self.environment["STREAMPROC_POSTGRES_DSN"])
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    # --- records ---

    async def send(
        self,
        topic: str,
        key: str | None,
        value: object,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        """Put bytes, or anything else as JSON, on one of the product's topics."""
        assert self._producer is not None
        raw = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
        await self._producer.send(
            self.prefix + topic,
            raw,
            key.encode() if key is not None else None,
            headers=list((headers or {}).items()),
        )

    async def request(self, request_id: str, wallets: list[str], **options: object) -> None:
        """Ask for an analysis."""
        body = {"request_id": request_id, "wallets": wallets, **options}
        await self.send("analysis-requested", request_id, body)

    def of(self, topic: str, request_id: str | None = None) -> list[Said]:
        """What was said on a topic, of one request or of all."""
        said = self._by_topic[topic]
        if request_id is None:
            return list(said)
        if topic == "wallet-sync":  # the one topic whose key is not the request
            return [each for each in said if each.event["request_id"] == request_id]
        return [each for each in said if each.key == request_id.encode()]

    async def ending(self, request_id: str, within_s: float = ENDS_WITHIN_S) -> dict[str, Any]:
        """The request's terminal record, once its last progress record has come too."""

        def found() -> dict[str, Any] | None:
            terminal = self.of("analysis-completed", request_id) + self.of(
                "analysis-failed", request_id
            )
            if not terminal:
                return None
            progress = self.of("analysis-progress", request_id)
            told = any(each.event["terminal"] for each in progress)
            return terminal[-1].event if told else None

        ending: dict[str, Any] = await self.until(found, f"no end of {request_id}", within_s)
        return ending

    async def until_committed(self, topic: str, within_s: float = ENDS_WITHIN_S) -> None:
        """Return when the workers have committed all that the topic holds."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.environment["STREAMPROC_KAFKA_BROKERS"],
            group_id=self.environment["STREAMPROC_APP_ID"],
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            name, end = self.prefix + topic, time.monotonic() + within_s
            declared = next(each for each in read_topology().topics if each.name == topic)
            places = [TopicPartition(name, number) for number in range(declared.partitions)]
            while True:
                ends = await consumer.end_offsets(places)
                done = [await consumer.committed(place) or 0 for place in places]
                left = [ends[place] - at for place, at in zip(places, done, strict=True)]
                if not any(left):
                    return
                assert time.monotonic() < end, f"{left} records of {topic} are not worked off"
                await asyncio.sleep(0.2)
        finally:
            await consumer.stop()

    async def until(self, found: Any, otherwise: str, within_s: float = ENDS_WITHIN_S) -> Any:  # noqa: ANN401
        """What `found` returns once it returns something."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 1.0)
            except TimeoutError:
                ended = {worker.poll() for worker in self.workers}
                if None not in ended and ended - {0, -9, -15}:  # nobody is left to find it
                    break
        logs = "\n".join(self.log(number)[-2500:] for number in range(len(self.workers)))
        raise AssertionError(f"{otherwise}; workers said:\n{logs}")

    # --- life ---

    async def __aenter__(self) -> Self:
        brokers = self.environment["STREAMPROC_KAFKA_BROKERS"]
        self._producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=2)
        await self._producer.start()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=brokers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=16 << 20,
        )
        await consumer.start()
        places = [
            TopicPartition(self.prefix + topic.name, number)
            for topic in read_topology().topics
            for number in range(topic.partitions)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        self._reading = asyncio.create_task(self._read(consumer))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_workers()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._producer is not None:
            await self._producer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        try:
            async for record in consumer:
                said = Said(
                    record.topic.removeprefix(self.prefix),
                    record.partition,
                    record.offset,
                    record.key,
                    record.value,
                    dict(record.headers),
                )
                self.said.append(said)
                self._by_topic[said.topic].append(said)
                self._changed.set()
        finally:
            await consumer.stop()


@asynccontextmanager
async def installed(
    *, broker: str, dsn: str, prefix: str, upstream: Mapping[str, str], folder: Path
) -> AsyncIterator[Installation]:
    """An installation without workers yet; `upstream` holds the settings that point at the sandbox."""
    given = {
        "STREAMPROC_KAFKA_BROKERS": broker,
        "STREAMPROC_POSTGRES_DSN": dsn,
        "STREAMPROC_TOPIC_PREFIX": prefix,
        "STREAMPROC_APP_ID": f"{prefix}app",
        "STREAMPROC_HTTP_BIND": "127.0.0.1:0",
        "STREAMPROC_HELIUS_API_KEY": KEY,
        "STREAMPROC_HELIUS_PLAN": "professional",
        "STREAMPROC_DATA_DIR": str(folder / "data"),
        **upstream,
    }
    settings = load_settings(given)
    await admin.apply(
        settings.kafka_brokers, read_topology(), prefix=prefix, app_id=settings.app_id
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMPROC_")}
    async with Installation({**environment, **given}, prefix, folder) as installation:
        yield installation
