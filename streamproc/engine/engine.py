"""The engine: a Faust app that loses no record.

Faust does group membership, assignment and recovery; delivery is ours.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.engine.delivery.dead_letter_limit import DeadLetterLimit
from streamproc.engine.delivery.fence import Fence
from streamproc.engine.delivery.flow import Flow, started
from streamproc.engine.delivery.producer import Producer
from streamproc.engine.delivery.refusals import OutputImpossibleError
from streamproc.engine.delivery.stage import Stage, nothing
from streamproc.engine.faust.app import GuardedApp
from streamproc.engine.faust.consumer import GuardedTransport
from streamproc.engine.faust.packing import PassThrough
from streamproc.engine.faust.worker import run_worker
from streamproc.engine.health.gauges import Gauges
from streamproc.engine.health.log_rate_limit import limit_log_rate
from streamproc.engine.health.readiness import Readiness
from streamproc.engine.health.watchdog import LoopGuard, Watchdog
from streamproc.engine.join.join import Join
from streamproc.engine.join.table import JoinTable
from streamproc.engine.join.timer import JoinTimer

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Coroutine, Iterable

    import faust

    from streamproc.engine.config import EngineConfig
    from streamproc.engine.delivery.flow import Reader
    from streamproc.engine.delivery.offsets import OffsetTracker
    from streamproc.engine.delivery.stage import Around, Handle
    from streamproc.engine.join.logic import JoinLogic, S
    from streamproc.engine.join.timer import Missing
    from streamproc.engine.records import Batch, Partition

log = logging.getLogger(__name__)


def _stop_this_process() -> None:
    """Ask this process to stop as anybody else would: it drains, commits and leaves its group."""
    os.kill(os.getpid(), signal.SIGTERM)


async def _wall_clock() -> float:
    """This machine's clock, where no better one is given."""
    return time.time()


class Engine:
    """One worker: declare stages and joins, hang agents on them, run."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.app = GuardedApp(config)
        self.app.transport = GuardedTransport(self.app.conf.broker_consumer, self.app, engine=self)
        self.fence = Fence(min(config.session_timeout_s, config.rebalance_timeout_s))
        producer = Producer(config.brokers, config.security, self.fence)
        budget = DeadLetterLimit(config.dead_letter_budget, config.outside)
        self.flow = Flow(
            producer,
            config.dead_letters,
            budget,
            stop=_stop_this_process,
            letter_bytes=config.dead_letter_bytes,
        )
        self.flow.tracker.outside = frozenset(config.outside)
        self._outputs = {config.dead_letters}
        self._readers: list[Reader] = []
        self._timers: list[JoinTimer] = []
        self._opening: list[Callable[[], Coroutine[object, object, None]]] = []
        self._closing: list[Callable[[], Coroutine[object, object, None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._guard = LoopGuard(config.blocked_s)
        self.gauges = Gauges(self.app, self.flow, self._readers)
        self.readiness = Readiness(self.gauges, lambda: self.is_ready)

    # --- declaring ---

    def produces(self, *topics: str) -> None:
        """Declare topics that handlers write; a start fails without one of them."""
        self._outputs.update(topics)

    def stage(
        self,
        name: str,
        handle: Handle,
        *,
        limit: int = limits.STAGE_LIMIT,
        window: int = limits.STAGE_WINDOW,
        around: Around = nothing,
    ) -> Stage:
        """A pool of at most `limit` handlers that takes at most `window` records ahead.

        `around` is entered for each record, once for all tries of its handler.
        """
        stage = Stage(name, handle, self.flow, limit=limit, window=window, around=around)
        self._readers.append(stage)
        return stage

    def join(
        self,
        name: str,
        table_name: str,
        partitions: int,
        logic: JoinLogic[S],
        *,
        clock: Callable[[], Awaitable[float]] = _wall_clock,
        missing: Missing | None = None,
    ) -> Join[S]:
        """A join on one table; its topics have as many partitions as the table. `clock` is unix seconds.

        `missing` says now and then what has to be sent for keys that the join should know and does not.
        """
        join = Join(name, JoinTable(self.app, table_name, partitions), logic, self.flow)
        self.produces(join.table.changelog)
        self.flow.producer.claimed_topics.add(join.table.changelog)
        self._readers.append(join)
        self._timers.append(JoinTimer(join, self.flow, clock, lambda: self.is_ready, missing))
        return join

    def topic(self, sink: Reader, *names: str) -> faust.TopicT:
        """The Faust topic of an agent that feeds this sink; Faust neither decodes nor acknowledges it."""
        self.tracker.register(sink, names)
        return self.app.topic(*names, schema=PassThrough(), acks=False)

    def agent(self, name: str, sink: Reader, *topics: str) -> faust.Agent:
        """A Faust agent that takes batch after batch of these topics into the sink."""

        async def feed(batches: AsyncIterable[Batch]) -> None:
            async for batch in batches:
                await sink.take(batch)

        return self.app.register(name, self.topic(sink, *topics), feed)

    def on_start(self, hook: Callable[[], Coroutine[object, object, None]]) -> None:
        """Await this before any record flows, in the order of the calls."""
        self._opening.append(hook)

    def on_stop(self, hook: Callable[[], Coroutine[object, object, None]]) -> None:
        """Await this after the last record, the last hook first."""
        self._closing.insert(0, hook)

    # --- running ---

    def run(self) -> int:
        """Run in this thread until SIGTERM, SIGINT or a crash; the exit code. Logging is the caller's to set up."""
        limit_log_rate()
        code = run_worker(self.app, self)
        if self.flow.stopped_for:
            code = code or 1
            log.critical("this worker stopped: %s", self.flow.stopped_for)
        log.info("worker ended with exit code %d", code)
        return code

    async def opened(self) -> None:
        """Connect the producer and run the start hooks; recovery has not begun, so neither can wait for the other."""
        self._start(self._guard.beat())
        self._guard.start()
        await self.flow.producer.start(self._outputs)
        for hook in self._opening:
            await hook()
        self._start(Watchdog(self.gauges, stall_s=self.config.stall_s).run())
        self._start(self.gauges.measure())
        self._start(self.readiness.run())
        for timer in self._timers:
            self._start(timer.run())
        # What is loaded by now stays: it need not be looked at by every later collection, of which a start makes none.
        gc.freeze()
        gc.enable()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        """Run this beside the flow until the worker closes."""
        self._tasks.append(started(work, self._tasks.remove))

    async def drained(self) -> None:
        """Start nothing new, finish what is under way, commit it; bounded, and what is left comes again elsewhere."""
        self._guard.stop_within(limits.STOP_MAX_S)
        self.flow.is_holding = self.flow.is_stopping = True
        self.flow.is_flowing = False
        if self.app._consumer is not None:  # noqa: SLF001 - asking for `consumer` would make one
            self.app.consumer.stop_flow()
        await asyncio.gather(*(each.drain(limits.STOP_DRAIN_S) for each in self._readers))
        await self.flow.producer.emptied(limits.STOP_PRODUCER_S)
        if self.app._consumer is not None:  # noqa: SLF001 - as above
            await self.app.consumer.commit_finished()

    async def closed(self) -> None:
        """Close what was opened, the producer first: nothing is produced any more."""
        for task in list(self._tasks):
            task.cancel()
        await self.flow.producer.stop(limits.STOP_PRODUCER_S)
        for hook in self._closing:
            await hook()
        self._guard.finish()

    # --- around an assignment (called by the guarded consumer) ---

    @property
    def tracker(self) -> OffsetTracker[Reader]:
        """What may be committed."""
        return self.flow.tracker

    async def before_revoked(self) -> None:
        """Start nothing new; flush the joins and forget their states, the table will be recovered."""
        self.flow.is_holding = True
        self.flow.is_flowing = False
        self.recovering(0)
        joins = [each for each in self._readers if isinstance(each, Join)]
        limit_s = 0.0 if self.fence.is_down else limits.GIVE_UP_SETTLE_S
        await asyncio.gather(*(join.drain(limit_s) for join in joins))
        for join in joins:
            if join.is_clean:
                join.table.skip_own_writes(self.flow.producer.runs)

    def assigned(self, partitions: Collection[Partition], generation: int) -> None:
        """Go on with what stays ours, drop what does not, and take the joins' records again."""
        self.tracker.assign(partitions, generation)
        for reader in self._readers:
            if isinstance(reader, Join):
                self.tracker.drop_reader(reader)
        self.flow.log = self.app.consumer
        self.fence.lift()
        self.flow.is_holding = self.flow.is_stopping
        for reader in self._readers:
            reader.partitions_assigned()

    async def claimed(self, partitions: Iterable[Partition]) -> None:
        """Return when the brokers refuse what former owners of these changelogs may still have on the wire."""
        try:
            await self.flow.producer.claim(partitions)
        except OutputImpossibleError as error:
            self.flow.give_up(str(error))
            await (
                asyncio.get_running_loop().create_future()
            )  # nothing is recovered: this worker stops

    def recovering(self, records: int) -> None:
        """The tables' recovery gets on by so many records of a changelog."""
        self.counts["recovered"] += records
        self.flow.stuck_since = time.monotonic()

    def flowing(self) -> None:
        """The tables are recovered and stream records come now."""
        log.info(
            "the tables are recovered (%d records so far), records flow", self.counts["recovered"]
        )
        self.flow.is_flowing = True
        for timer in self._timers:
            timer.recovered()

    # --- what the health surface and the watchdog ask ---

    @property
    def is_ready(self) -> bool:
        """Whether the tables are recovered and records flow."""
        return self.flow.is_flowing and not self.flow.is_stopping

    @property
    def counts(self) -> Counter[str]:
        """Since the start: handled.NAME, retries.NAME, dead_letters.REASON, stale, holes, recovered, states_lost."""
        return self.flow.counts
