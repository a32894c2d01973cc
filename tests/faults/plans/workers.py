"""What happens to processes."""

from __future__ import annotations

from typing import Final

from tests.faults.plans.plan import Injection, Plan

SESSION_S: Final = 10.0
# Points that the work itself reaches; `during-recovery` needs a table first.
POINTS: Final = (
    "after-fan-out",
    "mid-sync",
    "before-outputs",
    "after-outputs-before-ack",
    "after-join-outputs-before-table",
    "after-terminal-update-before-publish",
    "after-publish-before-ack",
)
OF_WORKERS: Final = (
    *(Plan(f"kill at {point}", injections=(Injection("crash", point=point),)) for point in POINTS),
    *(
        Plan(
            f"kill one of two at {point}",
            workers=2,
            injections=(Injection("crash", point=point),),
        )
        for point in ("mid-sync", "after-join-outputs-before-table", "after-publish-before-ack")
    ),
    *(
        Plan(
            f"kill all of two at {point}",
            workers=2,
            injections=(Injection("crash-all", for_s=0.5, point=point),),
        )
        for point in POINTS
    ),
    Plan("kill during recovery", injections=(Injection("recovery"),)),
    Plan("kill all", workers=2, injections=(Injection("kill", 0.8, 0.5),)),
    Plan("kill one of two", workers=2, injections=(Injection("kill-one", 0.8),)),
    Plan("SIGTERM under load", injections=(Injection("term", 0.7),)),
    Plan("SIGSTOP 5 s", workers=2, injections=(Injection("pause", 0.7, 5),)),
    Plan(
        "SIGSTOP three sessions",
        workers=2,
        injections=(Injection("pause", 0.7, 3 * SESSION_S),),
    ),
    Plan("SIGSTOP until all is done", workers=2, injections=(Injection("outlast", 0.4),)),
    Plan("event loop blocked", injections=(Injection("block", for_s=90),)),
    Plan("a worker joins and leaves", is_named=False, injections=(Injection("churn", 0.5, 25),)),
    Plan(
        "a worker joins and leaves for 120 s",
        is_named=False,
        is_long=True,
        injections=(Injection("churn", 0.5, 120),),
    ),
    Plan("clocks jump", workers=2, injections=(Injection("clock", 0.5, 1.5),)),
    Plan("the pool's processes killed, twice", injections=(Injection("pool-kill", 0.3, 0.8),)),
    Plan("the pool's fork server killed", injections=(Injection("pool-server-kill", 0.3),)),
    Plan("the pool's processes hang", injections=(Injection("pool-hang", 0.3),)),
    Plan("the next version and back", workers=2, injections=(Injection("upgrade", 0.3),)),
)
