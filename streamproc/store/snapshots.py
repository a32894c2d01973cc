"""What was said and found for a request, kept the first time: a repeat after a crash finds it and says the same.

Calls that come at the same time share a statement, so that a thousand wallets cost tens of statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streamproc import limits
from streamproc.store.postgres.batching import Batching
from streamproc.store.postgres.database import Subject
from streamproc.store.requests import ending_from, packed_headers, record_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.serde import Encoded
    from streamproc.store.postgres.database import Database
    from streamproc.store.requests import Ending


class OutputState(NamedTuple):
    """How a request stands for somebody who works on a part of it."""

    has_ended: (
        bool  # true also of one that is not recorded: it ended so long ago that its row is gone
    )
    content: bytes | None  # what is kept under the name that was asked for


class ProgressAndEnd(NamedTuple):
    """What has been said about a request since it was handed over."""

    progress: list[Encoded]
    ending: Ending | None
    is_recorded: bool = True  # false: the request ended so long ago that its row is gone


class _Content(NamedTuple):
    """Something to be kept."""

    place: tuple[str, str]
    content: bytes


class _Progress(NamedTuple):
    """A progress record to be kept."""

    place: tuple[str, int]
    record: Encoded


W = TypeVar("W", _Content, _Progress)


class Snapshots(Subject):
    """What agents keep so that they need not find or decide it again."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        super().__init__(database)
        most = limits.STATEMENT_ROWS
        self._standings = Batching(self._output_states, most=most)
        self._freezing = Batching(self._snapshot_once, most=most)
        self._telling = Batching(self._record_progress, most=most)
        self._speaking = Batching(self._progress_and_end, most=most)

    async def output_state(self, request_id: str, name: str) -> OutputState:
        """Whether the request has ended, and what is kept under this name of it."""
        return await self._standings((request_id, name))

    async def snapshot(self, request_id: str, name: str) -> bytes | None:
        """What `snapshot_once` kept under this name, None when nothing is."""
        return (await self.output_state(request_id, name)).content

    async def snapshot_once(self, request_id: str, name: str, content: bytes) -> bytes:
        """Keep this, unless something was kept under this name before; returns what is kept.

        A result that is composed again after a crash reads the same prices, though the market has moved on.
        """
        return await self._freezing(_Content((request_id, name), content))

    async def record_progress(self, request_id: str, seq: int, record: Encoded) -> Encoded:
        """Keep this progress record unless one of this `seq` is kept; returns the one that is."""
        return await self._telling(_Progress((request_id, seq), record))

    async def progress_and_end(self, request_id: str, seq: int) -> ProgressAndEnd:
        """The kept progress records from this `seq` on, in order, and how the request ended, if it has."""
        return await self._speaking((request_id, seq))

    async def progress_from(self, request_id: str, seq: int) -> list[Encoded]:
        """The kept progress records from this `seq` on, in order."""
        return (await self.progress_and_end(request_id, seq)).progress

    # --- for many at once ---

    async def _output_states(self, places: Sequence[tuple[str, str]]) -> list[OutputState]:
        """As `output_state`, in their order."""
        request_ids, names = zip(*places, strict=True)
        rows = await self._database.rows("snapshots.output_states", request_ids, names)
        return [
            OutputState(has_ended=row["status"] != "running", content=row["content"])
            for row in rows
        ]

    async def _snapshot_once(self, wanted: Sequence[_Content]) -> list[bytes]:
        """As `snapshot_once`, in their order."""
        first = _first_of(wanted)
        rows = await self._database.rows(
            "snapshots.snapshot_once",
            [request_id for request_id, _ in first],
            [name for _, name in first],
            [each.content for each in first.values()],
        )
        before = {(row["request_id"], row["name"]): row["content"] for row in rows}
        return [before.get(each.place, first[each.place].content) for each in wanted]

    async def _record_progress(self, wanted: Sequence[_Progress]) -> list[Encoded]:
        """As `record_progress`, in their order."""
        first = _first_of(wanted)
        records = [each.record for each in first.values()]
        rows = await self._database.rows(
            "snapshots.record_progress",
            [request_id for request_id, _ in first],
            [seq for _, seq in first],
            [record.topic for record in records],
            [record.key for record in records],
            [record.value for record in records],
            [packed_headers(record) for record in records],
            [record.timestamp_ms for record in records],
        )
        before = {(row["request_id"], row["seq"]): record_from(row) for row in rows}
        return [before.get(each.place, first[each.place].record) for each in wanted]

    async def _progress_and_end(self, places: Sequence[tuple[str, int]]) -> list[ProgressAndEnd]:
        """As `progress_and_end`, in their order."""
        request_ids, seqs = zip(*places, strict=True)
        async with self._database.connection() as connection:
            said = await connection.rows("snapshots.progress_from", request_ids, seqs)
            ended = await connection.rows("analyses.endings", request_ids)
            found = await connection.rows("analyses.status_of", request_ids)
        endings = {row["request_id"]: ending_from(row) for row in ended}
        recorded = {row["request_id"] for row in found}
        return [
            ProgressAndEnd(
                [record_from(row) for row in said if row["position"] == position],
                endings.get(request_id),
                request_id in recorded,
            )
            for position, request_id in enumerate(request_ids, start=1)
        ]


def _first_of(wanted: Iterable[W]) -> dict[tuple[str, str] | tuple[str, int], W]:
    """What comes first for each place: a statement cannot touch a row twice."""
    first: dict[tuple[str, str] | tuple[str, int], W] = {}
    for each in wanted:
        first.setdefault(each.place, each)
    return first
