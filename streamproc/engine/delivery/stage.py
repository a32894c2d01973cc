"""A stage: a bounded pool of handlers, one record of a key after the other, done when its outputs are confirmed.

A task is made only when a handler suspends: a runner works through the queue, and the pool grows while runners wait.
The tenants and requests whose records wait take turns.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from streamproc import limits, metrics
from streamproc.core.backoff import delay_s
from streamproc.core.fair_queue import FairQueue, Share
from streamproc.engine import failpoints
from streamproc.engine.delivery.dead_letters import OUTPUT_REFUSED, check_readable
from streamproc.engine.delivery.flow import started, started_with
from streamproc.errors import DeadLetterError, RequestEndedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractContextManager

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import PartitionOffsets
    from streamproc.engine.records import Batch, Outgoing, Record

log = logging.getLogger(__name__)

Handle: TypeAlias = "Callable[[Record], Awaitable[Sequence[Outgoing]]]"
Around: TypeAlias = "Callable[[Record], AbstractContextManager[None]]"
_SUBJECT: Final = "ce_subject"
_TENANT: Final = "ce_tenant"
_NO_TENANT: Final = b"default"  # of records that name none
_Work: TypeAlias = "tuple[PartitionOffsets, Record]"


class Failure(NamedTuple):
    """Why a record can never be worked off."""

    error: BaseException
    reason: str | None = None  # the error's own when there is none


def nothing(_record: Record) -> AbstractContextManager[None]:
    """Nothing around the handling of a record."""
    return nullcontext()


def share_of(record: Record) -> Share:
    """Whose record it is: the tenant and the request that its headers name, else the default tenant's, by its key."""
    tenant, request = _NO_TENANT, record.key or b""
    for name, value in record.headers:
        if value and name == _SUBJECT:
            request = value
        elif value and name == _TENANT:
            tenant = value
    longest = limits.REQUEST_ID_MAX_LENGTH
    return Share(tenant[:longest], request[:longest])


class Stage:
    """Runs one handler over the records that its agent takes."""

    def __init__(
        self,
        name: str,
        handle: Handle,
        flow: Flow,
        *,
        limit: int,
        window: int,
        around: Around = nothing,
    ) -> None:
        """`around` is entered for each record, once for all tries of its handler."""
        self.name = name
        self._around = around
        self.freed = asyncio.Event()
        self._handle = handle
        self._flow = flow
        self._limit = limit
        self._window = window
        self._queue: FairQueue[_Work] = FairQueue(limit, newest_too=True)
        self._busy: dict[bytes, deque[_Work] | None] = {}  # keys at work, and who waits for them
        # And whose record each works on.
        self._runners: dict[asyncio.Task[None], PartitionOffsets | None] = {}
        self._sending: dict[asyncio.Future[bool] | asyncio.Future[None], PartitionOffsets] = {}
        self._is_kicked = False
        self._handled = metrics.RECORDS.labels(name)
        self._handled_name = f"handled.{name}"
        self._retried = metrics.RETRIES.labels(name)

    @property
    def is_idle(self) -> bool:
        """Whether no handler is at work and no record waits for one."""
        return not self._runners and not self._queue

    async def take(self, batch: Batch) -> None:
        """Queue what of a batch is new; returns when fewer records than the window are unfinished."""
        admitted = await self._flow.admit(self, batch)
        if admitted is not None:
            for record in admitted.records:
                self._queue.add(share_of(record), (admitted.offsets, record))
            self._kick()
            await self._flow.room(self, self._window)

    def partitions_assigned(self) -> None:
        """Stop work on partitions that are no longer ours, and go on with the others."""
        for task, offsets in [*self._runners.items(), *self._sending.items()]:
            if offsets is not None and offsets.is_lost:
                task.cancel()
        self.freed.set()
        self._kick()

    async def drain(self, limit_s: float) -> None:
        """Let handlers under way finish for so long, then cancel them; what is queued comes again elsewhere."""
        self._queue.clear()
        if self._runners:
            await asyncio.wait(list(self._runners), timeout=limit_s)
        for task in list(self._runners):
            task.cancel()

    def _kick(self) -> None:
        """See soon whether the pool has to grow: after the runner that is working now suspends or ends."""
        if not self._is_kicked and len(self._runners) < self._limit and self._queue.has_turn:
            self._is_kicked = True
            asyncio.get_running_loop().call_soon(self._grow)

    def _grow(self) -> None:
        """Double the runners, within the limit and the work there is."""
        self._is_kicked = False
        if self._flow.is_holding:
            return
        running = len(self._runners)
        for _ in range(min(len(self._queue), self._limit - running, running or 1)):
            self._runners[started(self._run(), self._ended)] = None

    def _ended(self, runner: asyncio.Task[None]) -> None:
        """A runner found nothing more to do, or was cancelled."""
        self._runners.pop(runner, None)
        self._kick()

    async def _run(self) -> None:
        """Work through the queue until nothing in it may go or the flow holds."""
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - a runner is a task
        while not self._flow.is_holding and (turn := self._queue.take()) is not None:
            share, (offsets, record) = turn
            if offsets.unfinished.get(record.offset) is not record or not self._claimed(
                offsets, record
            ):
                self._queue.done(share)
                continue
            self._kick()
            self._runners[me] = offsets
            try:
                with self._around(record):
                    outs = await self._outcome(record)
            except asyncio.CancelledError:
                self._release(record)
                raise
            finally:
                self._queue.done(share)
            if offsets.is_lost:
                self._release(record)  # given up while its handler worked: it comes again
            elif isinstance(outs, Failure):
                self._divert(offsets, record, outs)
            else:
                self._publish(offsets, record, outs)

    def _claimed(self, offsets: PartitionOffsets, record: Record) -> bool:
        """Whether the record's key is free and now ours; otherwise the record waits behind the one at work."""
        if record.key is None:
            return True
        if record.key not in self._busy:
            self._busy[record.key] = None
            return True
        waiting = self._busy[record.key]
        if waiting is None:
            waiting = self._busy[record.key] = deque()
        waiting.append((offsets, record))
        return False

    def _release(self, record: Record) -> None:
        """Free the record's key; who waits for it goes to the front of the queue, in order."""
        waiting = self._busy.pop(record.key, None) if record.key is not None else None
        for offsets, each in reversed(waiting or ()):
            self._queue.add(share_of(each), (offsets, each), is_first=True)
        self._kick()

    async def _outcome(self, record: Record) -> Sequence[Outgoing] | Failure:
        """The handler's outputs, or why it fails for good; waits out what is only away for now."""
        tries, waits = 0, 0
        while True:
            try:
                check_readable(record)
                outs = await self._handle(record)
                await failpoints.reach("before-outputs")
            except DeadLetterError as error:
                return Failure(error)
            except RequestEndedError:
                return ()
            except TransientError as error:
                waits += 1
                log.warning("%s waits: %s", self.name, error)
            except Exception as error:
                tries += 1
                log.warning("%s failed, try %d", self.name, tries, exc_info=True)
                if tries >= limits.HANDLER_TRIES:
                    return Failure(error)
            else:
                return outs
            self._retried.inc()
            self._flow.counts[f"retries.{self.name}"] += 1
            await asyncio.sleep(delay_s(tries + waits))

    def _divert(self, offsets: PartitionOffsets, record: Record, failure: Failure) -> None:
        """Send the record to the dead letters; it is done when the brokers have it there, else it stays."""

        def diverted(task: asyncio.Future[bool]) -> None:
            del self._sending[task]
            if task.cancelled() or not task.result():
                self._release(record)
            else:
                self._finish(offsets, record)

        sending = started_with(self._flow.divert(record, *failure))
        self._sending[sending] = offsets
        sending.add_done_callback(diverted)

    def _publish(self, offsets: PartitionOffsets, record: Record, outs: Sequence[Outgoing]) -> None:
        """Send the outputs; the record is done when the brokers have them all."""
        if not outs:
            self._flow.budget.renew(record.topic)
            self._finish(offsets, record)
            return

        def confirmed(future: asyncio.Future[None]) -> None:
            del self._sending[future]
            if future.cancelled():
                self._release(record)
                return
            error = future.exception()
            if error is not None:
                self._divert(offsets, record, Failure(error, OUTPUT_REFUSED))
                return
            try:
                failpoints.reach_now("after-outputs-before-ack")
            except failpoints.FailpointError:
                self._publish(offsets, record, outs)
            else:
                self._flow.budget.renew(record.topic)
                self._finish(offsets, record)

        sending = self._flow.producer.send(outs)
        self._sending[sending] = offsets
        sending.add_done_callback(confirmed)

    def _finish(self, offsets: PartitionOffsets, record: Record) -> None:
        """Count the record as done, and let the next of its key go."""
        offsets.finish(record.offset)
        self._flow.moved_at = time.monotonic()
        self._handled.inc()
        self._flow.counts[self._handled_name] += 1
        self._release(record)
        self.freed.set()
