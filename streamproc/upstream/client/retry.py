"""Asks until there is an answer: each try with a permit, refusals and failures waited out, bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from streamproc import limits, metrics, tracing
from streamproc.errors import (
    StreamprocError,
    UpstreamCreditsExhaustedError,
    UpstreamInconsistentError,
    UpstreamKeyRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    WorkFailedError,
)
from streamproc.upstream.client.byte_limiter import ByteLimiter, Reservation
from streamproc.upstream.client.decompression import check_values, read_packed
from streamproc.upstream.client.errors import (
    CursorLostError,
    PausedError,
    RateLimitedError,
    SlowError,
)
from streamproc.upstream.client.service_health import ServiceHealth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamproc.upstream.client.calls import Bucket, Call, Permit, Spending
    from streamproc.upstream.client.clock import Timing
    from streamproc.upstream.client.errors import Verdict
    from streamproc.upstream.client.http import Body, Request, Wire
    from streamproc.upstream.client.permits import RateLimit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A call, how its answer is read, and what it cost; `read` raises UpstreamUnavailableError for what it cannot."""

    call: Call
    request: Request
    read: Callable[[bytes | bytearray], T]
    cost: Callable[[T], int] | None = None  # None: what the call says
    is_divisible: bool = False  # a smaller one may succeed where this one takes too long
    refusals_max: int | None = None  # of a divisible one: it may be too much for any rate
    is_heavy: bool = False  # the answer may have megabytes; `read` and what it makes are picklable


class Run(Protocol):
    """Does pure work somewhere else than in the event loop."""

    def __call__(self, work: Callable[..., T], /, *values: object) -> Awaitable[T]:
        """What the function returns; it and its values are picklable."""


async def run_here(work: Callable[..., T], /, *values: object) -> T:
    """Do the work at once, for tools and tests."""
    return work(*values)


# What is the service's condition, and not one answer's.
_TROUBLES: Final = (PausedError, SlowError, RateLimitedError, UpstreamKeyRejectedError)


@dataclass
class _Trouble:
    """What has gone wrong with one query so far."""

    failures: int = 0  # in all
    own: int = 0  # of these, the ones that the service answered others beside
    failed_s: float | None = None  # the last time
    refusals: int = 0
    refused_since_s: float | None = None


class Caller:
    """Puts queries to the services."""

    def __init__(self, wire: Wire, rate: RateLimit, timing: Timing, run: Run = run_here) -> None:
        """Call over this wire; refusals slow this rate down; large answers are unpacked and read by `run`."""
        self._wire = wire
        self._rate = rate
        self._timing = timing
        self.run = run
        self._limiter = ByteLimiter(limits.ANSWERS_IN_FLIGHT_BYTES)
        self._small_limiter = ByteLimiter(limits.SMALL_ANSWERS_IN_FLIGHT_BYTES)
        self._answered_s: dict[Bucket, float] = {}
        self._method_answered_s: dict[str, float] = {}
        self.conditions = ServiceHealth(timing.now_s)

    async def ask(self, query: Query[T], permit: Permit) -> T:
        """The answer.

        Raises what the table in `verdict` says: at once for what no repetition heals, after a bounded number of tries
        for the rest; UpstreamTimeoutError at once for a divisible query; UpstreamCreditsExhaustedError when the
        bucket has been refused for minutes; and whatever the permit raises. While the service answers nobody, it is
        waited for as long as the permit waits.
        """
        trouble = _Trouble()
        limiter = self._limiter if query.is_heavy else self._small_limiter
        while True:
            async with permit(query.call) as spending:
                with limiter.reservation() as reservation:
                    answer = await self._try(query, spending, reservation)
            if not isinstance(answer, StreamprocError):
                return answer
            await self._wait_out(query, answer, trouble, permit)

    async def _try(
        self, query: Query[T], spending: Spending, reservation: Reservation
    ) -> T | StreamprocError:
        """One try: the answer, or the error that it means."""
        call = query.call
        verdict, body = await self._fetched(query, reservation)
        seen, error = verdict.seen, verdict.error
        answer: T | None = None
        if error is None:
            try:
                if body.is_packed:
                    answer = await self.run(read_packed, body.data, query.read)
                else:
                    check_values(body.data, limits.ANSWER_UNCOUNTED_HERE_BYTES)
                    answer = query.read(body.data)
            except WorkFailedError:
                why = f"{query.request.where}: whatever process reads the answer dies"
                seen, error = "unreadable", UpstreamInconsistentError(why)
            except StreamprocError as unreadable:
                seen, error = "unreadable", unreadable
        metrics.UPSTREAM_CALLS.labels(call.method, seen).inc()
        if error is not None:
            self._note(query, seen, error)
            return self._wire.cleaned(error)
        assert answer is not None  # noqa: S101 - no query reads its answer as None
        now_s = self._timing.now_s()
        self._answered_s[call.bucket] = self._method_answered_s[call.method] = now_s
        self.conditions.answered(query.request.host, call.method)
        spending.credits = call.credits if query.cost is None else query.cost(answer)
        return answer

    async def _fetched(self, query: Query[T], reservation: Reservation) -> tuple[Verdict, Body]:
        """What came of one call on the wire, and a span about it."""
        attributes = {
            "rpc.system.name": "jsonrpc" if query.call.bucket == "rpc" else None,
            "rpc.method": query.call.method,
            "server.address": query.request.host,
            "streamproc.bucket": query.call.bucket,
        }
        with tracing.call(query.call.method, attributes):
            verdict, body = await self._wire.fetch(
                query.request, may_stay_packed=query.is_heavy, take=reservation.acquire
            )
            seen = verdict.seen
            failed = None if verdict.error is None else type(verdict.error).__name__
            tracing.describe({"streamproc.answer": seen, "error.type": failed})
        return verdict, body

    def _note(self, query: Query[T], seen: str, error: StreamprocError) -> None:
        """Note a service's condition, as far as an error tells it; a page that is too large tells nothing."""
        is_routine = query.is_divisible and isinstance(error, SlowError)
        if isinstance(error, _TROUBLES) and not is_routine:
            self.conditions.troubled(query.request.host, query.call.method, seen)

    async def _wait_out(
        self, query: Query[T], error: StreamprocError, trouble: _Trouble, permit: Permit
    ) -> None:
        """Return when the query may be asked again; raise the error when it may not."""
        if isinstance(error, RateLimitedError):
            await self._slow_down(query.call.bucket, error, trouble)
            if query.refusals_max is not None and trouble.refusals >= query.refusals_max:
                raise error
            return
        is_final = isinstance(error, CursorLostError) or not isinstance(
            error, UpstreamUnavailableError
        )
        if is_final or (query.is_divisible and isinstance(error, UpstreamTimeoutError)):
            raise error
        self._count(query.call.method, error, trouble)
        pause_s = self._timing.backoff_s(trouble.failures)
        left_s = permit.waits_until_s - self._timing.now_s()
        is_patient = trouble.own < limits.UPSTREAM_TRIES and left_s > 0
        if trouble.failures >= limits.UPSTREAM_TRIES and not is_patient:
            raise error
        await self._timing.sleep(min(pause_s, left_s) if is_patient else pause_s)

    def _count(self, method: str, error: StreamprocError, trouble: _Trouble) -> None:
        """Count a failure; it is the question's own unless the whole service is away.

        It is when it has answered nobody who asked for the same since the failure before.
        """
        answered_s = self._method_answered_s.get(method, float("-inf"))
        is_away = isinstance(error, (PausedError, SlowError)) and (
            trouble.failed_s is None or answered_s < trouble.failed_s
        )
        trouble.failures += 1
        trouble.own += not is_away
        trouble.failed_s = self._timing.now_s()

    async def _slow_down(self, bucket: Bucket, error: RateLimitedError, trouble: _Trouble) -> None:
        """Wait after a refusal; raise UpstreamCreditsExhaustedError when nothing was answered for minutes."""
        now_s = self._timing.now_s()
        if trouble.refused_since_s is None:
            trouble.refused_since_s = now_s
        since_s = max(
            trouble.refused_since_s, self._answered_s.get(bucket, trouble.refused_since_s)
        )
        if now_s - since_s >= limits.CREDITS_GONE_S:
            raise UpstreamCreditsExhaustedError(
                f"refused for {now_s - since_s:.0f} s, the key's credits are gone: {error}"
            )
        trouble.refusals += 1
        pause_s = error.retry_after_s or 0.0
        await self._rate.refused(bucket, pause_s=pause_s)
        await self._timing.sleep(max(pause_s, self._timing.backoff_s(trouble.refusals)))
