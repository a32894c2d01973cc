"""One commit of a join, for the keys that changed; every step waits for the brokers.

What was written ahead and maybe not published is repeated; `settle` says what is to be said; state and outputs go to
the changelog together; `decide` has the last word on what of them is published. Only then does the join show the states
in its table and count the sources as done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from streamproc import limits, metrics
from streamproc.core.backoff import delay_s
from streamproc.engine import failpoints
from streamproc.engine.delivery.dead_letters import OUTPUT_REFUSED
from streamproc.engine.delivery.refusals import OutputImpossibleError
from streamproc.engine.join import changelog
from streamproc.engine.join.changelog import Series
from streamproc.engine.join.logic import JoinLogic, S
from streamproc.engine.records import Outgoing
from streamproc.errors import DeadLetterError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import PartitionOffsets
    from streamproc.engine.join.changelog import Restored, Step
    from streamproc.engine.join.table import JoinTable
    from streamproc.engine.records import Record

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")


class KeyState(Generic[S]):
    """One key that is under way, or was lately."""

    __slots__ = (
        "again",
        "durable",
        "inbox",
        "is_flying",
        "key",
        "partition",
        "series",
        "state",
        "taken",
        "written_at",
    )

    def __init__(self, key: bytes, partition: int) -> None:
        self.key = key
        self.partition = partition
        self.state: S | None = None
        self.durable: bytes | None = None  # the state as the changelog has it
        self.series = Series()  # as what the changelog has it
        # Written ahead by the worker that had the key before: repeated first.
        self.again: tuple[Outgoing, ...] = ()
        self.taken: list[tuple[PartitionOffsets, Record]] = []  # folded, not done
        # What arrived while the key was in a commit.
        self.inbox: list[tuple[PartitionOffsets, Record]] = []
        self.is_flying = False
        self.written_at = 0.0  # when the changelog last heard of it, on the loop's clock

    def restore(self, kept: Restored, state: S | None) -> None:
        """Go on from what is known of the key; what was written ahead last comes first."""
        self.state, self.durable, self.series = state, kept.state, kept.series
        self.again = kept.outs


class Decided(Generic[S]):
    """What a commit decided about one key."""

    __slots__ = ("dumped", "key_state", "outs", "state", "step")

    def __init__(
        self, key_state: KeyState[S], state: S, outs: Sequence[Outgoing], dumped: bytes | None
    ) -> None:
        self.key_state = key_state
        self.state = state
        self.outs = outs
        self.dumped = dumped
        self.step: Step | None = None  # how the changelog has heard of it

    @property
    def is_news(self) -> bool:
        """Whether the changelog has to hear of it."""
        return bool(self.outs) or self.dumped != self.key_state.durable


class Commit(Generic[S]):
    """Takes keys through one commit; the join lands them."""

    def __init__(
        self,
        name: str,
        table: JoinTable,
        logic: JoinLogic[S],
        flow: Flow,
        changes_from: int = limits.CHANGES_FROM_BYTES,
    ) -> None:
        """Of states from `changes_from` bytes on only what has changed is written, most times."""
        self._name = name
        self._table = table
        self._logic = logic
        self._flow = flow
        self._changes_from = changes_from
        self._retried = metrics.RETRIES.labels(name)

    async def run(
        self, key_states: list[KeyState[S]]
    ) -> tuple[list[Decided[S]], list[tuple[KeyState[S], BaseException]]]:
        """What is decided, durable and published; and the keys whose state can be neither, with the reason."""
        failed = await self._published([(each, each.again) for each in key_states if each.again])
        lost = {key_state.key for key_state, _ in failed}
        decided, bad = await self._decided([each for each in key_states if each.key not in lost])
        failed += bad
        refused = await self._sent(
            {each.key_state.key: [self._ahead(each)] for each in decided if each.is_news}
        )
        failed += [
            (each.key_state, as_failure(refused[each.key_state.key]))
            for each in decided
            if each.key_state.key in refused
        ]
        decided = [each for each in decided if each.key_state.key not in refused]
        bad = await self._published([(each.key_state, each.outs) for each in decided if each.outs])
        lost = {key_state.key for key_state, _ in bad}
        failed += bad
        decided = [each for each in decided if each.key_state.key not in lost]
        await self._sent(
            {each.key_state.key: gone for each in decided if (gone := self._gone(each))}
        )
        await failpoints.reach("after-join-outputs-before-table")
        return decided, failed

    async def _published(
        self, written: Sequence[tuple[KeyState[S], Sequence[Outgoing]]]
    ) -> list[tuple[KeyState[S], BaseException]]:
        """Publish of what was written ahead what `decide` says; the keys about which it fails, one by one."""
        if not written:
            return []
        told = [(key_state.key, list(outs)) for key_state, outs in written]
        try:
            published = await self._asked(self._logic.decide, told)
            chosen = dict(zip((key for key, _ in told), published, strict=True))
        except Exception as error:
            log.exception("%s: deciding about %d keys failed", self._name, len(written))
            if len(written) == 1:
                return [(written[0][0], error)]
            return [each for one in written for each in await self._published([one])]
        refused = await self._sent(chosen)
        return [
            (key_state, as_failure(refused[key_state.key]))
            for key_state, _ in written
            if key_state.key in refused
        ]

    async def _sent(
        self, records: Mapping[bytes, Sequence[Outgoing]]
    ) -> dict[bytes, BaseException]:
        """Wait until the brokers have all; what they refuse for good, by key."""
        futures = {key: self._flow.producer.send(outs) for key, outs in records.items()}
        if not futures:
            return {}
        try:
            await asyncio.wait(futures.values())
        except asyncio.CancelledError:
            for future in futures.values():
                future.cancel()
            raise
        errors = {key: future.exception() for key, future in futures.items()}
        for error in errors.values():
            if isinstance(error, OutputImpossibleError):
                self._flow.give_up(str(error))
        return {key: error for key, error in errors.items() if error is not None}

    async def _decided(
        self, key_states: list[KeyState[S]]
    ) -> tuple[list[Decided[S]], list[tuple[KeyState[S], BaseException]]]:
        """What `settle` makes of the states; a failure that is no outage is narrowed down to its keys."""
        try:
            return await self._settled(key_states), []
        except Exception as error:
            log.exception("%s: settling %d states failed", self._name, len(key_states))
            if len(key_states) == 1:
                return [], [(key_states[0], error)]
        decided: list[Decided[S]] = []
        failed: list[tuple[KeyState[S], BaseException]] = []
        for key_state in key_states:
            good, bad = await self._decided([key_state])
            decided += good
            failed += bad
        return decided, failed

    async def _settled(self, key_states: list[KeyState[S]]) -> list[Decided[S]]:
        """What `settle` makes of the states."""
        states = [(each.key, each.state) for each in key_states if each.state is not None]
        return self._stamped(key_states, await self._asked(self._logic.settle, states))

    async def _asked(self, question: Callable[[T], Awaitable[R]], about: T) -> R:
        """The answer; what it needs may be away for now, so it is asked until it comes."""
        tries = 0
        while True:
            try:
                return await question(about)
            except TransientError as error:
                tries += 1
                log.warning("%s waits: %s", self._name, error)
                self._retried.inc()
                self._flow.counts[f"retries.{self._name}"] += 1
                await asyncio.sleep(delay_s(tries))

    def _stamped(
        self, key_states: list[KeyState[S]], results: list[tuple[S, list[Outgoing]]]
    ) -> list[Decided[S]]:
        """The results by key; each output gets its time now, so that a repeat has the same."""
        now_ms = int(time.time() * 1000)
        return [
            Decided(
                key_state, state, [_timed(out, now_ms) for out in outs], self._logic.dump(state)
            )
            for key_state, (state, outs) in zip(key_states, results, strict=True)
        ]

    def _ahead(self, each: Decided[S]) -> Outgoing:
        """The changelog's record: the state or its change, and outputs; or a tombstone for nothing at all."""
        key_state = each.key_state
        if each.dumped is None and not each.outs and not self._table.changes_of(key_state.key):
            return self._tombstone(key_state, key_state.key)
        # One of the records will do: they are done together, once the outputs are out.
        source = min(((r.topic, r.offset) for _, r in key_state.taken), key=lambda at: at[1])
        step = changelog.next_step(
            key_state.key, key_state.series, key_state.durable, each.dumped, self._changes_from
        )
        value = step.value(each.outs, source)
        each.step = step.weighing(len(value))
        return Outgoing(self._table.changelog, step.key, value, (), key_state.partition)

    def _gone(self, each: Decided[S]) -> list[Outgoing]:
        """Tombstones for the changes of a state that is small again, and for a state that is forgotten.

        The last change goes first: should this break off, those that are left are found again.
        """
        if each.step is None or each.step.series.number:
            return []
        gone = [*reversed(self._table.changes_of(each.key_state.key))]
        if each.dumped is None:
            gone.append(each.key_state.key)
        return [self._tombstone(each.key_state, key) for key in gone]

    def _tombstone(self, key_state: KeyState[S], key: bytes) -> Outgoing:
        """The changelog's record of a forgotten state, or of a change that counts no more."""
        return Outgoing(self._table.changelog, key, None, (), key_state.partition)

    def show(self, each: Decided[S]) -> None:
        """All is confirmed: the table shows what was written, and the key's state goes on from there."""
        key_state, step, had_again = each.key_state, each.step, bool(each.key_state.again)
        key_state.again = ()
        key_state.durable = each.dumped
        key_state.state = None if each.dumped is None else each.state
        if each.dumped is None:
            self._table.forget(key_state.key, *self._table.changes_of(key_state.key))
            key_state.series = Series()
        elif step is not None:
            if not step.series.number:
                self._table.forget(*self._table.changes_of(key_state.key))
            self._table.put(step.key, key_state.partition, step.value())
            key_state.series = step.series
        elif had_again:
            self.show_whole(key_state)

    def show_whole(self, key_state: KeyState[S]) -> None:
        """Let the table show a key's state in one piece, after which it is written whole, not as a change."""
        key_state.series = Series()
        if key_state.durable is not None:
            value = changelog.encode(key_state.durable, key_state.again)
            self._table.put(key_state.key, key_state.partition, value)


def as_failure(error: BaseException) -> BaseException:
    """Why the source of refused outputs stops here; a topic that is closed is no fault of a record."""
    if isinstance(error, OutputImpossibleError):
        return error
    return DeadLetterError(OUTPUT_REFUSED, str(error))


def _timed(out: Outgoing, now_ms: int) -> Outgoing:
    """The record with a time of its own."""
    return out if out.timestamp_ms is not None else out._replace(timestamp_ms=now_ms)
