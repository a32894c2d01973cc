"""One synchronization of all wallets, as a worker does it, and everything that was seen meanwhile. No Kafka."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson
from sync_parts.database import empty_database
from sync_parts.watch import watched

from streamproc import limits
from streamproc.agents.resources import Resources, open_resources
from streamproc.agents.results.analyst import Analyst
from streamproc.agents.sync import sync_wallet
from streamproc.core.ledger.ranges import tip
from streamproc.events import Options, WalletSyncRequested
from streamproc.fair_limiter import FairLimiter
from streamproc.serde import Encoded
from streamproc.settings import load_settings
from streamproc.store import NewRequest, StoredPage
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from stretched import Upstream
    from sync_parts.watch import Watch

    from streamproc.json_types import Json
    from streamproc.local.postgres import EmbeddedPostgres

KEY: Final = "benchmark-key"
DEADLINE: Final = 2**40
NUMBERS: Final = itertools.count(1)


class Run(NamedTuple):
    """One measured synchronization."""

    took_s: float
    transactions: int  # that are stored in the end
    calls: int
    credits: int
    repeats: int  # pages that were asked for twice
    served: int  # transactions that the upstream has shown, each as often as it did
    refused: int  # calls answered with 429
    peak_rate: int  # calls within any second
    bytes_sent: int
    sandbox_cpu_s: float
    stall_s: float
    alone_mb: float
    together_mb: float


@asynccontextmanager
async def opened(postgres: EmbeddedPostgres, upstream: Upstream) -> AsyncIterator[Resources]:
    """What the agents of a worker are given, with an empty store."""
    settings = load_settings(
        {},
        kafka_brokers="127.0.0.1:1",
        postgres_dsn=await empty_database(postgres),
        helius_api_key=KEY,
        helius_plan="developer",
        helius_rpc_url=upstream.url,
        helius_api_url=upstream.url,
        dexscreener_url=upstream.url,
    )
    async with open_resources(settings, read_topology()) as resources:
        yield resources


async def listed(resources: Resources, upstream: Upstream) -> Run:
    """Ask, read and store: everything that a sync does before it analyzes."""

    async def one(event: WalletSyncRequested) -> None:
        known = await resources.store.known_wallet(event.wallet)
        assert (
            await resources.lookups.why_excluded(event, is_known=known.synced is not None) is None
        )
        async for page in resources.lookups.history(event, known.ranges):
            kept = StoredPage(page.entries, page.closed, page.strategy, decimals=page.decimals)
            await resources.store.add_page(event.wallet, kept)
        newest = tip(await resources.store.ranges(event.wallet))
        assert newest is not None
        await resources.store.mark_synced(event.wallet, watermark_slot=newest, at_ms=known.at_ms)

    return await _measured(resources, upstream, Options(), one)


async def analyzed(resources: Resources, upstream: Upstream, options: Options | None = None) -> Run:
    """The sync agent itself: ask, read, store, analyze, and keep what is said."""
    analyst = Analyst(store=resources.store, tokens=resources.lookups, pool=resources.pool)
    limiter = FairLimiter(limits.SYNC_LIMIT)

    async def one(event: WalletSyncRequested) -> None:
        steps = sync_wallet(
            event,
            store=resources.store,
            lookups=resources.lookups,
            analyst=analyst,
            cancellations=resources.cancellations,
            limiter=limiter,
            codec=resources.codec,
            clock_ms=resources.clock.now_ms,
        )
        *_, said = [step async for step in steps]
        assert isinstance(said, Encoded)
        outcome = orjson.loads(said.value or b"{}")
        assert outcome["outcome"] == "analyzed", outcome

    return await _measured(resources, upstream, options or Options(enrich=False), one)


async def _measured(
    resources: Resources,
    upstream: Upstream,
    options: Options,
    one: Callable[[WalletSyncRequested], Awaitable[None]],
) -> Run:
    """All wallets of one request, as many at once as a worker has at work."""
    request_id = f"benchmark-{next(NUMBERS)}"
    now_ms = await resources.store.now_ms()
    request = NewRequest(request_id, b"", "t/0/0", upstream.wallets, {}, now_ms, DEADLINE)
    await resources.store.record_requests([request])
    gate = asyncio.Semaphore(limits.SYNC_LIMIT)

    async def bounded(wallet: str) -> None:
        event = WalletSyncRequested(
            request_id=request_id,
            wallet=wallet,
            options=options,
            requested_at_ms=now_ms,
            deadline_at=DEADLINE,
        )
        async with gate:
            await one(event)

    await asyncio.to_thread(upstream.counters, reset=True)
    with watched() as watch:
        began_s = time.monotonic()
        await asyncio.gather(*map(bounded, upstream.wallets))
        took_s = time.monotonic() - began_s
    stored = sum([await resources.store.count_entries(wallet) for wallet in upstream.wallets])
    return _run(took_s, stored, await asyncio.to_thread(upstream.counters), watch)


def _run(took_s: float, stored: int, shown: Json, watch: Watch) -> Run:
    """What was measured, of the upstream's counters and the watch."""
    return Run(
        took_s,
        stored,
        shown["requests"],
        shown["credits"],
        sum(shown["repeated_pages"].values()),
        sum(shown["transactions"].values()),
        shown["statuses"].get("429", 0),
        max(shown["peak_rate"].values(), default=0),
        shown["bytes_sent"],
        shown["cpu_s"],
        watch.stall_s,
        watch.alone_mb,
        watch.together_mb,
    )
