"""What the agents are given to work with, open as long as a worker runs, and each one's handler made of it."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.balances import fetch_balances
from streamproc.agents.cohorts import resolve_cohort
from streamproc.agents.lookups.lookups import Lookups, open_lookups
from streamproc.agents.lookups.quotas import quotas_of
from streamproc.agents.requests import accept_request
from streamproc.agents.results.analyst import Analyst
from streamproc.agents.results.price_history import price_history_of
from streamproc.agents.results.result_builder import Composer
from streamproc.agents.shared.answers import Answers
from streamproc.agents.shared.cancellation import Cancellations, watching_cancellations
from streamproc.agents.shared.clock import DatabaseClock, keeping_time
from streamproc.agents.shared.handlers import on_event
from streamproc.agents.shared.process_pool import ProcessPool, process_pool
from streamproc.agents.shared.retention import keeping_tidy
from streamproc.agents.similarity import compare_wallets
from streamproc.agents.sync import list_anew, sync_wallet
from streamproc.events import (
    AnalysisReady,
    BalanceFetchRequested,
    CohortRequested,
    WalletSyncRequested,
)
from streamproc.fair_limiter import FairLimiter
from streamproc.serde import Codec, codec_of
from streamproc.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.agents.shared.handlers import Handler
    from streamproc.core.quotas import Quotas
    from streamproc.settings import Settings
    from streamproc.topics import Topology


@dataclass(frozen=True, slots=True)
class Resources:
    """The store and its clock, the upstream, a pool of processes, analyses, and which requests have ended."""

    codec: Codec
    store: Store
    lookups: Lookups
    pool: ProcessPool
    cancellations: Cancellations
    clock: DatabaseClock
    quotas: Quotas
    analyst: Analyst


@asynccontextmanager
async def open_resources(settings: Settings, topology: Topology) -> AsyncIterator[Resources]:
    """Everything the agents need, opened, and closed after the block."""
    codec = codec_of(settings, topology)
    async with AsyncExitStack() as opened:
        dsn = settings.postgres_dsn.get_secret_value()
        store = await opened.enter_async_context(
            open_store(dsn, pool_size=settings.postgres_pool_size)
        )
        clock = await opened.enter_async_context(keeping_time(store.now_ms))
        cancellations = await opened.enter_async_context(watching_cancellations(store))
        await opened.enter_async_context(keeping_tidy(store, settings.results_kept_days))
        pool = await opened.enter_async_context(process_pool())
        quotas = quotas_of(settings)
        lookups = await opened.enter_async_context(
            open_lookups(
                settings, store, cancellations, pool.run, clock_ms=clock.now_ms, quotas=quotas
            )
        )
        analyst = Analyst(
            store=store,
            tokens=lookups,
            pool=pool,
            list_anew=partial(list_anew, store=store, lookups=lookups),
            price_history=price_history_of(settings),
        )
        yield Resources(codec, store, lookups, pool, cancellations, clock, quotas, analyst)


def requests_handler(given: Resources) -> Handler:
    """Records and fans out valid requests; answers or diverts everything else."""
    return partial(
        accept_request,
        store=given.store,
        codec=given.codec,
        answers=Answers(),
        quotas=given.quotas,
    )


def cohorts_handler(given: Resources) -> Handler:
    """Chooses the wallets of a request that names a rule instead of a list."""
    handle = partial(
        resolve_cohort,
        store=given.store,
        lookups=given.lookups,
        cancellations=given.cancellations,
    )
    return on_event(CohortRequested, handle, given.codec)


def sync_handler(given: Resources) -> Handler:
    """Brings one wallet up to date."""
    handle = partial(
        sync_wallet,
        store=given.store,
        lookups=given.lookups,
        analyst=given.analyst,
        cancellations=given.cancellations,
        limiter=FairLimiter(limits.SYNC_LIMIT),
        clock_ms=given.clock.now_ms,
    )
    return on_event(WalletSyncRequested, handle, given.codec)


def balances_handler(given: Resources) -> Handler:
    """Fetches the present balances of a request's wallets."""
    handle = partial(
        fetch_balances,
        store=given.store,
        lookups=given.lookups,
        cancellations=given.cancellations,
        clock_ms=given.clock.now_ms,
    )
    return on_event(BalanceFetchRequested, handle, given.codec)


def similarity_handler(given: Resources) -> Handler:
    """Compares wallets and ends a request with its result."""
    composer = Composer(
        store=given.store,
        analyst=given.analyst,
        tokens=given.lookups,
        pool=given.pool,
        clock_ms=given.clock.now_ms,
    )
    handle = partial(
        compare_wallets,
        store=given.store,
        composer=composer,
        cancellations=given.cancellations,
        clock_ms=given.clock.now_ms,
    )
    return on_event(AnalysisReady, handle, given.codec)
