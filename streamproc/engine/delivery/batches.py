"""Calls and batches of the producer: who waits for which records, and how many of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from streamproc.engine.delivery.refusals import OutputImpossibleError, OutputRefusedError

if TYPE_CHECKING:
    import asyncio
    from collections import deque

    from aiokafka.producer.message_accumulator import BatchBuilder

    from streamproc.engine.records import Outgoing


class Call:
    """One call of `send`: its future is done when all its records are."""

    __slots__ = ("future", "left")

    def __init__(self, future: asyncio.Future[None], left: int) -> None:
        self.future = future
        self.left = left

    def confirm(self, records: int) -> None:
        """Count so many records as confirmed."""
        self.left -= records
        if self.left == 0 and not self.future.done():
            self.future.set_result(None)

    def refuse(self, error: OutputRefusedError | OutputImpossibleError) -> None:
        """The call can never be whole."""
        if not self.future.done():
            self.future.set_exception(error)


Item: TypeAlias = "tuple[Outgoing, Call]"


def filled(batch: BatchBuilder, queue: deque[Item], most: int) -> list[Item]:
    """What stands first in the queue, as far as the batch has room; records of given-up calls are dropped."""
    items: list[Item] = []
    while queue and len(items) < most:
        record, call = queue[0]
        if not call.future.done():
            try:
                has_room = batch.append(
                    timestamp=record.timestamp_ms,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                )
            except (TypeError, ValueError) as error:  # not bytes: a bug where the record was made
                call.refuse(OutputRefusedError(f"{record.topic}: {error}"))
            else:
                if has_room is None:
                    break
                items.append(queue[0])
        queue.popleft()
    return items
