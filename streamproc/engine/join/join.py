"""The join: folds records into one state per key, and says what the states decide exactly once.

Records are folded in memory; the keys that changed go through a commit together: decide, write ahead, publish, land.
While a key is in one, its further records wait in its inbox. A crash at any point repeats what was written ahead, never
decides it anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from typing import TYPE_CHECKING, Generic

import msgspec

from streamproc import limits
from streamproc.engine.delivery.dead_letters import NO_KEY, check_readable
from streamproc.engine.delivery.flow import started
from streamproc.engine.join.commit import Commit, Decided, KeyState
from streamproc.engine.join.due import DueTimes
from streamproc.engine.join.logic import JoinLogic, S
from streamproc.engine.join.parting import Parting
from streamproc.engine.records import partition_of
from streamproc.errors import DeadLetterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import PartitionOffsets
    from streamproc.engine.join.table import JoinTable
    from streamproc.engine.records import Batch, Record

log = logging.getLogger(__name__)


class Join(Generic[S]):
    """One agent's join over all its topics, on one table."""

    def __init__(self, name: str, table: JoinTable, logic: JoinLogic[S], flow: Flow) -> None:
        self.name = name
        self.freed = asyncio.Event()
        self.table = table
        self.logic = logic
        self._flow = flow
        self.live: dict[bytes, KeyState[S]] = {}  # in the order of their last use
        self._dirty: dict[bytes, KeyState[S]] = {}
        self._urgent: dict[bytes, KeyState[S]] = {}
        self._commits: set[asyncio.Task[None]] = set()
        self._parting = Parting(name, flow, self.freed)
        self._tick: asyncio.TimerHandle | None = None
        self._is_flush_due = False
        self.is_clean = True  # no commit was given up by the last drain
        self.due_times = DueTimes()
        self.awaiting: set[bytes] = set()  # keys for whose state records are awaited
        self._commit = Commit(name, table, logic, flow)

    # --- taking ---

    @property
    def is_idle(self) -> bool:
        """Whether no key is under way."""
        return not self._dirty and not self._commits

    async def take(self, batch: Batch) -> None:
        """Fold what of a batch is new; returns when fewer records than the window are unfinished."""
        admitted = await self._flow.admit(self, batch)
        if admitted is not None:
            touched = [self._heard(admitted.offsets, record) for record in admitted.records]
            self._mark(key_state for key_state in touched if key_state is not None)
            await self._flow.room(self, limits.JOIN_WINDOW)

    def _heard(self, offsets: PartitionOffsets, record: Record) -> KeyState[S] | None:
        """Fold a record or put it into its key's inbox; the key's state when it changed."""
        try:
            check_readable(record)
            key = _key_of(record)
        except DeadLetterError as error:
            self._parting.divert(offsets, record, error)
            return None
        key_state = self.live.get(key)
        home = key_state.partition if key_state else partition_of(key, self.table.partitions)
        if home != record.partition:
            self._parting.pass_on(offsets, record)
            return None
        if key_state is None:
            key_state = self.live[key] = self._loaded(key, record.partition)
        if key_state.is_flying:
            key_state.inbox.append((offsets, record))
            return None
        if self._fold(key_state, offsets, record):
            return key_state
        if not key_state.taken:
            del self.live[key]
        return None

    def _fold(self, key_state: KeyState[S], offsets: PartitionOffsets, record: Record) -> bool:
        """Fold one record; one that does not decode becomes a dead letter and changes nothing."""
        try:
            key_state.state = self.logic.fold(key_state.key, key_state.state, record)
        except Exception as error:  # noqa: BLE001 - a fold is pure: trying again cannot help
            self._parting.divert(offsets, record, error)
            return False
        key_state.taken.append((offsets, record))
        return True

    def _loaded(self, key: bytes, partition: int) -> KeyState[S]:
        """A key's state from the table; what a former owner wrote ahead and maybe did not publish is repeated."""
        key_state: KeyState[S] = KeyState(key, partition)
        try:
            kept = self.table.get(key)
            if kept is not None:
                key_state.restore(kept, None if kept.state is None else self.logic.load(kept.state))
        except (msgspec.MsgspecError, zlib.error, ValueError, KeyError, TypeError):
            log.exception("the state of %r does not decode, it starts anew", key)
            self._flow.counts["states_lost"] += 1
            return KeyState(key, partition)
        if kept is not None and self._is_committed(kept.source, partition):
            key_state.again = ()
        return key_state

    def _is_committed(self, source: tuple[str, int] | None, partition: int) -> bool:
        """Whether the record that led to stored outputs was committed, which proves that they are out."""
        if source is None:
            return False
        topic, offset = source
        return self._flow.tracker.committed.get((topic, partition), 0) > offset

    # --- when to flush ---

    def _mark(self, key_states: Iterable[KeyState[S]]) -> None:
        """Put changed keys down for the next commit: at once for urgent ones, else at the next tick."""
        for key, key_state in {key_state.key: key_state for key_state in key_states}.items():
            self._dirty[key] = key_state
            if self._is_urgent(key_state):
                self._urgent[key] = key_state
        loop = asyncio.get_running_loop()
        if self._urgent and not self._is_flush_due:
            self._is_flush_due = True
            loop.call_soon(self._flush_urgent)
        if self._dirty and self._tick is None:
            self._tick = loop.call_later(limits.JOIN_TICK_S, self._flush_all)

    def _is_urgent(self, key_state: KeyState[S]) -> bool:
        """Whether to settle at once; so does a state that cannot even say that, which would be a bug."""
        try:
            return key_state.state is not None and self.logic.is_urgent(key_state.state)
        except Exception:
            log.exception("%s: %r cannot say whether it is urgent", self.name, key_state.key)
            return True

    def _flush_urgent(self) -> None:
        """Start a commit for the urgent keys of all batches that came in this turn of the loop."""
        self._is_flush_due = False
        self._launch(list(self._urgent.values()))

    def _flush_all(self) -> None:
        """Start a commit for all changed keys."""
        self._tick = None
        now = time.monotonic()
        self._launch(
            [key_state for key_state in self._dirty.values() if self._is_due(key_state, now)]
        )
        if self._dirty:  # too many commits under way, or too large to be written again so soon
            self._tick = asyncio.get_running_loop().call_later(limits.JOIN_TICK_S, self._flush_all)

    def _is_due(self, key_state: KeyState[S], now: float) -> bool:
        """Whether a changed key may go: the larger its state, the longer its changes are gathered."""
        if key_state.durable is None or key_state.key in self._urgent:
            return True
        return now >= key_state.written_at + len(key_state.durable) / limits.JOIN_BYTES_PER_S

    def _launch(self, key_states: list[KeyState[S]]) -> None:
        """Start a commit, unless too many are under way: then the next tick tries again."""
        if not key_states or len(self._commits) >= limits.JOIN_CYCLES:
            return
        for key_state in key_states:
            key_state.is_flying = True
            del self._dirty[key_state.key]
            self._urgent.pop(key_state.key, None)
        self._commits.add(started(self._run(key_states), self._commits.discard))

    async def _run(self, key_states: list[KeyState[S]]) -> None:
        """Take the keys through a commit, land them, and mark those whose inbox was not empty."""
        decided, failed = await self._commit.run(key_states)
        for each in decided:
            self._land(each)
        for key_state, error in failed:
            self._refuse(key_state, error)
        self._mark(key_state for key_state in key_states if key_state.taken)

    def _land(self, each: Decided[S]) -> None:
        """All is confirmed: the table shows it, the sources are done, and what came meanwhile is folded."""
        key_state = each.key_state
        key_state.is_flying = False
        key_state.written_at = time.monotonic()
        self._commit.show(each)
        self._note_awaited(key_state.key, key_state.state)
        if each.dumped is not None:
            self.due_times.schedule(key_state.key, time.monotonic())
        for topic in {record.topic for _, record in key_state.taken}:
            self._flow.budget.renew(topic)
        self._parting.done(key_state.taken)
        key_state.taken = []
        self._unpack(key_state)

    def _unpack(self, key_state: KeyState[S]) -> None:
        """Fold the inbox; the key becomes the one used last, and the oldest ones at rest are evicted."""
        inbox, key_state.inbox = key_state.inbox, []
        for offsets, record in inbox:
            self._fold(key_state, offsets, record)
        del self.live[key_state.key]
        if key_state.taken or key_state.durable is not None:
            self.live[key_state.key] = key_state
        while len(self.live) > limits.JOIN_LIVE_STATES:
            oldest = next(iter(self.live.values()))
            if oldest.taken or oldest.is_flying:
                break
            del self.live[oldest.key]

    def _refuse(self, key_state: KeyState[S], error: BaseException) -> None:
        """Divert the records that led to an impossible state; the key goes back to what the changelog has."""
        for offsets, record in key_state.taken:
            self._parting.divert(offsets, record, error)
        again = self._loaded(key_state.key, key_state.partition)
        key_state.taken, key_state.is_flying = [], False
        key_state.state, key_state.durable, key_state.again = (
            again.state,
            again.durable,
            again.again,
        )
        self._commit.show_whole(key_state)  # the changelog may have the impossible one
        self._unpack(key_state)

    def _note_awaited(self, key: bytes, state: S | None) -> None:
        """Remember whether records are awaited for this key."""
        if state is not None and self.logic.is_awaiting(state):
            self.awaiting.add(key)
        else:
            self.awaiting.discard(key)

    # --- partitions and the end ---

    def partitions_assigned(self) -> None:
        """Nothing is kept over an assignment: the table is recovered, and records come again."""
        self.freed.set()

    async def drain(self, limit_s: float) -> None:
        """Flush until nothing is under way, for so long at most, then forget everything that is live."""
        self.is_clean = False
        end = time.monotonic() + limit_s
        while not self.is_idle and time.monotonic() < end:
            self._launch(list(self._dirty.values()))
            if self._commits:
                await asyncio.wait(self._commits, timeout=max(0.0, end - time.monotonic()))
        self.is_clean = not self._commits
        self.abandon()

    def abandon(self) -> None:
        """Forget everything that is live; what was not done comes again to the worker that owns the partitions."""
        for task in list(self._commits):
            task.cancel()
        for key_states in (self.live, self._dirty, self._urgent):
            key_states.clear()
        self.due_times.clear()
        self.awaiting.clear()

    def owns(self, key: bytes) -> bool:
        """Whether the key's partition is this worker's."""
        number = partition_of(key, self.table.partitions)
        assigned = self._flow.tracker.assigned
        mine = (topic for topic, readers in self._flow.tracker.readers.items() if self in readers)
        return any((topic, number) in assigned for topic in mine)

    def state_of(self, key: bytes) -> tuple[S | None, bool]:
        """A key's state, and whether it is at rest: nothing of it under way."""
        key_state = self.live.get(key)
        if key_state is None:
            state = self._loaded(key, 0).state
            self._note_awaited(key, state)
            return state, True
        return key_state.state, not key_state.is_flying and not key_state.taken


def _key_of(record: Record) -> bytes:
    """The record's key; raises DeadLetterError for a record without one."""
    if record.key is None:
        raise DeadLetterError(NO_KEY, "a record without a key joins nothing")
    return record.key
