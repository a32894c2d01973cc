"""Requests in a list: how each one stands, for people who operate an installation."""

from __future__ import annotations

from dataclasses import dataclass

from streamproc.store.postgres.database import Subject


@dataclass(frozen=True, slots=True)
class Listed:
    """A request as a list shows it; times by the database's clock, `percent` only where its end is stored."""

    request_id: str
    tenant: str
    status: str
    code: str | None
    wallets: int
    requested_at_ms: int
    age_s: float
    percent: float | None


class Listing(Subject):
    """What the command line asks about all requests."""

    async def listed(
        self, *, status: str | None = None, tenant: str | None = None, most: int
    ) -> list[Listed]:
        """The requests with this status and of this tenant (None: any), the one recorded last first."""
        rows = await self._database.rows("listing.requests", status, tenant, most)
        return [Listed(**dict(row)) for row in rows]
