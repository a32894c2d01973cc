"""`./run faults --heal`: how long a fault delays fifty requests in flight, beyond the work that was still left.

The same requests run first without a fault. How long those took from the moment at which as many had ended as when the
fault began is the work left; what a disturbed run takes longer than that, from the end of its fault, is the healing.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.sandbox.world.world import World
from tests.faults.injections import injections
from tests.faults.plans.plan import Injection, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.faults.environment import Environment

REQUESTS: Final = 50
WALLETS: Final = 4  # of each request
ENDED_BEFORE: Final = 15  # requests, when the fault begins
LATENCY_S: Final = 0.08  # of every call to the upstream
LOOK_S: Final = 0.02
REPEATS: Final = 3
AWAY_S: Final = 1.0  # how long what dies is gone
POISON: Final = b"{this is no JSON"


class Fault(NamedTuple):
    """A fault, and how soon after it the last request must have ended, beyond the work left."""

    name: str
    what: str  # an injection
    workers: int
    is_named: bool
    must_s: float
    aim_s: float


FAULTS: Final = (
    Fault("kill -9 of all workers, restarted in place", "kill", 2, True, 8.0, 2.0),
    Fault("kill -9 of the only worker, restarted in place", "kill", 1, True, 8.0, 2.0),
    Fault("one of two dies, the other takes over", "kill-one", 2, True, 15.0, 15.0),
    Fault("broker killed, back after 1 s", "broker-kill", 1, True, 20.0, 20.0),
    Fault("Postgres killed, back after 1 s", "postgres-kill", 1, True, 15.0, 15.0),
)


class Run(NamedTuple):
    """When each request had ended, in seconds after all were sent, ascending; and when the fault was over."""

    ended_s: list[float]
    disturbed_s: float  # when the fault began
    undone_s: float

    @property
    def last_s(self) -> float:
        """When the last had ended."""
        return self.ended_s[-1]


def healing_world() -> World:
    """Wallets with short histories, so that orchestration is most of the work."""
    return World(seed=23, wallets=40, transactions=(10, 40))


def healed_s(undisturbed: Run, run: Run) -> float:
    """Seconds from the end of the fault to the last end, beyond the work that was left when it began."""
    ended = sum(at <= run.disturbed_s for at in run.ended_s)
    left = undisturbed.last_s - (undisturbed.ended_s[ended - 1] if ended else 0.0)
    return run.last_s - run.undone_s - left


def p95_s(run: Run) -> float:
    """The 95th percentile of the requests' durations."""
    return quantiles(run.ended_s, n=20)[-1]


async def measured(
    environment: Environment,
    workers: int,
    disturb: Callable[[], Awaitable[None]],
    *,
    is_named: bool = True,
) -> Run:
    """Run all requests in an environment of its own; the fault begins when enough have ended."""
    environment.sandbox.set_faults()
    environment.sandbox.latency_s = LATENCY_S
    await environment.start(Plan("heal", workers=workers, is_named=is_named))
    addresses = environment.world.addresses
    began = time.monotonic()
    ended: dict[str, float] = {}
    async with noted(environment, began, ended):
        for number in range(REQUESTS):
            first = number * 3 % (len(addresses) - WALLETS)
            await environment.installation.request(f"h{number}", addresses[first : first + WALLETS])
        while len(ended) < ENDED_BEFORE:  # noqa: ASYNC110 - another task counts
            await asyncio.sleep(LOOK_S)
        disturbed = time.monotonic()
        await disturb()
        undone = environment.undone_at or time.monotonic()
        for number in range(REQUESTS):
            await environment.installation.ending(f"h{number}")
        await asyncio.sleep(2 * LOOK_S)
    return Run(sorted(ended.values()), disturbed - began, undone - began)


@asynccontextmanager
async def noted(
    environment: Environment, began: float, ended: dict[str, float]
) -> AsyncIterator[None]:
    """Note for the length of the block when each request has ended."""

    async def look() -> None:
        while True:
            for each in environment.installation.of("analysis-completed"):
                ended.setdefault(each.event["request_id"], time.monotonic() - began)
            await asyncio.sleep(LOOK_S)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


class Measured(NamedTuple):
    """What all runs have shown so far."""

    calm: dict[int, list[Run]]  # without a fault, by the number of workers
    healed_s: dict[Fault, list[float]]
    poisoned: list[Run]
    diverted_s: list[float]  # until the last poison was a dead letter


async def heal_table(
    environment: Callable[[], AbstractAsyncContextManager[Environment]],
) -> tuple[str, bool]:
    """Run everything, each time in an environment of its own; the table as Markdown, and whether all holds."""
    seen = Measured({1: [], 2: []}, {fault: [] for fault in FAULTS}, [], [])
    for _ in range(REPEATS):
        for workers, runs in seen.calm.items():
            async with environment() as own:
                runs.append(await measured(own, workers, nothing))
        for fault, seconds in seen.healed_s.items():
            async with environment() as own:
                run = await measured(
                    own, fault.workers, partial(done_to, own, fault), is_named=fault.is_named
                )
            # Who takes over works alone from then on.
            left = seen.calm[1 if fault.what == "kill-one" else fault.workers][-1]
            seconds.append(healed_s(left, run))
        async with environment() as own:
            run, taken_s = await poison(own)
        seen.poisoned.append(run)
        seen.diverted_s.append(taken_s)
    is_good = all(max(each) <= fault.must_s for fault, each in seen.healed_s.items())
    return table_of(seen), is_good and max(seen.diverted_s) <= 1.0


def table_of(seen: Measured) -> str:
    """What was measured, as Markdown."""
    slower = median(map(p95_s, seen.poisoned)) / median(map(p95_s, seen.calm[1])) - 1
    told = ", ".join(
        f"{n} of them: {median(run.last_s for run in runs):.1f} s" for n, runs in seen.calm.items()
    )
    diverted = f"{median(seen.diverted_s):.1f} s | {max(seen.diverted_s):.1f} s"
    lines = [
        f"| fault, {REPEATS} runs each | healed after: median | worst | aim | must |",
        "|---|---|---|---|---|",
        *(
            f"| {fault.name} | {median(each):.1f} s | {max(each):.1f} s | {fault.aim_s:g} s | {fault.must_s:g} s |"
            for fault, each in seen.healed_s.items()
        ),
        f"| poison, until it is a dead letter | {diverted} | 1 s | 1 s |",
        f"| poison, other requests' p95 | {slower:+.0%} | | 10 % | 10 % |",
        "",
        f"Without a fault {REQUESTS} requests of {WALLETS} wallets take, by workers, {told}.",
    ]
    return "\n".join(lines)


async def nothing() -> None:
    """Leave it alone."""


async def done_to(environment: Environment, fault: Fault) -> None:
    """Let the fault happen."""
    await injections.INJECTIONS[fault.what](environment, Injection(fault.what, for_s=AWAY_S))


async def poison(environment: Environment) -> tuple[Run, float]:
    """A run with poison on every topic of the agents, and the seconds until the last of it was diverted."""
    taken = 0.0
    topics = (
        "analysis-requested",
        "wallet-sync",
        "balance-fetch",
        "wallet-analyzed",
        "analysis-ready",
    )

    async def disturb() -> None:
        nonlocal taken
        began = time.monotonic()
        for topic in topics:
            await environment.installation.send(topic, "poison", POISON)
        letters = environment.installation.of
        while len(letters("dead-letters")) < len(topics):  # noqa: ASYNC110 - another task reads
            await asyncio.sleep(LOOK_S)
        taken = time.monotonic() - began

    return await measured(environment, 1, disturb), taken
