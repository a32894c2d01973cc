"""What may be spent: a request's credits, and the upstream's rate that all workers share."""

from __future__ import annotations

from typing import NamedTuple

from streamproc import limits
from streamproc.store.postgres.database import Subject
from streamproc.store.postgres.retry import patient, patient_if_undone


class Lease(NamedTuple):
    """Permits for calls: the first one may start after `wait_s`, each next one `spacing_s` later."""

    wait_s: float
    spacing_s: float


class Budget(Subject):
    """Credits by request, and rates by key and bucket."""

    @patient_if_undone
    async def reserve_credits(self, request_id: str, credit: int, budget: int | None) -> bool:
        """Set credits aside for a call; False, and nothing is set aside, when the budget does not allow it."""
        found = await self._database.value("budget.reserve_credits", request_id, credit, budget)
        return found is not None

    @patient_if_undone
    async def settle_credits(self, request_id: str, *, reserved: int, spent: int) -> None:
        """Replace what was set aside by what the answered call cost; a failed call costs nothing."""
        await self._database.run("budget.settle_credits", request_id, reserved, spent)

    async def credits_spent(self, request_id: str) -> int:
        """What the request's answered calls cost so far."""
        return await self._database.value("budget.credits_spent", request_id) or 0

    @patient
    async def lease(self, key_hash: str, bucket: str, *, permits: int, rate: float) -> Lease:
        """The next free permits of a bucket that allows `rate` calls a second, less after a refusal."""
        row = await self._database.row(
            "budget.lease", key_hash, bucket, permits, rate, limits.RATE_RECOVERY_S
        )
        assert row is not None  # noqa: S101 - the statement always returns its row
        spacing_s = 1 / (rate * row["factor"])
        return Lease(max(0.0, row["until_next_s"] - permits * spacing_s), spacing_s)

    @patient
    async def penalize(self, key_hash: str, bucket: str, *, pause_s: float = 0.0) -> None:
        """The upstream refused a call for its rate: halve it for all workers, and pause so long if it said so."""
        await self._database.run(
            "budget.penalize",
            key_hash,
            bucket,
            limits.RATE_RECOVERY_S,
            limits.RATE_FACTOR_MIN,
            limits.RATE_INCIDENT_S,
            pause_s,
        )
