"""The worker: who consumes what, on one screen, and what the agents are given to work with.

| agent | reads | says |
|---|---|---|
| requests | analysis-requested | accepted, wallet-sync and balance-fetch, or failed (rejected) |
| sync | wallet-sync | wallet-progress, wallet-analyzed |
| balances | balance-fetch | balances-fetched |
| join | accepted, cancel-requested, wallet-progress, wallet-analyzed, balances-fetched, due | progress, ready, failed |
| similarity | analysis-ready | progress, completed (or the end that was decided meanwhile) |
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.agents.balances import fetch_balances
from streamproc.agents.join.logic import JoinLogic
from streamproc.agents.join.reopening import Reopening
from streamproc.agents.lookups.lookups import Lookups, excluded_wallets, open_lookups
from streamproc.agents.lookups.quotas import quotas_of
from streamproc.agents.requests import accept_request
from streamproc.agents.results.analyst import Analyst
from streamproc.agents.results.price_history import PriceHistory, price_history_of
from streamproc.agents.results.result_builder import Composer
from streamproc.agents.shared.answers import Answers
from streamproc.agents.shared.cancellation import Cancellations, watching_cancellations
from streamproc.agents.shared.clock import DatabaseClock, keeping_time
from streamproc.agents.shared.handlers import Handler, Run, on_event, running
from streamproc.agents.shared.process_pool import ProcessPool, process_pool
from streamproc.agents.shared.records import outgoing
from streamproc.agents.shared.retention import keeping_tidy
from streamproc.agents.similarity import compare_wallets
from streamproc.agents.sync import list_anew, sync_wallet
from streamproc.engine import Engine, EngineConfig, failpoints
from streamproc.errors import ConfigurationError, Fault
from streamproc.events import AnalysisReady, BalanceFetchRequested, WalletSyncRequested
from streamproc.fair_limiter import FairLimiter
from streamproc.health import serve_health
from streamproc.kafka import admin
from streamproc.logs import set_up_logging
from streamproc.safety.own_files import make_folder
from streamproc.serde import Codec, codec_of
from streamproc.store import Store, open_store
from streamproc.store.postgres.migrate import pending
from streamproc.topics import Topology, read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamproc.core.quotas import Quotas
    from streamproc.engine import Outgoing, Record
    from streamproc.serde import Encoded
    from streamproc.settings import Settings

log = logging.getLogger(__name__)

JOIN: Final = "join"
SYNC: Final = "sync"


@dataclass(frozen=True, slots=True)
class Resources:
    """What the agents are given: the store and its clock, the upstream, a pool of processes, and who has ended."""

    codec: Codec
    store: Store
    lookups: Lookups
    pool: ProcessPool
    cancellations: Cancellations
    clock: DatabaseClock
    quotas: Quotas
    price_history: PriceHistory

    def handlers(self) -> dict[str, Handler]:
        """Each agent's handler, by agent; the join is a fold instead, see agents/join/logic.py."""
        analyst = Analyst(
            store=self.store,
            tokens=self.lookups,
            pool=self.pool,
            list_anew=partial(list_anew, store=self.store, lookups=self.lookups),
            price_history=self.price_history,
        )
        composer = Composer(
            store=self.store,
            analyst=analyst,
            tokens=self.lookups,
            pool=self.pool,
            clock_ms=self.clock.now_ms,
        )
        sync = partial(
            sync_wallet,
            store=self.store,
            lookups=self.lookups,
            analyst=analyst,
            cancellations=self.cancellations,
            limiter=FairLimiter(limits.SYNC_LIMIT),
            clock_ms=self.clock.now_ms,
        )
        balances = partial(
            fetch_balances,
            store=self.store,
            lookups=self.lookups,
            cancellations=self.cancellations,
            clock_ms=self.clock.now_ms,
        )
        similarity = partial(
            compare_wallets,
            store=self.store,
            composer=composer,
            cancellations=self.cancellations,
            clock_ms=self.clock.now_ms,
        )
        return {
            "requests": partial(
                accept_request,
                store=self.store,
                codec=self.codec,
                answers=Answers(),
                quotas=self.quotas,
            ),
            SYNC: on_event(WalletSyncRequested, sync, self.codec),
            "balances": on_event(BalanceFetchRequested, balances, self.codec),
            "similarity": on_event(AnalysisReady, similarity, self.codec),
        }


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
            open_lookups(settings, store, cancellations, pool.run, quotas)
        )
        past = price_history_of(settings)
        yield Resources(codec, store, lookups, pool, cancellations, clock, quotas, past)


class Worker:
    """One worker process: the engine with the agents hung on it."""

    def __init__(self, settings: Settings, topology: Topology) -> None:
        """Declare who consumes what; nothing is opened yet."""
        self._settings = settings
        self._topology = topology
        self._opened = AsyncExitStack()
        self._resources: Resources | None = None
        self._handlers: dict[str, Run] = {}
        self.engine = Engine(engine_config(settings, topology))
        self.engine.produces(*(self._full(topic.name) for topic in topology.topics))
        for agent in ("requests", SYNC, "balances", "similarity"):
            self._register(agent)
        self._register_join()
        self.engine.on_start(self._open)
        self.engine.on_stop(self._opened.aclose)

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or a crash; the exit code."""
        return self.engine.run()

    def _full(self, name: str) -> str:
        """A topic's name in this installation."""
        return self._settings.topic_prefix + name

    def _topics(self, agent: str) -> list[str]:
        """The topics that an agent reads."""
        return [self._full(topic.name) for topic in self._topology.consumed_by(agent)]

    def _register(self, agent: str) -> None:
        """One stage and its Faust agent; the handler is there once the worker is open."""

        async def handle(record: Record) -> list[Outgoing]:
            return [outgoing(each) for each in await self._handlers[agent](record)]

        bounds = {"limit": limits.SYNC_AHEAD, "window": limits.SYNC_WINDOW} if agent == SYNC else {}
        stage = self.engine.stage(agent, handle, **bounds)
        self.engine.agent(agent, stage, *self._topics(agent))

    def _register_join(self) -> None:
        """The join, its table and its Faust agent."""
        (table,) = (table for table in self._topology.tables if table.agent == JOIN)
        codec = codec_of(self._settings, self._topology)
        logic = JoinLogic(
            codec=codec, store=lambda: self._open_resources.store, clock_ms=self._now_ms
        )
        join = self.engine.join(
            JOIN,
            table.name,
            table.partitions,
            logic,
            clock=self._database_s,
            missing=Reopening(
                codec=codec, store=lambda: self._open_resources.store, clock_ms=self._now_ms
            ),
        )
        self.engine.agent(JOIN, join, *self._topics(JOIN))

    @property
    def _open_resources(self) -> Resources:
        """The means; records flow only once they are open."""
        assert self._resources is not None  # noqa: S101 - the engine awaits _open before records flow
        return self._resources

    async def _database_s(self) -> float:
        """The database's clock, unix seconds."""
        return await self._open_resources.clock.look() / 1000

    def _now_ms(self) -> int:
        """The same from memory, unix milliseconds."""
        return self._open_resources.clock.now_ms()

    async def _open(self) -> None:
        """Open the means and the health surface."""
        resources = await self._opened.enter_async_context(
            open_resources(self._settings, self._topology)
        )
        self._resources = resources
        self._handlers = {
            agent: running(handler, codec=resources.codec, publish=self._publish)
            for agent, handler in resources.handlers().items()
        }
        self.engine.readiness.watch("Postgres", resources.store.now_ms)
        url = await self._opened.enter_async_context(
            serve_health(self._settings.http_bind, lambda: True, self.engine.readiness.why_not)
        )
        log.info("health and metrics at %s", url)

    def _publish(self, record: Encoded) -> asyncio.Future[None]:
        """Publish a progress record now; its source is done later, so a crash may repeat it."""
        return self.engine.flow.producer.send([outgoing(record)])


def engine_config(settings: Settings, topology: Topology) -> EngineConfig:
    """What the engine has to know of an installation."""
    return EngineConfig(
        brokers=settings.kafka_brokers,
        app_id=settings.app_id,
        dead_letters=settings.topic_prefix + topology.dead_letters.name,
        outside=[
            settings.topic_prefix + topic.name for topic in topology.topics if topic.is_outside
        ],
        dead_letter_budget=settings.dead_letter_budget,
        dead_letter_bytes=topology.dead_letters.largest - limits.RECORD_FRAME_BYTES,
        data_dir=settings.data_dir,
        security=settings.kafka_security(),
        worker_id=settings.worker_id,
    )


async def preflight(settings: Settings, topology: Topology) -> None:
    """Raise ConfigurationError with everything that keeps a worker from starting: topics, schema, lists."""
    faults = await admin.check(
        settings.kafka_brokers,
        topology,
        prefix=settings.topic_prefix,
        app_id=settings.app_id,
        security=settings.kafka_security(),
    )
    waiting = await pending(settings.postgres_dsn.get_secret_value())
    if waiting:
        rule = "must be applied; `streamproc db migrate` applies them"
        faults.append(Fault("schema", f"{len(waiting)} migrations waiting", rule))
    if faults:
        raise ConfigurationError(faults)
    await admin.await_coordinator(
        settings.kafka_brokers, settings.app_id, security=settings.kafka_security()
    )
    excluded_wallets(settings)
    quotas_of(settings)
    price_history_of(settings)
    _make_folder(settings.data_dir)
    failpoints.arm(failpoints.parse(settings.failpoints))


def _make_folder(folder: Path) -> None:
    """Make the data folder; raises ConfigurationError when that is not possible."""
    try:
        make_folder(folder)
    except OSError as error:
        rule = f"must be a folder that can be made: {error.strerror}"
        raise ConfigurationError([Fault("STREAMPROC_DATA_DIR", str(folder), rule)]) from error


def run_worker(settings: Settings) -> int:
    """Run the agents until SIGTERM or SIGINT; the exit code. Raises ConfigurationError when it cannot start."""
    set_up_logging(settings.log_format, settings.log_level, secrets=settings.secrets())
    topology = read_topology()
    asyncio.run(preflight(settings, topology))
    return Worker(settings, topology).run()
