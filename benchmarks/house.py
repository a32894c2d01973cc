"""The product as benchmarks run it: Kafka, Postgres and one worker on this machine, before an upstream."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streamproc.local.stack import LocalStack, say_nothing
from streamproc.local.up import prepared_stack, stack_settings
from streamproc.settings import PREFIX
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

READY: Final = "records flow"


class House(NamedTuple):
    """How to talk to what runs."""

    producer: AIOKafkaProducer
    ends: AIOKafkaConsumer  # of completed and failed requests
    dsn: str  # of its database


async def completed(ends: AIOKafkaConsumer, names: Iterable[str], within_s: float) -> None:
    """Return when each of these requests has completed; none may fail."""
    waiting = set(names)
    async with asyncio.timeout(within_s):
        while waiting:
            for records in (await ends.getmany(timeout_ms=1000)).values():
                for record in records:
                    assert record.topic == "analysis-completed", record.value
                    waiting.discard(record.key.decode())


@asynccontextmanager
async def running_house(url: str, **settings: str) -> AsyncIterator[House]:
    """Everything running, with the upstream at this address and these settings beside the usual ones."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        given = await opened.enter_async_context(running_servers(folder, url)) | settings
        await opened.enter_async_context(running_worker(given, folder))
        brokers = given["kafka_brokers"]
        producer = AIOKafkaProducer(bootstrap_servers=brokers)
        await producer.start()
        opened.push_async_callback(producer.stop)
        ends = AIOKafkaConsumer(
            "analysis-completed",
            "analysis-failed",
            bootstrap_servers=brokers,
            max_partition_fetch_bytes=16 << 20,
        )
        await ends.start()
        opened.push_async_callback(ends.stop)
        yield House(producer, ends, given["postgres_dsn"])


@asynccontextmanager
async def running_servers(folder: Path, url: str) -> AsyncIterator[dict[str, str]]:
    """Kafka and Postgres in this folder; the settings of a worker there, with the upstream at this address."""
    prepared = prepared_stack(
        LocalStack(folder), topology=read_topology(), say=say_nothing, prefix="", app_id="bench"
    )
    async with prepared as stack:
        yield stack_settings(stack, prefix="", app_id="bench") | {
            "data_dir": str(folder),
            "http_bind": "127.0.0.1:0",
            "helius_api_key": "benchmark-key",
            "helius_plan": "professional",
            "helius_rpc_url": url,
            "helius_api_url": url,
            "dexscreener_url": url,
        }


@asynccontextmanager
async def running_worker(settings: Mapping[str, str], folder: Path) -> AsyncIterator[int]:
    """The process of a worker whose records flow; what it logged is printed when it ends too soon."""
    environment = {PREFIX + name.upper(): value for name, value in settings.items()}
    log = folder / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(  # noqa: ASYNC220 - our own program, once
            [sys.executable, "-m", "streamproc", "worker"],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        while READY not in log.read_text("utf-8"):
            if worker.poll() is not None:
                raise SystemExit(log.read_text("utf-8"))
            await asyncio.sleep(0.1)
        yield worker.pid
    finally:
        worker.terminate()
        worker.wait()
