"""The balances that a request was answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc import limits
from streamproc.core.json_bytes import encode_json
from streamproc.store.postgres.batching import Batching
from streamproc.store.postgres.database import Subject
from streamproc.store.postgres.retry import patient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.json_types import Json
    from streamproc.store.postgres.database import Database


class Balances(Subject):
    """Balances by request and wallet."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        super().__init__(database)
        self._putting = Batching(self._put_all, most=limits.STATEMENT_BALANCES)

    @patient
    async def put_balances(self, request_id: str, balances: Mapping[str, Json]) -> None:
        """Keep each wallet's record, which names its `state`: ok, failed or oversized.

        What is kept stays when a fetch is repeated, unless it was a failure. Calls at the same time share a statement.
        """
        await self._putting((request_id, balances))

    async def _put_all(self, found: Sequence[tuple[str, Mapping[str, Json]]]) -> list[None]:
        """As `put_balances`, for each."""
        records = {
            (request_id, wallet): record
            for request_id, balances in found
            for wallet, record in balances.items()
        }
        await self._database.run(
            "balances.put_balances",
            [request_id for request_id, _ in records],
            [wallet for _, wallet in records],
            [record["state"] for record in records.values()],
            [encode_json(record).decode() for record in records.values()],
        )
        return [None] * len(found)

    async def balances(self, request_id: str) -> dict[str, Json]:
        """Every kept record of the request, by wallet."""
        rows = await self._database.rows("balances.balances", request_id)
        return {row["wallet"]: msgspec.json.decode(row["record"]) for row in rows}
