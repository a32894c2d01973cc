"""What happens to the broker and to Postgres."""

from __future__ import annotations

from typing import Final

from tests.faults.plans.plan import Injection, Plan

# What a worker needs, and is taken from it.
RIGHTS: Final = (
    "write analysis-ready",
    "write wallet-analyzed",
    "write analysis-progress",
    "write analysis-completed",
    "write the changelog",
    "read the group",
)
OF_SERVERS: Final = (
    Plan("broker restarted", injections=(Injection("broker-stop", 0.7, 1),)),
    Plan("broker killed", injections=(Injection("broker-kill", 0.7, 3),)),
    Plan("broker frozen", injections=(Injection("broker-freeze", 0.7, 15),)),
    Plan("broker gone for 120 s", is_long=True, injections=(Injection("broker-kill", 0.7, 120),)),
    Plan("Postgres restarted", injections=(Injection("postgres-stop", 0.7, 0.5),)),
    Plan("Postgres killed", injections=(Injection("postgres-kill", 0.7, 3),)),
    Plan("Postgres out of connections", injections=(Injection("exhaust", 0.1, 3),)),
    Plan("answers to commits lost", is_proxied=True, injections=(Injection("swallow", 0.4, 3),)),
    Plan("connections to Postgres cut", is_proxied=True, injections=(Injection("cut", 0.4, 2),)),
    Plan("writes that fail to serialize", injections=(Injection("fail-writes", 0.2, 3),)),
    Plan("Postgres' clock jumps", workers=2, injections=(Injection("database-clock", 0.5, 3),)),
    Plan(
        "Postgres' disk full",
        is_on_small_disks=True,
        injections=(Injection("fill-postgres", 0.4, 5),),
    ),
    Plan(
        "the broker's disk full",
        is_on_small_disks=True,
        injections=(Injection("fill-broker", 0.4, 2),),
    ),
    Plan("rights in Postgres lost and given back", injections=(Injection("revoke", 0.4, 4),)),
    *(
        Plan(
            f"right to {right} lost and given back",
            injections=(Injection("forbid", 0.3, point=right),),
        )
        for right in RIGHTS
    ),
)
