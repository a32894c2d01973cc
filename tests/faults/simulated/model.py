"""The models of the simulation: a store that decides once, an outbox that may die, a table on a changelog."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from streamproc.agents.results.result_builder import Composed
from streamproc.store import Ending
from streamproc.store.requests import Recorded
from streamproc.store.snapshots import ProgressAndEnd
from tests.engine import table as tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streamproc.engine.records import Outgoing
    from streamproc.events import AnalysisReady, Event
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Decision, NewRequest


class Crash(BaseException):
    """The process is gone; no Exception, because nobody in it can catch that."""


class ModelStore:
    """What the agents ask of Postgres, in dictionaries; the first decision about a request is the last."""

    def __init__(self, crash: Callable[[str], None], clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self.endings: dict[str, Ending] = {}
        self.decisions: list[str] = []
        self._crash = crash
        self._requests: dict[str, NewRequest] = {}
        self._progress: dict[tuple[str, int], Encoded] = {}
        self._cancels: dict[str, str] = {}
        self._said: dict[tuple[str, str], Encoded] = {}

    async def now_ms(self) -> int:
        return self._clock_ms()

    async def record_request(self, new: NewRequest) -> Recorded:
        kept = self._requests.setdefault(new.request_id, new)
        if kept.digest != new.digest:
            return Recorded("conflict", kept.source, kept.requested_at_ms, kept.deadline_at)
        state = "ended" if new.request_id in self.endings else "running"
        return Recorded(state, kept.source, kept.requested_at_ms, kept.deadline_at)  # type: ignore[arg-type]

    def knows(self, request_id: str) -> bool:
        return request_id in self._requests

    async def ending(self, request_id: str) -> Ending | None:
        return self.endings.get(request_id)

    async def status_of(self, request_ids: Sequence[str]) -> dict[str, str]:
        return {
            each: self.endings[each].status if each in self.endings else "running"
            for each in request_ids
            if each in self._requests
        }

    async def keep_cancels(self, reasons: Mapping[str, str]) -> None:
        self._cancels.update(reasons)
        self._crash("crash after a decision")

    async def cancels_of(self, request_ids: Sequence[str]) -> dict[str, str]:
        return {each: self._cancels[each] for each in request_ids if each in self._cancels}

    async def decide(self, decisions: Sequence[Decision]) -> list[Ending]:
        self._crash("crash in a cycle")
        for wish in decisions:
            if wish.request_id not in self.endings:
                self.decisions.append(wish.request_id)
                self.endings[wish.request_id] = Ending(
                    wish.request_id, wish.status, wish.code, wish.terminal, wish.progress
                )
                for seq, record in wish.before:
                    self._progress[wish.request_id, seq] = record
                if wish.progress is not None:
                    seq = orjson.loads(wish.progress.value)["seq"]
                    self._progress[wish.request_id, seq] = wish.progress
        self._crash("crash after a decision")
        return [self.endings[wish.request_id] for wish in decisions]

    async def record_progress(self, request_id: str, seq: int, record: Encoded) -> Encoded:
        return self._progress.setdefault((request_id, seq), record)

    async def decide_one(self, decision: Decision) -> Ending:
        return (await self.decide([decision]))[0]

    async def progress_and_end(self, request_id: str, seq: int) -> ProgressAndEnd:
        progress = await self.progress_from(request_id, seq)
        return ProgressAndEnd(progress, self.endings.get(request_id), request_id in self._requests)

    async def progress_from(self, request_id: str, seq: int) -> list[Encoded]:
        found = {at: kept for (name, at), kept in self._progress.items() if name == request_id}
        return [found[at] for at in sorted(found) if at >= seq]

    async def store_output(self, request_id: str, name: str, record: Encoded) -> Encoded:
        return self._said.setdefault((request_id, name), record)


async def said_from(
    store: ModelStore, name: str, event: Event, codec: Codec, now_s: int
) -> Encoded:
    """What is said of a part: once and for all, as the agents do it."""
    record = codec.encode(event, time_ms=now_s * 1000)
    return await store.store_output(event.request_id, name, record)


class Cancellations:
    """Knows at once what has ended."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    @contextmanager
    def watching(self, request_id: str) -> Iterator[None]:
        del request_id
        yield

    def has_ended(self, request_id: str) -> bool:
        return request_id in self._store.endings


class Composer:
    """Composes at once."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms

    async def compose(self, ready: AnalysisReady) -> Composed:
        body = {"request_id": ready.request_id, "status": "completed", "at": self._clock_ms()}
        raw = orjson.dumps(body)
        return Composed(raw, raw, b"", self._clock_ms())


class Flow:
    """What a cycle needs of the engine: an outbox that may die before, between and after two records."""

    def __init__(self, append: Callable[[Outgoing], None], crash: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.producer = self
        self._append = append
        self._crash = crash

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        for record in records:
            self._crash("crash in a cycle")
            self._append(record)
        self._crash("crash in a cycle")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


class Table(tables.Table):
    """The join's table: what the process shows, and the changelog that it is recovered from."""

    def __init__(self, changelog: dict[bytes, bytes]) -> None:
        super().__init__()
        self._log = changelog

    def write(self, out: Outgoing) -> None:
        """One record of the changelog, compacted."""
        if out.value is None:
            self._log.pop(out.key or b"", None)
        else:
            self._log[out.key or b""] = out.value

    def states(self) -> list[bytes]:
        """The state of every key."""
        kept = [self.get(key) for key in self.keys()]
        return [each.state for each in kept if each is not None and each.state is not None]

    def recover(self) -> None:
        """A new process: what the changelog has, and nothing else."""
        self.data = dict(self._log)
