"""What stages and joins share: the tracker, the producer, the way from a fetch to a reader, and what is counted."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from streamproc import limits, metrics
from streamproc.engine.delivery.dead_letter_limit import DeadLetterLimit
from streamproc.engine.delivery.dead_letters import PARTS, dead_letter, reason_of
from streamproc.engine.delivery.offsets import Hole, OffsetTracker
from streamproc.engine.delivery.refusals import OutputImpossibleError, OutputRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.engine.delivery.offsets import Admitted
    from streamproc.engine.delivery.producer import Producer
    from streamproc.engine.records import Batch, Outgoing, Partition, Record

log = logging.getLogger(__name__)
T = TypeVar("T")

EXIT_CODE: Final = 70  # the process is of no use any more; a supervisor starts it again


class Reader(Protocol):
    """A stage or a join, as the engine sees it."""

    name: str
    freed: asyncio.Event

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at work here."""

    async def take(self, batch: Batch) -> None:
        """Take a batch; returns when there is room for the next."""

    def partitions_assigned(self) -> None:
        """Go on with what is still ours."""

    async def drain(self, limit_s: float) -> None:
        """Finish what is under way, for so long at most, and start nothing new."""


class Log(Protocol):
    """The two questions to the consumer when records are missing."""

    async def fetch_again(self, partition: Partition, offset: int) -> None:
        """Read a partition again from this offset."""

    async def first_offset_from(self, partition: Partition, offset: int) -> int:
        """The offset of the first record that the log has at or after this one."""


class Flow:
    """One worker's flow of records, from its partitions to its producer."""

    def __init__(
        self,
        producer: Producer,
        dead_letters: str,
        budget: DeadLetterLimit | None = None,
        stop: Callable[[], None] = lambda: None,
        letter_bytes: int = limits.EVENT_MAX_BYTES,
    ) -> None:
        self.producer = producer
        self.dead_letters = dead_letters
        self.letter_bytes = letter_bytes
        self.budget = budget or DeadLetterLimit()
        self.stopped_for = ""  # why this worker stops by itself
        self._stop = stop
        self.tracker: OffsetTracker[Reader] = OffsetTracker()
        self.counts: Counter[str] = Counter()
        self.is_holding = True  # nothing new is started: between two assignments, and when stopping
        self.is_stopping = False
        self.is_flowing = False  # the tables are recovered, stream records come
        self.stuck_since = time.monotonic()  # while it is not: when recovery last got on
        self.log: Log | None = None
        self.moved_at = time.monotonic()
        self._behind: dict[tuple[Partition, Reader], int] = {}

    async def admit(self, reader: Reader, batch: Batch) -> Admitted | None:
        """What of a batch is new; where records are missing before it, they are asked for again instead."""
        while not self.is_holding:
            found = self.tracker.admit(reader, batch)
            if isinstance(found, Hole):
                if not await self._filled(found, batch):
                    return None
                continue
            if found is not None:
                self.moved_at = time.monotonic()
                if repeated := len(batch.records) - len(found.records):
                    metrics.REPEATS_DROPPED.labels(reader.name).inc(repeated)
                return found
            break
        self.counts["stale"] += 1
        return None

    async def _filled(self, hole: Hole, batch: Batch) -> bool:
        """Whether the log itself is empty where the hole is; otherwise its records are fetched again."""
        assert self.log is not None  # noqa: S101 - batches come from it
        offsets = hole.offsets
        if hole.is_repeated:
            first = await self.log.first_offset_from(batch.partition, offsets.end)
            offsets.close_gap(min(first, batch.start))
            if offsets.end >= batch.start:
                return True
        self.counts["holes"] += 1
        log.info("records are missing: %s %d to %d", batch.partition, offsets.end, batch.start)
        await self.log.fetch_again(batch.partition, offsets.end)
        return False

    async def sweep(self) -> None:
        """Fetch again what an idle reader has waited for since the last sweep: no later batch shows the hole."""
        behind = self.tracker.behind()
        for (partition, reader), end in behind.items():
            if self._behind.get((partition, reader)) == end and reader.is_idle and self.log:
                self.counts["holes"] += 1
                log.info("records did not arrive: %s from %d", partition, end)
                await self.log.fetch_again(partition, end)
        self._behind = behind

    async def room(self, reader: Reader, window: int) -> None:
        """Return when the reader has fewer unfinished records than its window."""
        while self.tracker.unfinished(reader) >= window:
            reader.freed.clear()
            await reader.freed.wait()

    def letter(
        self, record: Record, error: BaseException, reason: str | None = None
    ) -> Outgoing | None:
        """The dead letter of a record, counted; None when it is one too many, and the worker stops with it undone.

        What is no fault of the record at all (a topic that is gone, a right that was taken away) stops it likewise.
        """
        if isinstance(error, OutputImpossibleError):
            self.give_up(str(error))
            return None
        why = reason or reason_of(error)
        if self.stopped_for or self.budget.spends(record, why):
            self._spent(record, why, error)
            return None
        metrics.DEAD_LETTERS.labels(why).inc()
        self.counts[f"dead_letters.{why}"] += 1
        log.warning(
            "dead letter %s: %s/%d/%d: %s",
            why,
            record.topic,
            record.partition,
            record.offset,
            type(error).__name__,
            extra={
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
            },
        )
        return self._dead_letter(record, error, why, without=0)

    def _dead_letter(
        self, record: Record, error: BaseException, reason: str, *, without: int
    ) -> Outgoing:
        """The letter of a record, without so many of its parts."""
        return dead_letter(
            self.dead_letters,
            record,
            error,
            now_s=time.time(),
            reason=reason,
            most=self.letter_bytes,
            without=without,
        )

    async def divert(self, record: Record, error: BaseException, reason: str | None = None) -> bool:
        """Send the record to the dead letters; True when the brokers have it there, and it is done.

        A letter that is refused for its size goes without its parts, one after the other. One that is refused all the
        same stops the worker: the record stays where it is.
        """
        letter = self.letter(record, error, reason)
        without = 0
        while letter is not None:
            try:
                await self.producer.send([letter])
            except OutputImpossibleError as impossible:
                self.give_up(str(impossible))
                return False
            except OutputRefusedError as refused:
                without += 1
                if without > len(PARTS):
                    where = f"{record.topic}/{record.partition}/{record.offset}"
                    self.give_up(f"the dead letter of {where} is refused: {refused}")
                    return False
                letter = self._dead_letter(
                    record, error, reason or reason_of(error), without=without
                )
            else:
                return True
        return False

    def _spent(self, record: Record, why: str, error: BaseException) -> None:
        """The budget is spent."""
        self.give_up(
            f"too many dead letters in a row of {record.topic}, the last one {why} ({type(error).__name__}) at"
            f" {record.partition}/{record.offset}: that record and what follows stay where they are"
        )

    def give_up(self, why: str) -> None:
        """Start nothing new and ask the worker to stop, once, with this sentence."""
        self.is_holding = self.is_stopping = True
        if self.stopped_for:
            return
        self.stopped_for = why
        log.critical("%s; this worker stops", why)
        self._stop()


def started(
    work: Awaitable[None], then: Callable[[asyncio.Task[None]], None]
) -> asyncio.Task[None]:
    """Work of the engine's own as a task; it does not fail, so one that does is a bug and ends the process."""
    task = asyncio.ensure_future(_guarded(work))
    task.add_done_callback(then)
    return task


def started_with(work: Awaitable[T]) -> asyncio.Future[T]:
    """The same, for work that has a result."""
    return asyncio.ensure_future(_guarded(work))


async def _guarded(work: Awaitable[T]) -> T:
    """Await it; exit on a bug, because a worker that goes on without its stage would only look alive."""
    try:
        return await work
    except asyncio.CancelledError:
        raise
    except BaseException:
        exit_now("a part of the engine failed", is_error=True)
        raise


def exit_now(why: str, *, is_error: bool = False) -> None:
    """End the process at once; nothing is lost, what was not finished comes again to the next worker."""
    log.critical("%s; this process ends (exit code %d)", why, EXIT_CODE, exc_info=is_error)
    logging.shutdown()
    os._exit(EXIT_CODE)
