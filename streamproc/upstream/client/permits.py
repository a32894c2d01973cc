"""Before every call: has the request ended, may it spend so much, and does the rate that all workers share allow it?"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamproc import limits, metrics
from streamproc.core.fair_queue import Share
from streamproc.errors import CreditBudgetExceededError, RequestEndedError
from streamproc.fair_limiter import NO_REQUEST, FairLimiter
from streamproc.upstream.client.calls import Bucket, Call, Spending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from streamproc.upstream.client.clock import Timing


class Leased(Protocol):
    """Permits taken from all workers' rate."""

    @property
    def wait_s(self) -> float:
        """When the first one may be used, from now."""

    @property
    def spacing_s(self) -> float:
        """How much later each next one may be used."""


class BudgetStore(Protocol):
    """Where rates and credits are shared: the store."""

    async def lease(self, key_hash: str, bucket: str, *, permits: int, rate: float) -> Leased:
        """The next free permits of a bucket."""

    async def penalize(self, key_hash: str, bucket: str, *, pause_s: float = 0.0) -> None:
        """Halve the bucket's rate, and pause it so long."""

    async def reserve_credits(self, request_id: str, credit: int, budget: int | None) -> bool:
        """Set credits aside, False when the budget does not allow it."""

    async def settle_credits(self, request_id: str, *, reserved: int, spent: int) -> None:
        """Replace what was set aside by what was spent."""


@dataclass
class _Lease:
    """What is left of a lease: when the next permit may be used, how far apart they are, and how many."""

    next_s: float = 0.0
    spacing_s: float = 0.0
    left: int = 0


class RateLimit:
    """One worker's share of the rates: leases a few permits at a time, as many as calls wait here."""

    def __init__(
        self,
        budget_store: BudgetStore,
        *,
        keys: Mapping[Bucket, str],
        rates: Mapping[Bucket, float],
        timing: Timing,
    ) -> None:
        """`keys` names whose rate a bucket is, `rates` how many calls a second it allows."""
        self._budget_store = budget_store
        self._keys = keys
        self._rates = rates
        self._timing = timing
        self._limiters: defaultdict[Bucket, FairLimiter] = defaultdict(lambda: FairLimiter(1))
        self._leases: defaultdict[Bucket, _Lease] = defaultdict(_Lease)
        self._waiting: Counter[Bucket] = Counter()

    async def wait(self, bucket: Bucket, share: Share = NO_REQUEST, weight: int = 1) -> None:
        """Return when a call may be made; tenants and requests take turns, of each the first call goes first.

        One that weighs more than one takes as many permits, and those that come next wait for all of them.
        """
        started_s = self._timing.now_s()
        self._waiting[bucket] += 1
        try:
            async with self._limiters[bucket].hold(share):
                await self._wait_for_slot(bucket)
                if weight > 1:
                    await self._take(bucket, weight - 1)
        finally:
            self._waiting[bucket] -= 1
        metrics.THROTTLE_SECONDS.labels(bucket).inc(self._timing.now_s() - started_s)

    async def refused(self, bucket: Bucket, *, pause_s: float) -> None:
        """The upstream refused a call for its rate: slow all workers down, and forget what was leased."""
        self._leases[bucket].left = 0
        await self._budget_store.penalize(self._keys[bucket], bucket, pause_s=pause_s)

    async def _wait_for_slot(self, bucket: Bucket) -> None:
        """Wait for the next permit of the lease, after taking a new one if there is none."""
        lease = self._leases[bucket]
        while True:
            now_s = self._timing.now_s()
            missed = (
                int(max(0.0, now_s - lease.next_s) // lease.spacing_s) if lease.spacing_s else 0
            )
            lease.left -= missed
            lease.next_s += missed * lease.spacing_s
            if lease.left <= 0:
                await self._lease(bucket, lease)
                continue
            await self._timing.sleep(max(0.0, lease.next_s - now_s))
            lease.left -= 1
            lease.next_s += lease.spacing_s
            return

    async def _take(self, bucket: Bucket, permits: int) -> None:
        """Use up permits at once: those of the lease, then others of all workers' rate."""
        lease = self._leases[bucket]
        here = min(permits, max(0, lease.left))
        lease.left -= here
        lease.next_s += here * lease.spacing_s
        if permits > here:
            rate = self._rates[bucket] * limits.RATE_SHARE
            await self._budget_store.lease(
                self._keys[bucket], bucket, permits=permits - here, rate=rate
            )

    async def _lease(self, bucket: Bucket, lease: _Lease) -> None:
        """Take permits for those who wait here, at most what the bucket allows in a short time."""
        rate = self._rates[bucket] * limits.RATE_SHARE
        permits = max(1, min(self._waiting[bucket], int(rate * limits.LEASE_S)))
        leased = await self._budget_store.lease(
            self._keys[bucket], bucket, permits=permits, rate=rate
        )
        lease.next_s = self._timing.now_s() + leased.wait_s
        lease.spacing_s = leased.spacing_s
        lease.left = permits


@dataclass(frozen=True)
class RequestPermit:
    """The permit of one request: asks whether it has ended, then its credits, then the rate, then again the first.

    Credits are set aside before a call and settled after it, so calls at the same time never exceed the budget
    together; a failed call costs nothing.
    """

    rate: RateLimit
    budget_store: BudgetStore
    request_id: str
    credit_budget: int | None
    is_ended: Callable[[], bool]
    waits_until_s: float = float("-inf")
    tenant: str = ""
    may_spend: Callable[[], Awaitable[None]] | None = None  # raises when a quota is used up

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Spending]:
        """The block in which the call may be made."""
        _check(self.is_ended, self.request_id)
        if call.credits and self.may_spend is not None:
            await self.may_spend()
        budget = self.credit_budget
        reserved = call.credits if budget is not None else 0
        if reserved and not await self.budget_store.reserve_credits(
            self.request_id, reserved, budget
        ):
            raise CreditBudgetExceededError(
                f"{call.method} may cost {call.credits} credits, the budget of {budget} leaves less"
            )
        spending = Spending()
        try:
            share = Share(self.tenant.encode(), self.request_id.encode())
            await self.rate.wait(call.bucket, share, call.weight)
            _check(self.is_ended, self.request_id)
            yield spending
        finally:
            if reserved or spending.credits:
                await self.budget_store.settle_credits(
                    self.request_id, reserved=reserved, spent=spending.credits
                )
        metrics.CREDITS.labels(call.method).inc(spending.credits)


class Unlimited:
    """A permit that never waits and never refuses, for tools and tests."""

    waits_until_s = float("-inf")

    @asynccontextmanager
    async def __call__(self, _call: Call) -> AsyncIterator[Spending]:
        """The block in which the call may be made: at once."""
        yield Spending()


unlimited: Final = Unlimited()


def _check(is_ended: Callable[[], bool], request_id: str) -> None:
    """Raise RequestEndedError if the request has ended."""
    if is_ended():
        raise RequestEndedError(f"request {request_id} has ended")
