"""How long small requests take alone, and beside one huge request or another tenant's many, in the same run.

Kafka, Postgres, one worker of the product, the stand-in upstream with its latency and rate, and this client share the
machine. Small requests come at a steady pace, first alone, then just after the huge one; every wallet is new, so
nothing is answered from the store. What counts is the ratio of the two 95th percentiles. With `--heavy N` the small
ones are one tenant's, and N requests of another tenant come at once instead of the huge one.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import orjson
from house import running_house
from stretched import stretched_upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

LATENCY_S: Final = 0.1  # of each call of the upstream
RPS: Final = 200.0  # calls a second that it allows
TRANSACTIONS: Final = 100  # of each wallet
SMALL: Final = 3  # wallets of a small request
WITHIN_S: Final = 1800.0
HUGE: Final = "huge"


class Client:
    """Sends requests about wallets that nobody has named yet, and notes when each one ends."""

    def __init__(
        self, producer: AIOKafkaProducer, ends: AIOKafkaConsumer, wallets: Iterator[str]
    ) -> None:
        self._producer = producer
        self._ends = ends
        self._wallets = wallets
        self._sent_s: dict[str, float] = {}
        self.took_s: dict[str, float] = {}

    async def send(self, name: str, size: int, tenant: str = "light") -> None:
        """Ask for the comparison of so many new wallets."""
        wallets = list(itertools.islice(self._wallets, size))
        body = {"request_id": name, "wallets": wallets, "enrich": False, "tenant": tenant}
        self._sent_s[name] = time.perf_counter()
        await self._producer.send("analysis-requested", orjson.dumps(body), name.encode())

    async def read(self) -> None:
        """Note every end, for ever."""
        async for record in self._ends:
            assert record.topic == "analysis-completed", record.value
            name = record.key.decode()
            self.took_s.setdefault(name, time.perf_counter() - self._sent_s[name])

    async def ended(self, *names: str) -> list[float]:
        """How long each of these took, in seconds, once all have ended."""
        async with asyncio.timeout(WITHIN_S):
            while not self.took_s.keys() >= set(names):  # noqa: ASYNC110 - another task notes them
                await asyncio.sleep(0.05)
        return [self.took_s[name] for name in names]

    async def small_ones(self, part: str, number: int, per_s: float) -> list[float]:
        """How long each of so many small requests took that came at this pace."""
        names = [f"{part}-{index}" for index in range(number)]
        began_s = time.perf_counter()
        for index, name in enumerate(names):
            await asyncio.sleep(began_s + index / per_s - time.perf_counter())
            await self.send(name, SMALL)
        return await self.ended(*names)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench fairness", description=__doc__)
    parser.add_argument("--huge", type=int, default=1000, help="wallets of the huge request")
    parser.add_argument("--small", type=int, default=200, help="small requests of each part")
    parser.add_argument("--per-s", type=float, default=2.0, help="small requests a second")
    parser.add_argument("--heavy", type=int, default=0, help="requests of another tenant")
    parser.add_argument("--of", type=int, default=20, help="wallets of each of these")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run")
    wallets = max(options.huge, options.heavy * options.of) + SMALL * (2 * options.small + 1)
    lengths = [TRANSACTIONS] * wallets
    with stretched_upstream(lengths, latency_s=LATENCY_S, rpc_rps=RPS) as upstream:
        asyncio.run(_measure(options, upstream.url, iter(upstream.wallets)))
    return 0


async def _measure(options: argparse.Namespace, url: str, wallets: Iterator[str]) -> None:
    """The small ones alone, then beside the huge one."""
    async with _client(url, wallets) as client:
        await client.send("first", SMALL)
        await client.ended("first")
        alone = await client.small_ones("alone", options.small, options.per_s)
        _print(f"{options.small} small ones alone", alone)
        sizes = [options.of] * options.heavy or [options.huge]
        names = [f"{HUGE}-{number}" for number in range(len(sizes))]
        for name, size in zip(names, sizes, strict=True):
            await client.send(name, size, "heavy" if options.heavy else "light")
        beside = await client.small_ones("beside", options.small, options.per_s)
        left = sum(name not in client.took_s for name in names)
        _print(f"beside {len(sizes)} of {sizes[0]} wallets", beside)
        took_s = max(await client.ended(*names))
        print(f"these took {took_s:.1f} s; {left} had not ended with the last small one")
        print(f"ratio of the 95th percentiles: {_p95(beside) / _p95(alone):.2f}")


def _p95(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20)[-1]


def _print(name: str, seconds: Sequence[float]) -> None:
    """One line of figures."""
    median = statistics.median(seconds)
    print(
        f"{name}: p50 {median:.2f} s, p95 {_p95(seconds):.2f} s, worst {max(seconds):.2f} s",
        flush=True,
    )


@asynccontextmanager
async def _client(url: str, wallets: Iterator[str]) -> AsyncIterator[Client]:
    """A client of everything running."""
    async with running_house(url, helius_rpc_rps=str(RPS)) as house:
        client = Client(house.producer, house.ends, wallets)
        reading = asyncio.create_task(client.read())
        yield client
        reading.cancel()
