"""What may be spent: a request's credits, and the upstream's rate that all workers share."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextvars import Context
from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits
from streamproc.errors import StoreUnavailableError, StreamprocError
from streamproc.store.postgres.batching import Batching
from streamproc.store.postgres.database import Subject
from streamproc.store.postgres.errors import is_undone
from streamproc.store.postgres.retry import patient, patient_if_undone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.store.postgres.database import Database

log = logging.getLogger(__name__)


class Lease(NamedTuple):
    """Permits for calls: the first one may start after `wait_s`, each next one `spacing_s` later."""

    wait_s: float
    spacing_s: float


class Budget(Subject):
    """Credits by request, and rates by key and bucket."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        super().__init__(database)
        self._unsettled: Counter[str] = Counter()  # credits by request
        self._settling: Batching[str, None] = Batching(self._settle, most=limits.STATEMENT_ROWS)
        self._rest: asyncio.Task[None] | None = None

    @patient_if_undone
    async def reserve_credits(self, request_id: str, credit: int, budget: int | None) -> bool:
        """Set credits aside for a call; False, and nothing is set aside, when the budget does not allow it."""
        found = await self._database.value("budget.reserve_credits", request_id, credit, budget)
        return found is not None

    async def settle_credits(self, request_id: str, *, reserved: int, spent: int) -> None:
        """Replace what was set aside by what the answered call cost; a failed call costs nothing.

        Where nothing was set aside, it is counted here until `settled` is called, or for CREDITS_LINGER_S.
        """
        if reserved:
            await self._settle_one(request_id, reserved, spent)
        elif spent:
            self._unsettled[request_id] += spent
            if self._rest is None:
                self._rest = asyncio.create_task(self._settle_rest(), context=Context())

    async def settled(self, request_ids: Iterable[str]) -> None:
        """Return when the store knows what these requests' calls have cost: before what was paid for is kept.

        Calls at the same time share a statement.
        """
        open_ones = [each for each in request_ids if self._unsettled[each]]
        if open_ones:
            await asyncio.gather(*map(self._settling, open_ones))

    async def settle_all(self) -> None:
        """As `settled`, for all requests."""
        await self.settled(list(self._unsettled))

    async def credits_spent(self, request_id: str) -> int:
        """What the request's answered calls cost so far."""
        await self.settled([request_id])
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

    @patient_if_undone
    async def _settle_one(self, request_id: str, reserved: int, spent: int) -> None:
        """Settle a call for which something was set aside."""
        await self._database.run("budget.settle_credits", request_id, reserved, spent)

    @patient_if_undone
    async def _count(self, spent: dict[str, int]) -> None:
        """Count what requests have spent."""
        await self._database.run("budget.count_credits", list(spent), list(spent.values()))

    async def _settle(self, request_ids: Sequence[str]) -> list[None]:
        """Settle what is open of these requests; it stays open where the store has certainly not counted it."""
        open_ones = {each: self._unsettled[each] for each in sorted(set(request_ids))}
        counted = {each: spent for each, spent in open_ones.items() if spent}
        try:
            if counted:
                await self._count(counted)
        except StoreUnavailableError as error:
            if not is_undone(error):
                self._close(counted)
            raise
        except StreamprocError:
            if len(request_ids) == 1:  # of several each is tried alone
                self._close(counted)
            raise
        self._close(counted)
        return [None] * len(request_ids)

    def _close(self, counted: dict[str, int]) -> None:
        """Take off what is not open any more."""
        self._unsettled.subtract(counted)
        for each in counted:
            if not self._unsettled[each]:
                del self._unsettled[each]

    async def _settle_rest(self) -> None:
        """Settle what nobody asks for: its call was given up after its answer, or its request has ended."""
        try:
            while self._unsettled:
                await asyncio.sleep(limits.CREDITS_LINGER_S)
                try:
                    await self.settle_all()
                except StreamprocError as error:
                    log.warning("credits cannot be counted for now: %s", error)
        finally:
            self._rest = None
