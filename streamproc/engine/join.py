"""The join: folds records into one state per key, and says what the states decide exactly once.

The order of one cycle, for the keys that changed: fold in memory -> `settle` decides -> state and outputs to the
changelog, confirmed -> outputs published, confirmed -> the table, the sources done. While a key is in such a cycle its
further records wait in its inbox. A crash at any point repeats what was written ahead, never decides it anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from streamproc import limits, metrics
from streamproc.engine import failpoints, stored
from streamproc.engine.backoff import delay_s
from streamproc.engine.dead_letters import NO_KEY, OUTPUT_REFUSED
from streamproc.engine.due import DueTimes
from streamproc.engine.flow import started
from streamproc.engine.records import Outgoing
from streamproc.errors import DeadLetterError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.engine.flow import Flow
    from streamproc.engine.lanes import Lane
    from streamproc.engine.records import Batch, Record
    from streamproc.engine.table import JoinTable

log = logging.getLogger(__name__)
S = TypeVar("S")


class JoinLogic(Protocol[S]):
    """What a join is about."""

    def load(self, raw: bytes) -> S:
        """The state that `dump` wrote."""

    def dump(self, state: S) -> bytes | None:
        """The state as bytes; None: it is forgotten."""

    def fold(self, key: bytes, state: S | None, record: Record) -> S:
        """The state after a record, pure; raises DeadLetterError for what does not decode."""

    def is_urgent(self, state: S) -> bool:
        """Whether to settle at once instead of at the next tick."""

    async def settle(self, states: list[tuple[bytes, S]]) -> list[tuple[S, list[Outgoing]]]:
        """For each key's state the new one and its outputs; may await, and raise TransientError to be asked again."""

    def due(self, key: bytes, state: S, now: float) -> Outgoing | None:
        """What a timer has to put on the join's own topic for a state at a time; once something, then always."""


class Entry(Generic[S]):
    """One key that is under way, or was lately."""

    __slots__ = ("again", "durable", "inbox", "is_flying", "key", "partition", "state", "taken")

    def __init__(self, key: bytes, partition: int) -> None:
        self.key = key
        self.partition = partition
        self.state: S | None = None
        self.durable: bytes | None = None  # the state as the changelog has it
        self.again: tuple[
            Outgoing, ...
        ] = ()  # written ahead by whoever had the key before: repeat first
        self.taken: list[tuple[Lane, Record]] = []  # folded, not done
        self.inbox: list[tuple[Lane, Record]] = []  # arrived while the key was in a cycle
        self.is_flying = False


class _Decided(Generic[S]):
    """One key's part of a cycle."""

    __slots__ = ("dumped", "entry", "outs", "state")

    def __init__(
        self, entry: Entry[S], state: S, outs: Sequence[Outgoing], dumped: bytes | None
    ) -> None:
        self.entry = entry
        self.state = state
        self.outs = outs
        self.dumped = dumped


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
        self._tick: asyncio.TimerHandle | None = None
        self._is_flush_due = False
        self.due_times = DueTimes()
        self._records = metrics.RECORDS.labels(name)
        self._retried = metrics.RETRIES.labels(name)

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
        if record.key is None:
            self._divert(
                lane, record, DeadLetterError(NO_KEY, "a record without a key joins nothing")
            )
            return None
        entry = self.live.get(record.key)
        if entry is None:
            entry = self.live[record.key] = self._loaded(record.key, record.partition)
        if entry.is_flying:
            entry.inbox.append((lane, record))
            return None
        if self._fold(entry, lane, record):
            return entry
        if not entry.taken:
            del self.live[record.key]
        return None

    def _fold(self, entry: Entry[S], lane: Lane, record: Record) -> bool:
        """Fold one record; one that does not decode becomes a dead letter and changes nothing."""
        try:
            entry.state = self.logic.fold(entry.key, entry.state, record)
        except Exception as error:  # noqa: BLE001 - a fold is pure: trying again cannot help
            self._divert(lane, record, error)
            return False
        entry.taken.append((lane, record))
        return True

    def _loaded(self, key: bytes, partition: int) -> Entry[S]:
        """A key's entry from the table; what a former owner wrote ahead and maybe did not publish is repeated."""
        entry: Entry[S] = Entry(key, partition)
        raw = self.table.get(key)
        if raw is None:
            return entry
        try:
            kept = stored.decode(raw)
            entry.state = None if kept.state is None else self.logic.load(kept.state)
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError):
            log.exception("the state of %r does not decode, it starts anew", key)
            self._flow.counts["states_lost"] += 1
            return entry
        entry.durable = kept.state
        if kept.outs and not self._is_committed(kept.source, partition):
            entry.again = kept.outs
        return entry

    def _is_committed(self, source: tuple[str, int] | None, partition: int) -> bool:
        """Whether the record that led to stored outputs was committed, which proves that they are out."""
        if source is None:
            return False
        topic, offset = source
        return self._flow.ledger.committed.get((topic, partition), 0) > offset

    def _divert(self, lane: Lane, record: Record, error: BaseException) -> None:
        """Send a record to the dead letters; it is done when they are confirmed."""

        def confirmed(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                return
            if future.exception() is not None:
                log.error("no dead letter of %s at offset %d", record.topic, record.offset)
            self._done([(lane, record)])

        letter = self._flow.letter(record, error)
        self._flow.outbox.send([letter]).add_done_callback(confirmed)

    def _done(self, taken: list[tuple[Lane, Record]]) -> None:
        """Count records as done."""
        for lane, record in taken:
            lane.finish(record.offset)
        self._records.inc(len(taken))
        self._flow.counts[f"handled.{self.name}"] += len(taken)
        self._flow.moved_at = time.monotonic()
        self.freed.set()

    # --- when to flush ---

    def _mark(self, entries: Iterable[Entry[S]]) -> None:
        """Put changed entries down for the next cycle: at once for urgent ones, else at the next tick."""
        for key, entry in {entry.key: entry for entry in entries}.items():
            self._dirty[key] = entry
            if entry.state is not None and self.logic.is_urgent(entry.state):
                self._urgent[key] = entry
        loop = asyncio.get_running_loop()
        if self._urgent and not self._is_flush_due:
            self._is_flush_due = True
            loop.call_soon(self._flush_urgent)
        if self._dirty and self._tick is None:
            self._tick = loop.call_later(limits.JOIN_TICK_S, self._flush_all)

    def _flush_urgent(self) -> None:
        """Start a cycle for the urgent keys of all batches that came in this turn of the loop."""
        self._is_flush_due = False
        self._launch(list(self._urgent.values()))

    def _flush_all(self) -> None:
        """Start a cycle for all changed keys."""
        self._tick = None
        self._launch(list(self._dirty.values()))
        if self._dirty:  # too many cycles under way, or holding
            self._tick = asyncio.get_running_loop().call_later(limits.JOIN_TICK_S, self._flush_all)

    def _launch(self, entries: list[Entry[S]]) -> None:
        """Start a cycle, unless too many are under way: then the next tick tries again."""
        if not entries or len(self._cycles) >= limits.JOIN_CYCLES:
            return
        for entry in entries:
            entry.is_flying = True
            del self._dirty[entry.key]
            self._urgent.pop(entry.key, None)
        self._cycles.add(started(self._cycle(entries), self._cycles.discard))

    # --- one cycle ---

    async def _cycle(self, entries: list[Entry[S]]) -> None:
        """Repeat, decide, write ahead, publish, land; every step waits for the brokers."""
        await self._sent({e.key: e.again for e in entries if e.again})
        decided = await self._decided(entries)
        refused = await self._sent(
            {each.entry.key: [self._ahead(each)] for each in decided if _is_news(each)}
        )
        for each in [each for each in decided if each.entry.key in refused]:
            self._refuse(each.entry, refused[each.entry.key], OUTPUT_REFUSED)
        decided = [each for each in decided if each.entry.key not in refused]
        await self._sent({each.entry.key: each.outs for each in decided if each.outs})
        await self._sent(
            {
                e.entry.key: [self._tombstone(e.entry)]
                for e in decided
                if e.outs and e.dumped is None
            }
        )
        await failpoints.reach("after-join-outputs-before-table")
        for each in decided:
            self._land(each)
        self._mark(e for e in entries if e.taken and not e.is_flying)

    async def _sent(self, records: dict[bytes, Sequence[Outgoing]]) -> dict[bytes, BaseException]:
        """Wait until the brokers have all; the keys of what they refuse for good."""
        futures = {key: self._flow.outbox.send(outs) for key, outs in records.items()}
        if not futures:
            return {}
        try:
            await asyncio.wait(futures.values())
        except asyncio.CancelledError:
            for future in futures.values():
                future.cancel()
            raise
        errors = {key: future.exception() for key, future in futures.items()}
        return {key: error for key, error in errors.items() if error is not None}

    async def _decided(self, entries: list[Entry[S]]) -> list[_Decided[S]]:
        """What `settle` makes of the states; a failure that is no outage is narrowed down to its keys."""
        try:
            return await self._settled(entries)
        except Exception as error:
            log.exception("%s: settling %d states failed", self.name, len(entries))
            if len(entries) == 1:
                self._refuse(entries[0], error)
                return []
        return [each for entry in entries for each in await self._decided([entry])]

    async def _settled(self, entries: list[Entry[S]]) -> list[_Decided[S]]:
        """Ask until the world answers."""
        tries = 0
        while True:
            try:
                states = [(e.key, e.state) for e in entries if e.state is not None]
                return self._stamped(entries, await self.logic.settle(states))
            except TransientError as error:
                tries += 1
                log.warning("%s waits: %s", self.name, error)
                self._retried.inc()
                self._flow.counts[f"retries.{self.name}"] += 1
                self._flow.moved_at = time.monotonic()
                await asyncio.sleep(delay_s(tries))

    def _stamped(
        self, entries: list[Entry[S]], results: list[tuple[S, list[Outgoing]]]
    ) -> list[_Decided[S]]:
        """The results by entry; each output gets its time now, so that a repeat has the same."""
        now_ms = int(time.time() * 1000)
        return [
            _Decided(entry, state, [_timed(out, now_ms) for out in outs], self.logic.dump(state))
            for entry, (state, outs) in zip(entries, results, strict=True)
        ]

    def _ahead(self, each: _Decided[S]) -> Outgoing:
        """The changelog's record: state and outputs, or a tombstone for neither."""
        entry = each.entry
        if each.dumped is None and not each.outs:
            return self._tombstone(entry)
        source = min(((r.topic, r.offset) for _, r in entry.taken), key=lambda at: at[1])
        value = stored.encode(each.dumped, each.outs, source)
        return Outgoing(self.table.changelog, entry.key, value, (), entry.partition)

    def _tombstone(self, entry: Entry[S]) -> Outgoing:
        """The changelog's record of a forgotten state."""
        return Outgoing(self.table.changelog, entry.key, None, (), entry.partition)

    def _land(self, each: _Decided[S]) -> None:
        """All is confirmed: the table shows it, the sources are done, and what came meanwhile is folded."""
        entry = each.entry
        entry.is_flying = False
        entry.again = ()
        entry.durable = each.dumped
        entry.state = None if each.dumped is None else each.state
        self.table.put(entry.key, entry.partition, each.dumped)
        self.due_times.schedule(entry.key, time.monotonic())
        self._done(entry.taken)
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

    def _refuse(self, entry: Entry[S], error: BaseException, reason: str | None = None) -> None:
        """Divert the records that led to an impossible state; the key goes back to what the changelog has."""
        for lane, record in entry.taken:
            self._divert(
                lane, record, error if reason is None else DeadLetterError(reason, str(error))
            )
        again = self._loaded(entry.key, entry.partition)
        entry.taken, entry.is_flying = [], False
        entry.state, entry.durable, entry.again = again.state, again.durable, again.again
        self._unpack(entry)

    # --- partitions and the end ---

    def partitions_assigned(self) -> None:
        """Nothing is kept over an assignment: the table is recovered, and records come again."""
        self.freed.set()

    async def drain(self, limit_s: float) -> None:
        """Flush until nothing is under way, for so long at most, then forget everything that is live."""
        end = time.monotonic() + limit_s
        while not self.is_idle and time.monotonic() < end:
            self._launch(list(self._dirty.values()))
            if self._cycles:
                await asyncio.wait(self._cycles, timeout=max(0.0, end - time.monotonic()))
        self.abandon()

    def abandon(self) -> None:
        """Forget everything that is live; what was not done comes again to whoever owns the partitions."""
        for task in list(self._cycles):
            task.cancel()
        for entries in (self.live, self._dirty, self._urgent):
            entries.clear()
        self.due_times.clear()

    def state_of(self, key: bytes) -> tuple[S | None, bool]:
        """A key's state, and whether it is at rest: nothing of it under way."""
        entry = self.live.get(key)
        if entry is None:
            return self._loaded(key, 0).state, True
        return entry.state, not entry.is_flying and not entry.taken


def _is_news(each: _Decided[Any]) -> bool:
    """Whether the changelog has to hear of it."""
    return bool(each.outs) or each.dumped != each.entry.durable


def _timed(out: Outgoing, now_ms: int) -> Outgoing:
    """The record with a time of its own."""
    return out if out.timestamp_ms is not None else out._replace(timestamp_ms=now_ms)
