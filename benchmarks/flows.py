"""How many requests a second the product carries through, when the work itself takes no time.

Kafka, Postgres, the worker and this client share the machine. The worker is the product's own with its agents, join,
table and rows; only bringing wallets up to date, asking for balances and composing a result are replaced by nothing
(flows_worker.py). A flow is one request from its first record to its terminal one, of N wallets. Bursts of flows are
sent at once; then flows are sent one at a time, each after the end of the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from house import completed
from stretched import address_of

from streamproc.local.stack import LocalStack, say_nothing
from streamproc.local.up import prepared_stack, stack_settings
from streamproc.settings import PREFIX
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

SIZES: Final = (10, 100)
BURST: Final = 200
BURSTS: Final = 12  # of each size; the first quarter only warms up
ALONE: Final = 100
WITHIN_S: Final = 300.0
READY: Final = "records flow"


class Figures(NamedTuple):
    """What one size took."""

    per_s: float  # flows a second, median of the bursts
    slowest_per_s: float
    p50_ms: float  # of flows that come one at a time
    p95_ms: float
    cpu_ms: dict[str, float]  # per flow of the bursts, by process


class House(NamedTuple):
    """What runs, and how to talk to it."""

    processes: dict[str, list[int]]  # process ids by what they are
    producer: AIOKafkaProducer
    ends: AIOKafkaConsumer
    numbers: Iterator[int]  # of wallets that nobody has named yet


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench flows", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="wallets of a flow")
    parser.add_argument("--burst", type=int, default=BURST, help="flows sent at once")
    parser.add_argument(
        "--bursts", type=int, default=BURSTS, help="the first quarter only warms up"
    )
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--profile", type=Path, help="where to write the worker's cProfile figures")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run")
    asyncio.run(_measure(options))
    return 0


async def _measure(options: argparse.Namespace) -> None:
    """Open the house, measure each size, print a line for each."""
    print("wallets | flows/s (slowest) | one at a time p50 / p95 ms | CPU ms a flow")
    async with _house(options.workers, options.profile) as house:
        for size in options.sizes:
            found = await _measured(house, size, options)
            spent = ", ".join(f"{name} {ms:.2f}" for name, ms in found.cpu_ms.items())
            print(
                f"{size:7} | {found.per_s:7.0f} ({found.slowest_per_s:.0f}) | "
                f"{found.p50_ms:.1f} / {found.p95_ms:.1f} | {spent}",
                flush=True,
            )


async def _measured(house: House, size: int, options: argparse.Namespace) -> Figures:
    """The figures of one size."""
    warming = max(1, options.bursts // 4)
    for _ in range(warming):
        await _burst(house, size, options.burst)
    before = _cpu_s(house)
    bursts = [await _burst(house, size, options.burst) for _ in range(warming, options.bursts)]
    after = _cpu_s(house)
    flows = options.burst * len(bursts)
    alone = [await _burst(house, size, 1) for _ in range(ALONE)]
    return Figures(
        per_s=options.burst / statistics.median(bursts),
        slowest_per_s=options.burst / max(bursts),
        p50_ms=statistics.median(alone) * 1000,
        p95_ms=statistics.quantiles(alone, n=20)[-1] * 1000,
        cpu_ms={name: (after[name] - before[name]) / flows * 1000 for name in after},
    )


async def _burst(house: House, size: int, flows: int) -> float:
    """Seconds from the first record of so many flows to the last one's end."""
    requests = dict(_request(house, size) for _ in range(flows))
    began_s = time.perf_counter()
    for name, body in requests.items():
        await house.producer.send("analysis-requested", body, name.encode())
    await completed(house.ends, requests, WITHIN_S)
    return time.perf_counter() - began_s


def _request(house: House, size: int) -> tuple[str, bytes]:
    """The id and the record of a new request, for wallets that nobody else names."""
    name = uuid.uuid4().hex
    wallets = [address_of(next(house.numbers)) for _ in range(size)]
    return name, orjson.dumps({"request_id": name, "wallets": wallets})


def _cpu_s(house: House) -> dict[str, float]:
    """Processor seconds that each part has used so far, its child processes included."""
    spent = {}
    for name, pids in house.processes.items():
        tops = [psutil.Process(pid) for pid in pids]
        below = [each for top in tops for each in top.children(recursive=True)]
        times = [each.cpu_times() for each in (*tops, *below)]
        spent[name] = sum(each.user + each.system for each in times)
    own = psutil.Process().cpu_times()
    return {**spent, "client": own.user + own.system}


@asynccontextmanager
async def _house(workers: int, profile: Path | None) -> AsyncIterator[House]:
    """Everything running, and workers whose records flow."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        prepared = prepared_stack(
            LocalStack(folder),
            topology=read_topology(),
            say=say_nothing,
            prefix="",
            app_id="streamproc",
        )
        stack = await opened.enter_async_context(prepared)
        settings = stack_settings(stack, prefix="", app_id="streamproc")
        settings |= {"http_bind": "127.0.0.1:0"}
        running = []
        for _ in range(workers):
            own = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            running.append(await opened.enter_async_context(_worker(settings, own, profile)))
        broker, postgres = stack.broker.pid, stack.postgres.pid
        assert broker is not None
        assert postgres is not None
        producer = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
        await producer.start()
        opened.push_async_callback(producer.stop)
        ends = AIOKafkaConsumer(
            "analysis-completed", "analysis-failed", bootstrap_servers=stack.bootstrap
        )
        await ends.start()
        opened.push_async_callback(ends.stop)
        processes = {
            "workers": [each.pid for each in running],
            "broker": [broker],
            "Postgres": [postgres],
        }
        yield House(processes, producer, ends, itertools.count())


@asynccontextmanager
async def _worker(
    settings: Mapping[str, str], folder: Path, profile: Path | None
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The worker process; its last words are printed when it ends too soon."""
    mine = {**settings, "data_dir": str(folder)}
    environment = {PREFIX + name.upper(): value for name, value in mine.items()}
    program = [sys.executable, *(["-m", "cProfile", "-o", str(profile)] if profile else [])]
    log = folder / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(  # noqa: ASYNC220, S603 - our own program
            [*program, Path(__file__).with_name("flows_worker.py")],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while READY not in log.read_text("utf-8"):
            if worker.poll() is not None:
                raise SystemExit(log.read_text("utf-8"))
            await asyncio.sleep(0.1)
        yield worker
    finally:
        worker.terminate()
        worker.wait()
