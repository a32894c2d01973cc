"""How long it takes to bring wallets up to date, beside the least that the upstream and the machine allow.

The sandbox runs in a process of its own on the same machine and serves pages that were compressed beforehand. What is
measured is what the sync agent does: ask, unpack, read, store in Postgres; no Kafka, and the analysis apart. Bounds
are computed from the latency, the rate and the reading speed measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import resource
import tempfile
import time
import zlib
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest.mock import patch

import asyncpg
import deflate
import orjson
from stretched import Stretched, Upstream, address_of, stretched_upstream

from streamproc import limits
from streamproc.agents.asking import Asking, open_asking
from streamproc.agents.endings import Endings
from streamproc.agents.pool import process_pool
from streamproc.core.ranges import tip
from streamproc.core.raw import raw_page
from streamproc.events import Options, WalletSyncRequested
from streamproc.local.postgres import EmbeddedPostgres
from streamproc.local.stack import say_nothing
from streamproc.sandbox.prebuilt import PrebuiltPages
from streamproc.sandbox.world import World
from streamproc.settings import load_settings
from streamproc.store import NewRequest, Store, StoredPage, open_store
from streamproc.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LATENCY_S: Final = 0.25
RPS: Final = 50.0
PAGE: Final = 1000
KEY: Final = "benchmark-key"
REQUEST: Final = "benchmark"
PARTS: Final = ("a", "b", "c", "d", "e")
PARSED_PAGES: Final = 8


class Run(NamedTuple):
    """One measured synchronization."""

    took_s: float
    calls: int
    credits: int
    sandbox_cpu: float  # share of the time
    stall_ms: float
    transactions: int
    repeats: int


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench sync", description=__doc__)
    parser.add_argument("--parts", default="".join(PARTS), help="some of abcde")
    parser.add_argument("--scale", type=float, default=1.0, help="of all lengths, for a quick look")
    options = parser.parse_args(arguments)
    cores = os.cpu_count() or 1
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before the run")
    speed = parse_speed()
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres", say=say_nothing)
        postgres.start()
        try:
            for part in options.parts:
                if part in MEASURED:
                    MEASURED[part](postgres, speed, options.scale)
        finally:
            postgres.stop()
    print(f"peak memory of this process: {_peak_mb():.0f} MB")
    return 0


def parse_speed() -> float:
    """(a) Transactions a second and core, beside zlib, orjson and dicts; printed."""
    archive = Stretched(World(seed=3, wallets=2, transactions=(300, 400)), [PAGE])
    wallet = address_of(0)
    prepared = PrebuiltPages(archive, [wallet]).page(
        [wallet, {"transactionDetails": "full", "limit": PAGE}], 1
    )
    assert prepared is not None
    body = prepared.body
    ours = _rate(lambda: raw_page(bytes(deflate.gzip_decompress(body)), wallet))
    plain = _rate(lambda: _plain_page(body, wallet))
    decode = _rate(lambda: orjson.loads(zlib.decompress(body, zlib.MAX_WBITS | 16)))
    size = len(zlib.decompress(body, zlib.MAX_WBITS | 16)) / PAGE
    print(f"(a) {size:.0f} bytes a transaction, {len(body) / PAGE:.0f} compressed")
    print(f"    reading, entries made: {ours:8.0f} transactions/s and core")
    print(f"    zlib + orjson + dicts, own balances only: {plain:8.0f}, ratio {ours / plain:.2f}")
    print(f"    zlib + orjson, nothing computed: {decode:8.0f}, ratio {ours / decode:.2f}")
    return ours


def _plain_page(body: bytes, wallet: str) -> list[dict[str, Any]]:
    """The obvious way to less than we need: one wallet's lamports and tokens, no kinds, tips or counterparties."""
    answer = orjson.loads(zlib.decompress(body, zlib.MAX_WBITS | 16))
    found = []
    for item in answer["result"]["data"]:
        meta, message = item["meta"], item["transaction"]["message"]
        loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
        keys = message["accountKeys"] + loaded["writable"] + loaded["readonly"]
        deltas: dict[str, int] = {}
        for sign, rows in ((-1, meta["preTokenBalances"]), (1, meta["postTokenBalances"])):
            for row in rows:
                if row["owner"] == wallet:
                    units = sign * int(row["uiTokenAmount"]["amount"])
                    deltas[row["mint"]] = deltas.get(row["mint"], 0) + units
        lamports = {
            key: after - before
            for key, before, after in zip(
                keys, meta["preBalances"], meta["postBalances"], strict=True
            )
        }
        found.append({"slot": item["slot"], "sol": lamports.get(wallet, 0), "deltas": deltas})
    return found


def _rate(work: Callable[[], object]) -> float:
    """Transactions of CPU time a second, the best of a few pages."""
    best = math.inf
    for _ in range(PARSED_PAGES):
        began_s = time.process_time()
        work()
        best = min(best, time.process_time() - began_s)
    return PAGE / best


def fifty(postgres: EmbeddedPostgres, speed: float, scale: float) -> None:
    """(b) 50 wallets of 2000, and a lognormal set with a whale of 50 000."""
    rng = random.Random(1)  # noqa: S311 - a simulation
    whale = [int(50_000 * scale)]
    lognormal = [max(20, int(rng.lognormvariate(math.log(2000 * scale), 1.3))) for _ in range(49)]
    capped = [min(length, whale[0]) for length in lognormal]
    fifty_equal = [int(2000 * scale)] * 50
    for name, lengths in ((f"50 x {fifty_equal[0]}", fifty_equal), ("whale set", whale + capped)):
        with _upstream(lengths) as upstream:
            (cold,) = asyncio.run(_runs(postgres, upstream, 1))
            _print(f"(b) {name}", cold, _bound_s(lengths, speed), lengths)


def warm(postgres: EmbeddedPostgres, speed: float, scale: float) -> None:
    """(c) Cold, then again at once, asking from the watermark."""
    lengths = [int(2000 * scale)] * 50
    with _upstream(lengths) as upstream:
        cold, again = asyncio.run(_runs(postgres, upstream, 2))
    _print("(c) cold", cold, _bound_s(lengths, speed), lengths)
    print(f"(c) again: {again.took_s:.2f} s, {again.calls} calls, {again.credits} credits")


def growth(postgres: EmbeddedPostgres, speed: float, scale: float) -> None:
    """(d) 10, 50 and 200 wallets."""
    for wallets in (10, 50, 200):
        lengths = [int(400 * scale)] * wallets
        with _upstream(lengths) as upstream:
            (cold,) = asyncio.run(_runs(postgres, upstream, 1))
            _print(f"(d) {wallets} x {lengths[0]}", cold, _bound_s(lengths, speed), lengths)


def one_long(postgres: EmbeddedPostgres, speed: float, scale: float) -> None:
    """(e) One wallet of 50 000: one end, both ends, every idle fetcher."""
    lengths = [int(50_000 * scale)]
    with _upstream(lengths) as upstream:
        for name, extra in (("one end", 0), ("both ends", 1), ("stealing", limits.EXTRA_FETCHERS)):
            with patch.object(limits, "EXTRA_FETCHERS", extra):
                (cold,) = asyncio.run(_runs(postgres, upstream, 1))
            _print(f"(e) {name}", cold, _bound_s(lengths, speed), lengths)


def _upstream(lengths: Sequence[int]) -> Any:  # noqa: ANN401 - a context manager
    """The sandbox of all parts."""
    return stretched_upstream(lengths, latency_s=LATENCY_S, rpc_rps=RPS)


def _bound_s(lengths: Sequence[int], speed: float) -> float:
    """The least time: calls by the rate, two pages one after the other, and reading on all cores."""
    calls = _pages(lengths) + 2 * len(lengths)
    read_s = sum(lengths) / speed / (os.cpu_count() or 1)
    return max(calls / RPS, 2 * LATENCY_S, read_s)


def _pages(lengths: Sequence[int]) -> int:
    """The fewest pages."""
    return sum(math.ceil(length / PAGE) for length in lengths)


def _print(name: str, run: Run, bound_s: float, lengths: Sequence[int]) -> None:
    """One line of figures; the least credits are those of full pages and of one look below the oldest filter."""
    least = sum(10 * math.ceil(length / 100) + 10 for length in lengths) + len(lengths)
    print(
        f"{name}: {run.took_s:.2f} s, bound {bound_s:.2f}, ratio {run.took_s / bound_s:.2f}; "
        f"{run.transactions / run.took_s:.0f} transactions/s; {run.calls} calls; "
        f"credits {run.credits}, ratio {run.credits / least:.3f}; repeated pages {run.repeats}; "
        f"longest stall {run.stall_ms:.0f} ms; sandbox {100 * run.sandbox_cpu:.0f} % of a core"
    )


async def _runs(postgres: EmbeddedPostgres, upstream: Upstream, times: int) -> list[Run]:
    """Synchronize all wallets so many times, beginning with an empty store."""
    name = f"sync_{time.monotonic_ns()}"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    dsn = postgres.database_dsn(name)
    await migrate(dsn)
    settings = load_settings(
        {},
        kafka_brokers="127.0.0.1:1",
        postgres_dsn=dsn,
        helius_api_key=KEY,
        helius_plan="developer",
        helius_rpc_url=upstream.url,
        helius_api_url=upstream.url,
        dexscreener_url=upstream.url,
    )
    async with AsyncExitStack() as opened:
        store = await opened.enter_async_context(open_store(dsn, pool_size=10))
        await store.record_requests([NewRequest(REQUEST, b"", "t/0/0", [], {}, 0, 2**40)])
        pool = await opened.enter_async_context(process_pool())
        asking = await opened.enter_async_context(
            open_asking(settings, store, Endings(store), pool.run)
        )
        return [await _measured(store, asking, upstream) for _ in range(times)]


async def _measured(store: Store, asking: Asking, upstream: Upstream) -> Run:
    """Synchronize all wallets once."""
    await asyncio.to_thread(upstream.counters, reset=True)
    with _watched() as stalls:
        began_s = time.monotonic()
        await asyncio.gather(*(_sync(store, asking, wallet) for wallet in upstream.wallets))
        took_s = time.monotonic() - began_s
    shown = await asyncio.to_thread(upstream.counters)
    return Run(
        took_s,
        shown["requests"],
        shown["credits"],
        shown["cpu_s"] / took_s,
        1000 * max(stalls, default=0.0),
        sum([await store.count_entries(wallet) for wallet in upstream.wallets]),
        sum(shown["repeated_pages"].values()),
    )


async def _sync(store: Store, asking: Asking, wallet: str) -> None:
    """What the sync agent does with one wallet before the analysis."""
    event = WalletSyncRequested(
        request_id=REQUEST,
        wallet=wallet,
        options=Options(),
        requested_at_ms=0,
        deadline_at=2**40,
    )
    assert await asking.why_excluded(event) is None
    began_ms = await store.now_ms()
    async for page in asking.history(event):
        kept = StoredPage(page.entries, page.closed, page.strategy, decimals=page.decimals)
        await store.add_page(wallet, kept)
    newest = tip(await store.ranges(wallet))
    assert newest is not None
    await store.mark_synced(wallet, watermark_slot=newest, at_ms=began_ms)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """How late the event loop was each time it should have done something."""
    late_s: list[float] = []

    async def watch() -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(0.005)
            late_s.append(time.monotonic() - began_s - 0.005)

    task = asyncio.ensure_future(watch())
    try:
        yield late_s
    finally:
        task.cancel()


def _peak_mb() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


MEASURED: Final = {"b": fifty, "c": warm, "d": growth, "e": one_long}
