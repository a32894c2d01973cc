"""What tenants use: counted where requests are recorded, so that quotas hold however many workers there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamproc.core.quotas import Usage
from streamproc.store.analyses import columns_of, recorded_from
from streamproc.store.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.store.requests import NewRequest, Recorded


class CreditsToday(NamedTuple):
    """Upstream credits spent for requests that were recorded since midnight UTC."""

    of_tenant: int
    of_all: int


class QuotaUse(Budget):
    """What tenants use now, beside what their requests may spend."""

    async def record_within(
        self, new: NewRequest, refuse: Callable[[Usage], str | None]
    ) -> Recorded | str:
        """Record the request as `record_requests` does, unless it is new and refused; then the reason.

        Requests of one tenant come here one after the other, by whichever worker.
        """
        async with self._database.transaction() as connection:
            await connection.row("quotas.lock", new.tenant)
            if not await connection.value("quotas.is_recorded", new.request_id):
                running = await connection.row("quotas.running", new.tenant)
                spent = await connection.row("quotas.credits_today", new.tenant)
                assert running is not None  # noqa: S101 - both always return their row
                assert spent is not None  # noqa: S101
                usage = Usage(
                    running["requests"], running["wallets"], spent["of_tenant"], spent["of_all"]
                )
                why = refuse(usage)
                if why is not None:
                    return why
            rows = await connection.rows("analyses.record_requests", *columns_of([new]))
            return recorded_from(rows, [new])[0]

    async def credits_today(self, tenant: str) -> CreditsToday:
        """What was spent for the tenant, and for all, today."""
        await self.settle_all()
        row = await self._database.row("quotas.credits_today", tenant)
        assert row is not None  # noqa: S101 - an aggregate always returns its row
        return CreditsToday(row["of_tenant"], row["of_all"])
