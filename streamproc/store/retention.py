"""What is dropped after a while, by the database's clock, a few rows at a time."""

from __future__ import annotations

from streamproc import limits
from streamproc.store.postgres.database import Subject


class Retention(Subject):
    """Each method drops at most one batch and says how many rows it was; several workers share the work."""

    async def drop_inputs(self, *, after_s: float) -> int:
        """What agents kept for requests that ended so long ago: needed only to say the same again."""
        return await self._dropped("inputs", after_s)

    async def drop_analyses(self, *, after_s: float) -> int:
        """Analyses that were made so long ago, of histories that have grown since or in an older format."""
        return await self._dropped("analyses", after_s, self._database.formats.analyses)

    async def drop_requests(self, *, after_s: float) -> int:
        """Requests that ended so long ago, with their results, balances and records."""
        return await self._dropped("requests", after_s)

    async def drop_cancels(self, *, after_s: float) -> int:
        """Cancels that were heard so long ago, and whose request has not come."""
        return await self._dropped("cancels", after_s)

    async def _dropped(self, what: str, after_s: float, *more: int) -> int:
        """How many rows went."""
        name, most = f"retention.drop_{what}", limits.RETENTION_ROWS
        return int(await self._database.value(name, float(after_s), most, *more))
