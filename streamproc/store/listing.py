"""Requests in a list: how each one stands, for people who operate an installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from streamproc import limits
from streamproc.store.postgres.database import Subject
from streamproc.store.requests import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUSES: Final[Sequence[str]] = get_args(Status)


class Place(NamedTuple):
    """Where a request stands in a list: when it was recorded, in unix microseconds, and its id."""

    recorded_at_us: int
    request_id: str


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
    recorded_at_us: int
    percent: float | None

    @property
    def place(self) -> Place:
        """Where it stands in a list."""
        return Place(self.recorded_at_us, self.request_id)

    def as_json(self, percent: float | None = None) -> dict[str, object]:
        """The request for programs; `percent` is how far a running one is, None where nobody has said."""
        return {
            "request_id": self.request_id,
            "status": self.status,
            "code": self.code,
            "age_s": round(max(0.0, self.age_s), 3),
            "percent": self.percent if percent is None else percent,
            "wallets": self.wallets,
            "tenant": self.tenant,
            "requested_at_ms": self.requested_at_ms,
        }


class Listing(Subject):
    """What people who operate an installation ask about requests; it changes nothing."""

    async def listed(
        self,
        *,
        status: str | None = None,
        tenant: str | None = None,
        most: int,
        after: Place | None = None,
    ) -> list[Listed]:
        """The requests with this status and of this tenant (None: any), the one recorded last first.

        With `after` those that follow that place, so that whoever reads page by page misses none that was there.
        """
        rows = await self._database.rows(
            "listing.requests", status, tenant, most, *(after or (None, None))
        )
        return [Listed(**dict(row)) for row in rows]

    async def inputs_digest(self, request_id: str) -> str | None:
        """The digest of what a completed request's result was made from, None when it has no result."""
        found: str | None = await self._database.value("listing.inputs_digest", request_id)
        return found

    async def packed_result(self, request_id: str) -> bytes | None:
        """The whole result's JSON in zlib's form, None when there is none."""
        found: bytes | None = await self._database.value("analyses.result", request_id)
        return found

    async def progress_kept(self, request_id: str) -> list[bytes]:
        """The values of the request's progress records that the store keeps, in no order; the last once it ended."""
        rows = await self._database.rows("listing.progress_kept", request_id)
        return [row["value"] for row in rows]

    async def upstream_state(self) -> list[dict[str, object]]:
        """Of each bucket of calls: its share of the plan's rate (below 1 while throttled), when the next call may go.

        `refused_s_ago` is when the upstream last refused one for its rate, None when it never has.
        """
        rows = await self._database.rows("listing.upstream", limits.RATE_RECOVERY_S)
        return [dict(row) for row in rows]

    async def totals(self) -> dict[str, int]:
        """How many requests run, and the credits of those that were recorded this day (UTC)."""
        (row,) = await self._database.rows("listing.totals")
        return dict(row)

    async def oldest_running_ms(self) -> int | None:
        """When the oldest request was asked that still runs, in unix milliseconds; None when none runs."""
        found: int | None = await self._database.value("listing.oldest_running")
        return found
