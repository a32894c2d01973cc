"""The worker: AGENTS says who consumes what and with what it is worked off; `topics.yaml` is checked against it."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc import limits
from streamproc.agents.join.logic import JoinLogic
from streamproc.agents.join.reopening import Reopening
from streamproc.agents.lookups.excluded import excluded_wallets
from streamproc.agents.lookups.quotas import quotas_of
from streamproc.agents.resources import (
    Resources,
    balances_handler,
    cohorts_handler,
    open_resources,
    requests_handler,
    similarity_handler,
    sync_handler,
)
from streamproc.agents.results.price_history import price_history_of
from streamproc.agents.shared.handlers import Handler, Run, running, traced
from streamproc.agents.shared.records import outgoing
from streamproc.core.join.state import PARTS
from streamproc.engine import Engine, EngineConfig, failpoints
from streamproc.errors import ConfigurationError, Fault
from streamproc.events import (
    AnalysisReady,
    AnalysisRequested,
    BalanceFetchRequested,
    CohortRequested,
    WalletSyncRequested,
)
from streamproc.health import serve_health
from streamproc.kafka import admin
from streamproc.kafka.member_names import member_name
from streamproc.logs import set_up_logging
from streamproc.safety.own_files import make_folder
from streamproc.serde import codec_of
from streamproc.store.postgres.migrate import pending
from streamproc.topics import OUTSIDE, Topology, read_topology
from streamproc.tracing import set_up_tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from streamproc.engine import Outgoing, Record
    from streamproc.serde import Encoded
    from streamproc.settings import Settings

log = logging.getLogger(__name__)


class Agent(NamedTuple):
    """One row of the worker: an agent, the event that it reads, what works it off, and the bounds of its stage."""

    name: str
    event: type[BaseModel]
    handler: Callable[[Resources], Handler]
    bounds: Mapping[str, int] = MappingProxyType({})


SYNC_BOUNDS: Final = MappingProxyType({"limit": limits.SYNC_AHEAD, "window": limits.SYNC_WINDOW})
AGENTS: Final = (
    Agent("requests", AnalysisRequested, requests_handler),
    Agent("cohorts", CohortRequested, cohorts_handler),
    Agent("sync", WalletSyncRequested, sync_handler, SYNC_BOUNDS),
    Agent("balances", BalanceFetchRequested, balances_handler),
    Agent("similarity", AnalysisReady, similarity_handler),
)
JOIN: Final = "join"  # a fold instead, of the events in PARTS: see agents/join/logic.py


def agent_faults(topology: Topology) -> list[Fault]:
    """Where `topics.yaml` and the agents differ about who reads what: what nobody reads is never worked off."""
    reads = {agent.name: {agent.event.__name__} for agent in AGENTS}
    reads[JOIN] = {part.__name__ for part in PARTS}
    declared = {
        (agent, str(topic.event))
        for topic in topology.topics
        for agent in set(topic.consumers) - OUTSIDE
    }
    known = {(agent, event) for agent, events in reads.items() for event in events}
    return [
        Fault(
            f"consumers of {event}", agent, f"must be agents that read it: {_readers(event, reads)}"
        )
        for agent, event in sorted(declared - known)
    ] + [
        Fault(f"consumers of {event}", "no " + agent, f"must have {agent}, which reads it")
        for agent, event in sorted(known - declared)
    ]


def _readers(event: str, reads: Mapping[str, set[str]]) -> str:
    """The agents that read an event, in words."""
    return ", ".join(agent for agent, events in reads.items() if event in events) or "none"


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
        for agent in AGENTS:
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

    def _register(self, agent: Agent) -> None:
        """One stage and its Faust agent; the handler is there once the worker is open."""

        async def handle(record: Record) -> list[Outgoing]:
            return [outgoing(each) for each in await self._handlers[agent.name](record)]

        stage = self.engine.stage(
            agent.name, handle, around=partial(traced, agent.name), **agent.bounds
        )
        self.engine.agent(agent.name, stage, *self._topics(agent.name))

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
        """The resources; records flow only once they are open."""
        assert self._resources is not None  # noqa: S101 - the engine awaits _open before records flow
        return self._resources

    async def _database_s(self) -> float:
        """The database's clock, unix seconds."""
        return await self._open_resources.clock.look() / 1000

    def _now_ms(self) -> int:
        """The same from memory, unix milliseconds."""
        return self._open_resources.clock.now_ms()

    async def _open(self) -> None:
        """Open the resources and the health surface."""
        resources = await self._opened.enter_async_context(
            open_resources(self._settings, self._topology)
        )
        self._resources = resources
        self._handlers = {
            agent.name: running(
                agent.handler(resources), codec=resources.codec, publish=self._publish
            )
            for agent in AGENTS
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
    faults = agent_faults(topology)
    faults += await admin.check(
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
    with ExitStack() as held:
        if settings.worker_ids_dir is not None and settings.worker_id is None:
            name = held.enter_context(member_name(settings.worker_ids_dir))
            log.info("this worker is %s", name)
            settings = settings.model_copy(update={"worker_id": name})
        held.callback(set_up_tracing(os.environ, instance=settings.worker_id))
        return Worker(settings, topology).run()
