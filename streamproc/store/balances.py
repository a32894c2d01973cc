"""The balances that a request was answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streamproc.core.result import encode_json
from streamproc.store.database import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class Balances(Subject):
    """Balances by request and wallet."""

    async def put_balances(self, request_id: str, balances: Mapping[str, Json]) -> None:
        """Keep each wallet's record, which names its `state`: ok, failed or oversized.

        What is kept stays when a fetch is repeated, unless it was a failure.
        """
        wallets = list(balances)
        records = list(balances.values())
        states = [record["state"] for record in records]
        texts = [encode_json(record).decode() for record in records]
        await self._database.run("balances.put_balances", request_id, wallets, states, texts)

    async def balances(self, request_id: str) -> dict[str, Json]:
        """Every kept record of the request, by wallet."""
        rows = await self._database.rows("balances.balances", request_id)
        return {row["wallet"]: msgspec.json.decode(row["record"]) for row in rows}
