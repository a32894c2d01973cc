"""Cancels that came before their request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.store.postgres.database import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Cancels(Subject):
    """They wait here for their request, and are dropped after a while."""

    async def keep_cancels(self, reasons: Mapping[str, str]) -> None:
        """Keep these, by request id; an empty reason is none."""
        encoded = [reason.encode() for reason in reasons.values()]
        await self._database.run("cancels.keep", list(reasons), encoded)

    async def cancels_of(self, request_ids: Sequence[str]) -> dict[str, str]:
        """The reasons that are kept of these requests; those without one have nothing here."""
        rows = await self._database.rows("cancels.of", list(request_ids))
        return {row["request_id"]: row["reason"].decode() for row in rows}
