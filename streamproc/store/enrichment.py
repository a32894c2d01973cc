"""What is known about tokens beside the chain: names and prices, each with its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.store.postgres.database import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Enrichment(Subject):
    """Names and prices of mints, shared by all requests."""

    async def put_metadata(self, found: Sequence[TokenMetadata]) -> None:
        """Keep what was found now, one record a mint."""
        columns = zip(*found, strict=True) if found else ()
        await self._put("enrichment.put_metadata", [list(column) for column in columns])

    async def metadata(self, mints: Iterable[str], *, max_age_s: float) -> dict[str, TokenMetadata]:
        """What was found at most so long ago, by mint; a mint without an answer is not in it."""
        rows = await self._database.rows("enrichment.metadata", list(mints), max_age_s)
        return {row["mint"]: TokenMetadata(**dict(row)) for row in rows}

    async def put_prices(self, found: Sequence[TokenPrice]) -> None:
        """Keep what was found now, one record a mint; also that a mint has no market."""
        columns = zip(*found, strict=True) if found else ()
        await self._put("enrichment.put_prices", [list(column) for column in columns])

    async def prices(self, mints: Iterable[str], *, max_age_s: float) -> dict[str, TokenPrice]:
        """What was found at most so long ago, by mint."""
        rows = await self._database.rows("enrichment.prices", list(mints), max_age_s)
        return {row["mint"]: TokenPrice(**dict(row)) for row in rows}

    async def _put(self, name: str, columns: list[list[object]]) -> None:
        """Run the statement on these columns, unless there is nothing to put."""
        if columns:
            await self._database.run(name, *columns)
