"""Every fault by name, and the seeded plans that are made of them."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.faults.plans.plan import Injection, Plan
from tests.faults.plans.records import OF_RECORDS
from tests.faults.plans.servers import OF_SERVERS
from tests.faults.plans.upstream import OF_THE_UPSTREAM, passing_errors
from tests.faults.plans.workers import OF_WORKERS


def catalogue() -> dict[str, Plan]:
    """Every fault alone, by name."""
    plans = (*OF_WORKERS, *OF_SERVERS, *OF_RECORDS, *OF_THE_UPSTREAM)
    return {plan.name: plan for plan in plans}


def mixture(seed: int, names: tuple[str, ...] | None = None, *, with_long: bool = False) -> Plan:
    """The seed's plan: one fault of the catalogue in turn, at a time of its own, and often a second thing beside it."""
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    plans = catalogue()
    known = names or tuple(name for name, plan in plans.items() if with_long or not plan.is_long)
    plan = plans[known[seed % len(known)]]
    injections = tuple(
        replace(injection, at_s=round(injection.at_s * chance.uniform(0.3, 1.8), 2))
        for injection in plan.injections
    )
    if chance.random() < 0.5:
        injections += (Injection("resend", round(chance.uniform(0, 2), 2)),)
    if chance.random() < 0.3:
        injections += (Injection("after-repeat"),)
    upstream = passing_errors(seed) if chance.random() < 0.4 else plan.upstream
    return replace(plan, seed=seed, injections=injections, upstream=upstream)
