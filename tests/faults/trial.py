"""One trial: an installation of its own, three requests that share wallets, a plan's injections, and the oracle."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.faults import oracle
from tests.faults.injections.injections import INJECTIONS
from tests.faults.oracle import Undisturbed, repeated
from tests.faults.plans.plan import FULL, Plan
from tests.faults.quiet import settled
from tests.faults.watch import queued, watched
from tests.flow.installation import ENDS_WITHIN_S

if TYPE_CHECKING:
    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.faults.environment import Environment
    from tests.faults.watch import Watch

RESTS_WITHIN_S = 15.0
LOOK_S = 0.5
LONG_S = 600.0  # a lost table is noticed after minutes
LATENCY_S = 0.08  # of the upstream, so that there is a middle to disturb


class Outcome(NamedTuple):
    """What a trial that kept all promises measured."""

    repeated: int
    heal_s: float  # from the end of the last fault to the last terminal record, work left included


def requests_of(world: World) -> dict[str, list[str]]:
    """The wallets of each request; every wallet but two is in several.

    Their ids stand in three of four partitions, so each of two workers has one of them, whatever is assigned to it.
    """
    names = world.addresses
    return {"first": names[:4], "next": names[2:6], "last": names[1:4]}


async def run_trial(
    environment: Environment, plan: Plan, undisturbed: Undisturbed | None
) -> tuple[Outcome, Undisturbed]:
    """Carry the plan out and check everything; also what the run said, for the first, which has no faults."""
    installation, sandbox, world = environment.installation, environment.sandbox, environment.world
    prepare(sandbox, plan)
    environment.requests = requests_of(world)
    environment.deadline_s = plan.deadline_s
    async with watched(installation) as watch:
        await environment.start(plan)
        await environment.ask()
        ended_at = await carry_out(environment, plan)
        for name in environment.requests:
            await installation.ending(name, LONG_S if plan.is_long else ENDS_WITHIN_S)
        heal_s = max(0.0, time.monotonic() - ended_at)
        await settled(installation)
        for injection in plan.injections:
            if injection.what.startswith("after-"):
                await INJECTIONS[injection.what.removeprefix("after-")](environment, injection)
                await settled(installation)
        await check(environment, plan, undisturbed, watch)
    said = Undisturbed(
        {name: oracle.ending_of(installation.said, name, plan) for name in environment.requests},
        sandbox.counters.methods[FULL],
    )
    return Outcome(repeated(installation.said), heal_s), said


def prepare(sandbox: Sandbox, plan: Plan) -> None:
    """The upstream as the plan wants it, with counters at zero."""
    sandbox.set_faults(*plan.upstream)
    sandbox.latency_s = LATENCY_S
    sandbox.counters.reset()


async def carry_out(environment: Environment, plan: Plan) -> float:
    """Do the injections, each at its time; the moment at which the last was undone."""

    async def later(number: int) -> None:
        injection = plan.injections[number]
        await asyncio.sleep(injection.at_s)
        await INJECTIONS[injection.what](environment, injection)

    now = [
        n for n, injection in enumerate(plan.injections) if not injection.what.startswith("after-")
    ]
    await asyncio.gather(*(later(number) for number in now))
    return environment.undone_at or time.monotonic()


async def rested(environment: Environment) -> list[str]:
    """The metrics of all workers once they show nothing queued, or after a while: gauges are set once a second."""
    until = time.monotonic() + RESTS_WITHIN_S
    while True:
        metrics = [await environment.installation.metrics(number) for number in environment.alive]
        busy = any(depth for text in metrics for _, depth in queued(text))
        if not busy or time.monotonic() > until:
            return metrics
        await asyncio.sleep(LOOK_S)


async def check(
    environment: Environment, plan: Plan, undisturbed: Undisturbed | None, watch: Watch
) -> None:
    """Everything the oracle knows."""
    installation = environment.installation
    requests = environment.requests
    oracle.check_requests(installation, plan, requests, undisturbed)
    await oracle.check_store(installation, environment.world, plan, requests)
    metrics = await rested(environment)
    oracle.check_secrets(installation, metrics)
    oracle.check_letters(installation, plan)
    watch.check(keeps_table=not plan.loses_count)
    watch.check_rest(metrics)
    if undisturbed is not None:
        oracle.check_calls(environment.sandbox.counters, plan, requests, undisturbed)
