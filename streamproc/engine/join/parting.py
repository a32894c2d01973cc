"""How a join parts with a record: it is done, it becomes a dead letter, or it is sent to where its key is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamproc import metrics
from streamproc.engine.delivery.flow import started_with
from streamproc.engine.join.commit import as_failure
from streamproc.engine.records import Outgoing

if TYPE_CHECKING:
    import asyncio

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import PartitionOffsets
    from streamproc.engine.records import Record


class Parting:
    """One join's; a record is done once that is confirmed."""

    def __init__(self, name: str, flow: Flow, freed: asyncio.Event) -> None:
        self._name = name
        self._flow = flow
        self._freed = freed
        self._records = metrics.RECORDS.labels(name)
        self._diverting: set[asyncio.Future[bool]] = set()

    def divert(self, offsets: PartitionOffsets, record: Record, error: BaseException) -> None:
        """Send a record to the dead letters; it is done when they are confirmed."""

        def diverted(task: asyncio.Future[bool]) -> None:
            self._diverting.discard(task)
            if not task.cancelled() and task.result():
                self.done([(offsets, record)])

        task = started_with(self._flow.divert(record, error))
        self._diverting.add(task)
        task.add_done_callback(diverted)

    def pass_on(self, offsets: PartitionOffsets, record: Record) -> None:
        """Send a record to the partition of its key, where its state is: other clients may place keys otherwise."""

        def confirmed(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                return
            if (error := future.exception()) is not None:
                self.divert(offsets, record, as_failure(error))
            else:
                self.done([(offsets, record)])

        self._flow.counts["passed_on"] += 1
        again = Outgoing(
            record.topic,
            record.key,
            record.value,
            record.headers,
            timestamp_ms=record.timestamp_ms,
        )
        self._flow.producer.send([again]).add_done_callback(confirmed)

    def done(self, taken: list[tuple[PartitionOffsets, Record]]) -> None:
        """Count records as done."""
        for offsets, record in taken:
            offsets.finish(record.offset)
        self._records.inc(len(taken))
        self._flow.counts[f"handled.{self._name}"] += len(taken)
        self._flow.moved_at = time.monotonic()
        self._freed.set()
