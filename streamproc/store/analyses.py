"""Requests in the store: recorded once, ended once, and every record of their end kept as it is published."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from streamproc import limits
from streamproc.core.json_bytes import encode_json
from streamproc.store.postgres.batching import Batching
from streamproc.store.postgres.database import Subject
from streamproc.store.requests import (
    Decision,
    Ending,
    NewRequest,
    Recorded,
    Rejection,
    StoredRequest,
    ending_from,
    packed_headers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import Json
    from streamproc.store.postgres.database import Database, Row
    from streamproc.store.requests import Status

_FAST: Final = 1  # zlib's level: five times smaller, and a whole result of 1000 wallets in seconds


class Analyses(Subject):
    """What the agents ask about requests."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        super().__init__(database)
        self._recording = Batching(self.record_requests, most=limits.STATEMENT_ROWS)
        self._deciding = Batching(self.decide, most=limits.STATEMENT_ENDS)

    async def now_ms(self) -> int:
        """The database's clock, unix milliseconds."""
        return int(await self._database.value("analyses.now_ms"))

    async def record_request(self, new: NewRequest) -> Recorded:
        """As `record_requests`; calls at the same time share a statement."""
        return await self._recording(new)

    async def record_requests(self, new: Sequence[NewRequest]) -> list[Recorded]:
        """Record each request that is not known yet, and say how each one stands, in their order."""
        first = list({each.request_id: each for each in reversed(new)}.values())
        rows = await self._database.rows("analyses.record_requests", *columns_of(first))
        return recorded_from(rows, new)

    async def reject(self, rejection: Rejection) -> Ending | None:
        """Record and end a request that breaks rules; how it ended, None when its id belongs to other content."""
        columns = _rejection_columns(rejection)
        if await self._database.rows("analyses.reject", *columns):
            return Ending(
                rejection.request_id,
                "rejected",
                "invalid_request",
                rejection.terminal,
                rejection.progress,
                is_news=True,
                duration_s=0.0,
                tenant=rejection.tenant,
            )
        stored = await self.request(rejection.request_id)
        if stored is None or stored.digest != rejection.digest:
            return None
        return await self.ending(rejection.request_id)

    async def request(self, request_id: str) -> StoredRequest | None:
        """The recorded request, None when there is none."""
        row = await self._database.row("analyses.request", request_id)
        if row is None:
            return None
        read = {
            name: None if row[name] is None else msgspec.json.decode(row[name])
            for name in ("wallets", "options", "cohort", "chosen")
        }
        return StoredRequest(**{**dict(row), **read})

    async def choose_once(
        self, request_id: str, wallets: Sequence[str], chosen: Json
    ) -> StoredRequest | None:
        """Keep how a request's wallets were chosen, unless that is kept already; the request as it stands then.

        None when there is no such request.
        """
        await self._database.run(
            "analyses.choose_once",
            request_id,
            encode_json(sorted(wallets)).decode(),
            encode_json(chosen).decode(),
        )
        return await self.request(request_id)

    async def count_wallets(self, request_id: str) -> int | None:
        """How many wallets the recorded request names, None when there is no such request."""
        found: int | None = await self._database.value("analyses.count_wallets", request_id)
        return found

    async def status_of(self, request_ids: Sequence[str]) -> dict[str, Status]:
        """The status of each request that is recorded."""
        rows = await self._database.rows("analyses.status_of", list(request_ids))
        return {row["request_id"]: row["status"] for row in rows}

    async def running(self, *, for_s: float, most: int) -> list[str]:
        """Requests that were recorded at least so long ago and have not ended, the nearest deadline first."""
        rows = await self._database.rows("analyses.running", float(for_s), most)
        return [row["request_id"] for row in rows]

    async def decide(self, decisions: Sequence[Decision]) -> list[Ending]:
        """End what still runs, in one conditional update, and say how each request ended, in their order.

        Who comes second gets the first one's records. Of a request that is not recorded nothing contradicts the
        decision, so its own records come back.
        """
        first = list({each.request_id: each for each in reversed(decisions)}.values())
        results = [
            (each.request_id, packed, each.pairs)
            for each in first
            if (packed := await _packed(each)) is not None
        ]
        async with self._database.connection() as connection:
            rows = await connection.rows("analyses.decide", *_decision_columns(first, results))
            granted = {row["request_id"]: row for row in rows}
            others = [each.request_id for each in first if each.request_id not in granted]
            rows = await connection.rows("analyses.endings", others) if others else []
        endings = {
            each.request_id: _as_wished(each, granted.get(each.request_id)) for each in first
        }
        endings |= {row["request_id"]: ending_from(row) for row in rows}
        found = []
        for each in decisions:
            found.append(endings[each.request_id])
            endings[each.request_id] = replace(found[-1], is_news=False)  # to the second that asks
        return found

    async def decide_one(self, decision: Decision) -> Ending:
        """As `decide`; calls at the same time share a statement."""
        return await self._deciding(decision)

    async def ending(self, request_id: str) -> Ending | None:
        """How a request ended, None while it runs or when it is not recorded."""
        row = await self._database.row("analyses.endings", [request_id])
        return None if row is None else ending_from(row)

    async def result(self, request_id: str) -> bytes | None:
        """The whole result's JSON of a completed request, None when there is none."""
        packed = await self._database.value("analyses.result", request_id)
        return None if packed is None else await asyncio.to_thread(zlib.decompress, packed)

    async def pair_columns(self, request_id: str) -> bytes | None:
        """Every pair of a completed request as `core.result.pair_columns` packs them, None when there are none."""
        found: bytes | None = await self._database.value("analyses.pairs", request_id)
        return found


async def _packed(decision: Decision) -> bytes | None:
    """The whole result as it is kept, None when there is none."""
    if decision.packed_result is not None or decision.result is None:
        return decision.packed_result
    return await asyncio.to_thread(zlib.compress, decision.result, _FAST)


def recorded_from(rows: Sequence[Row], new: Sequence[NewRequest]) -> list[Recorded]:
    """What the rows that `analyses.record_requests` returned say about each request."""
    by_id = {row["request_id"]: row for row in rows}
    return [
        Recorded(
            state=_state(row["status"], same=row["digest"] == each.digest),
            source=row["source"],
            requested_at_ms=row["requested_at_ms"],
            deadline_at=row["deadline_at"],
        )
        for each in new
        for row in (by_id[each.request_id],)
    ]


def _state(status: str, *, same: bool) -> Literal["running", "ended", "conflict"]:
    """What a request's row says to a request of the same or of another content."""
    if not same:
        return "conflict"
    return "running" if status == "running" else "ended"


def columns_of(new: Sequence[NewRequest]) -> list[list[object]]:
    """The parameters of `analyses.record_requests`."""
    return [
        [each.request_id for each in new],
        [each.digest for each in new],
        [each.source for each in new],
        [encode_json(each.wallets).decode() for each in new],
        [encode_json(each.options).decode() for each in new],
        [each.requested_at_ms for each in new],
        [each.deadline_at for each in new],
        [each.repeats_dropped for each in new],
        [each.traceparent for each in new],
        [each.tenant for each in new],
        [None if each.cohort is None else encode_json(each.cohort).decode() for each in new],
    ]


def _rejection_columns(rejection: Rejection) -> list[object]:
    """The parameters of `analyses.reject`."""
    records = [rejection.terminal, rejection.progress]
    return [
        rejection.request_id,
        rejection.digest,
        rejection.source,
        rejection.at_ms,
        rejection.tenant,
        ["terminal", "last_progress"],
        [record.topic for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [packed_headers(record) for record in records],
        [record.timestamp_ms for record in records],
    ]


def _decision_columns(
    decisions: Sequence[Decision], results: Sequence[tuple[str, bytes, bytes | None]]
) -> list[list[object]]:
    """The parameters of `analyses.decide`."""
    records = [(each.request_id, "terminal", 0, each.terminal) for each in decisions]
    records += [
        (each.request_id, "last_progress", 0, each.progress)
        for each in decisions
        if each.progress is not None
    ]
    records += [
        (each.request_id, "progress", seq, record)
        for each in decisions
        for seq, record in each.before
    ]
    return [
        [each.request_id for each in decisions],
        [each.status for each in decisions],
        [each.code for each in decisions],
        [request_id for request_id, _, _ in results],
        [packed for _, packed, _ in results],
        [pairs for _, _, pairs in results],
        [request_id for request_id, *_ in records],
        [part for _, part, *_ in records],
        [seq for *_, seq, _ in records],
        [record.topic for *_, record in records],
        [record.key for *_, record in records],
        [record.value for *_, record in records],
        [packed_headers(record) for *_, record in records],
        [record.timestamp_ms for *_, record in records],
    ]


def _as_wished(decision: Decision, granted: Row | None) -> Ending:
    """The ending that a decision asks for, and what the store said when it was granted."""
    news = (
        {}
        if granted is None
        else {
            "is_news": True,
            "duration_s": granted["duration_s"],
            "credits_spent": granted["credits"],
            "tenant": granted["tenant"],
        }
    )
    return Ending(
        request_id=decision.request_id,
        status=decision.status,
        code=decision.code,
        terminal=decision.terminal,
        progress=decision.progress,
        **news,
    )
