"""The join: folds records into one state per key, and says what the states decide exactly once.

Records are folded in memory; the keys that changed go through a cycle together: decide, write ahead, publish, land.
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
from streamproc.engine.join.commit import Cycle, Decided, Entry
from streamproc.engine.join.due import DueTimes
from streamproc.engine.join.logic import JoinLogic, S
from streamproc.engine.join.parting import Parting
from streamproc.engine.records import partition_of
from streamproc.errors import DeadLetterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.engine.delivery.flow import Flow
    from streamproc.engine.delivery.offsets import Lane
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
        self.live: dict[bytes, Entry[S]] = {}  # in the order of their last use
        self._dirty: dict[bytes, Entry[S]] = {}
        self._urgent: dict[bytes, Entry[S]] = {}
        self._cycles: set[asyncio.Task[None]] = set()
        self._parting = Parting(name, flow, self.freed)
        self._tick: asyncio.TimerHandle | None = None
        self._is_flush_due = False
        self.is_clean = True  # no cycle was given up by the last drain
        self.due_times = DueTimes()
        self.awaiting: set[bytes] = set()  # keys for whose state records are awaited
        self._cycle = Cycle(name, table, logic, flow)

    # --- taking ---

    @property
    def is_idle(self) -> bool:
        """Whether no key is under way."""
        return not self._dirty and not self._cycles

    async def take(self, batch: Batch) -> None:
        """Fold what of a batch is new; returns when fewer records than the window are unfinished."""
        admitted = await self._flow.admit(self, batch)
        if admitted is not None:
            touched = [self._heard(admitted.lane, record) for record in admitted.records]
            self._mark(entry for entry in touched if entry is not None)
            await self._flow.room(self, limits.JOIN_WINDOW)

    def _heard(self, lane: Lane, record: Record) -> Entry[S] | None:
        """Fold a record or put it into its key's inbox; the entry when it changed."""
        try:
            check_readable(record)
            key = _key_of(record)
        except DeadLetterError as error:
            self._parting.divert(lane, record, error)
            return None
        entry = self.live.get(key)
        home = entry.partition if entry else partition_of(key, self.table.partitions)
        if home != record.partition:
            self._parting.pass_on(lane, record)
            return None
        if entry is None:
            entry = self.live[key] = self._loaded(key, record.partition)
        if entry.is_flying:
            entry.inbox.append((lane, record))
            return None
        if self._fold(entry, lane, record):
            return entry
        if not entry.taken:
            del self.live[key]
        return None

    def _fold(self, entry: Entry[S], lane: Lane, record: Record) -> bool:
        """Fold one record; one that does not decode becomes a dead letter and changes nothing."""
        try:
            entry.state = self.logic.fold(entry.key, entry.state, record)
        except Exception as error:  # noqa: BLE001 - a fold is pure: trying again cannot help
            self._parting.divert(lane, record, error)
            return False
        entry.taken.append((lane, record))
        return True

    def _loaded(self, key: bytes, partition: int) -> Entry[S]:
        """A key's entry from the table; what a former owner wrote ahead and maybe did not publish is repeated."""
        entry: Entry[S] = Entry(key, partition)
        try:
            kept = self.table.get(key)
            if kept is not None:
                entry.restore(kept, None if kept.state is None else self.logic.load(kept.state))
        except (msgspec.MsgspecError, zlib.error, ValueError, KeyError, TypeError):
            log.exception("the state of %r does not decode, it starts anew", key)
            self._flow.counts["states_lost"] += 1
            return Entry(key, partition)
        if kept is not None and self._is_committed(kept.source, partition):
            entry.again = ()
        return entry

    def _is_committed(self, source: tuple[str, int] | None, partition: int) -> bool:
        """Whether the record that led to stored outputs was committed, which proves that they are out."""
        if source is None:
            return False
        topic, offset = source
        return self._flow.ledger.committed.get((topic, partition), 0) > offset

    # --- when to flush ---

    def _mark(self, entries: Iterable[Entry[S]]) -> None:
        """Put changed entries down for the next cycle: at once for urgent ones, else at the next tick."""
        for key, entry in {entry.key: entry for entry in entries}.items():
            self._dirty[key] = entry
            if self._is_urgent(entry):
                self._urgent[key] = entry
        loop = asyncio.get_running_loop()
        if self._urgent and not self._is_flush_due:
            self._is_flush_due = True
            loop.call_soon(self._flush_urgent)
        if self._dirty and self._tick is None:
            self._tick = loop.call_later(limits.JOIN_TICK_S, self._flush_all)

    def _is_urgent(self, entry: Entry[S]) -> bool:
        """Whether to settle at once; so does a state that cannot even say that, which would be a bug."""
        try:
            return entry.state is not None and self.logic.is_urgent(entry.state)
        except Exception:
            log.exception("%s: %r cannot say whether it is urgent", self.name, entry.key)
            return True

    def _flush_urgent(self) -> None:
        """Start a cycle for the urgent keys of all batches that came in this turn of the loop."""
        self._is_flush_due = False
        self._launch(list(self._urgent.values()))

    def _flush_all(self) -> None:
        """Start a cycle for all changed keys."""
        self._tick = None
        now = time.monotonic()
        self._launch([entry for entry in self._dirty.values() if self._is_due(entry, now)])
        if self._dirty:  # too many cycles under way, or too large to be written again so soon
            self._tick = asyncio.get_running_loop().call_later(limits.JOIN_TICK_S, self._flush_all)

    def _is_due(self, entry: Entry[S], now: float) -> bool:
        """Whether a changed key may go: the larger its state, the longer its changes are gathered."""
        if entry.durable is None or entry.key in self._urgent:
            return True
        return now >= entry.written_at + len(entry.durable) / limits.JOIN_BYTES_PER_S

    def _launch(self, entries: list[Entry[S]]) -> None:
        """Start a cycle, unless too many are under way: then the next tick tries again."""
        if not entries or len(self._cycles) >= limits.JOIN_CYCLES:
            return
        for entry in entries:
            entry.is_flying = True
            del self._dirty[entry.key]
            self._urgent.pop(entry.key, None)
        self._cycles.add(started(self._run(entries), self._cycles.discard))

    async def _run(self, entries: list[Entry[S]]) -> None:
        """Take the entries through a cycle, land them, and mark those whose inbox was not empty."""
        decided, failed = await self._cycle.run(entries)
        for each in decided:
            self._land(each)
        for entry, error in failed:
            self._refuse(entry, error)
        self._mark(entry for entry in entries if entry.taken)

    def _land(self, each: Decided[S]) -> None:
        """All is confirmed: the table shows it, the sources are done, and what came meanwhile is folded."""
        entry = each.entry
        entry.is_flying = False
        entry.written_at = time.monotonic()
        self._cycle.show(each)
        self._note_awaited(entry.key, entry.state)
        if each.dumped is not None:
            self.due_times.schedule(entry.key, time.monotonic())
        for topic in {record.topic for _, record in entry.taken}:
            self._flow.budget.renew(topic)
        self._parting.done(entry.taken)
        entry.taken = []
        self._unpack(entry)

    def _unpack(self, entry: Entry[S]) -> None:
        """Fold the inbox; the entry becomes the one used last, and the oldest ones at rest are evicted."""
        inbox, entry.inbox = entry.inbox, []
        for lane, record in inbox:
            self._fold(entry, lane, record)
        del self.live[entry.key]
        if entry.taken or entry.durable is not None:
            self.live[entry.key] = entry
        while len(self.live) > limits.JOIN_LIVE_STATES:
            oldest = next(iter(self.live.values()))
            if oldest.taken or oldest.is_flying:
                break
            del self.live[oldest.key]

    def _refuse(self, entry: Entry[S], error: BaseException) -> None:
        """Divert the records that led to an impossible state; the key goes back to what the changelog has."""
        for lane, record in entry.taken:
            self._parting.divert(lane, record, error)
        again = self._loaded(entry.key, entry.partition)
        entry.taken, entry.is_flying = [], False
        entry.state, entry.durable, entry.again = again.state, again.durable, again.again
        self._cycle.show_whole(entry)  # the changelog may have the impossible one
        self._unpack(entry)

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
            if self._cycles:
                await asyncio.wait(self._cycles, timeout=max(0.0, end - time.monotonic()))
        self.is_clean = not self._cycles
        self.abandon()

    def abandon(self) -> None:
        """Forget everything that is live; what was not done comes again to whoever owns the partitions."""
        for task in list(self._cycles):
            task.cancel()
        for entries in (self.live, self._dirty, self._urgent):
            entries.clear()
        self.due_times.clear()
        self.awaiting.clear()

    def owns(self, key: bytes) -> bool:
        """Whether the key's partition is this worker's."""
        number = partition_of(key, self.table.partitions)
        assigned = self._flow.ledger.assigned
        mine = (topic for topic, readers in self._flow.ledger.readers.items() if self in readers)
        return any((topic, number) in assigned for topic in mine)

    def state_of(self, key: bytes) -> tuple[S | None, bool]:
        """A key's state, and whether it is at rest: nothing of it under way."""
        entry = self.live.get(key)
        if entry is None:
            state = self._loaded(key, 0).state
            self._note_awaited(key, state)
            return state, True
        return entry.state, not entry.is_flying and not entry.taken


def _key_of(record: Record) -> bytes:
    """The record's key; raises DeadLetterError for a record without one."""
    if record.key is None:
        raise DeadLetterError(NO_KEY, "a record without a key joins nothing")
    return record.key
