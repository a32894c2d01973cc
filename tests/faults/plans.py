"""Faults as data: what goes wrong, when, for how long; and the seeded plans that are made of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Final

from streamproc import limits
from streamproc.sandbox.service.faults import Fault

FULL: Final = "getTransactionsForAddress"
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
# What a worker needs, and is taken from it.
RIGHTS: Final = (
    "write analysis-ready",
    "write wallet-analyzed",
    "write analysis-progress",
    "write analysis-completed",
    "write the changelog",
    "read the group",
)
POISONED: Final = frozenset({"not_json", "tombstone", "invalid", "invalid_request"})
DRIFTED: Final = frozenset({"invalid"})
TOO_LARGE: Final = frozenset({"output_refused"})
COMPLETED: Final = frozenset({"completed"})
EITHER: Final = frozenset(
    {"completed", "failed"}
)  # a history that lies again and again ends its wallet
LIES: Final[tuple[tuple[str, str, dict[str, Any], frozenset[str]], ...]] = (
    ("slow drip", "drip", {"times": 4, "delay_s": 3.0}, COMPLETED),
    ("another wallet's data", "other_wallet", {"nth": 3}, EITHER),
    ("a cursor that repeats", "repeat_cursor", {"nth": 2}, EITHER),
    ("duplicates across pages", "duplicates", {"probability": 0.5, "times": 10}, COMPLETED),
    ("an empty page in the middle", "empty_page", {"nth": 2}, COMPLETED),
)
# What the upstream says in passing; the rest of its table ends a wallet, which is no fault of ours.
PASSING: Final = ("500", "502", "503", "504", "reset", "html", "not_json", "cut_json")


@dataclass(frozen=True)
class Injection:
    """One thing that is done to an installation: `what` after `at_s` seconds, undone after `for_s` more."""

    what: str
    at_s: float = 0.0
    for_s: float = 0.0
    point: str = ""


# After these what is under way may be begun again.
BEGINNING: Final = frozenset(
    {
        "crash",
        "crash-all",
        "recovery",
        "kill",
        "kill-one",
        "term",
        "block",
        "pause",
        "outlast",
        "broker-stop",
        "broker-kill",
        "broker-freeze",
        "postgres-stop",
        "postgres-kill",
        "exhaust",
        "swallow",
        "cut",
        "fail-writes",
        "rewind",
        "trim",
        "unmake",
        "widen",
        "grow",
        "upgrade",
        "forbid",
        "revoke",
        "fill-broker",
        "fill-postgres",
        "pool-kill",
        "pool-server-kill",
        "pool-hang",
    }
)
TURNS_S: Final = 5.0  # a turn of a worker that joins and leaves


@dataclass(frozen=True)
class Plan:
    """What happens in one trial."""

    name: str
    seed: int = 0
    workers: int = 1
    injections: tuple[Injection, ...] = ()
    upstream: tuple[Fault, ...] = ()
    deadline_s: int = 1800
    ends: frozenset[str] = frozenset({"completed"})
    is_long: bool = False  # minutes: only when asked for
    is_named: bool = True  # workers have names that last: static membership
    is_proxied: bool = False  # workers reach Postgres through a proxy
    is_on_small_disks: bool = (
        False  # broker and Postgres are the trial's own, on disks that can be filled
    )
    loses_count: bool = False  # of progress: its numbers begin again
    letters: frozenset[str] = frozenset()  # reasons of dead letters that may be

    def does(self, what: str) -> bool:
        """Whether this is among what is done."""
        return any(injection.what == what for injection in self.injections)

    @property
    def crashes(self) -> int:
        """How often what is under way may be begun again."""
        turns = sum(
            2 * (1 + injection.for_s // TURNS_S)
            for injection in self.injections
            if injection.what == "churn"
        )
        return sum(
            injection.what.removeprefix("after-") in BEGINNING for injection in self.injections
        ) + int(turns)


def catalogue() -> dict[str, Plan]:
    """Every fault alone, by name."""
    plans = (*_of_workers(), *_of_servers(), *_of_records(), *_of_the_upstream())
    return {plan.name: plan for plan in plans}


def _of_workers() -> list[Plan]:
    """What happens to processes."""
    return [
        *(
            Plan(f"kill at {point}", injections=(Injection("crash", point=point),))
            for point in POINTS
        ),
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
        Plan(
            "a worker joins and leaves", is_named=False, injections=(Injection("churn", 0.5, 25),)
        ),
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
    ]


def _of_servers() -> list[Plan]:
    """What happens to the broker and to Postgres."""
    return [
        Plan("broker restarted", injections=(Injection("broker-stop", 0.7, 1),)),
        Plan("broker killed", injections=(Injection("broker-kill", 0.7, 3),)),
        Plan("broker frozen", injections=(Injection("broker-freeze", 0.7, 15),)),
        Plan(
            "broker gone for 120 s", is_long=True, injections=(Injection("broker-kill", 0.7, 120),)
        ),
        Plan("Postgres restarted", injections=(Injection("postgres-stop", 0.7, 0.5),)),
        Plan("Postgres killed", injections=(Injection("postgres-kill", 0.7, 3),)),
        Plan("Postgres out of connections", injections=(Injection("exhaust", 0.1, 3),)),
        Plan(
            "answers to commits lost", is_proxied=True, injections=(Injection("swallow", 0.4, 3),)
        ),
        Plan(
            "connections to Postgres cut", is_proxied=True, injections=(Injection("cut", 0.4, 2),)
        ),
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
    ]


def _of_records() -> list[Plan]:
    """What happens to records, offsets and topics."""
    ended = frozenset({"cancelled", "completed"})
    twice = (Injection("cancel", 0.7), Injection("cancel", 0.9))
    return [
        Plan(
            "same request three times",
            injections=(Injection("resend", 0.3), Injection("resend", 0.9)),
        ),
        Plan(
            "every part five times",
            injections=(Injection("repeat", 1.0), Injection("after-repeat")),
        ),
        Plan("parts of another version", injections=(Injection("drift", 0.6),), letters=DRIFTED),
        Plan("offsets reset to earliest", injections=(Injection("after-rewind"),)),
        Plan("parts after the end", injections=(Injection("after-repeat"),)),
        Plan("results too large", injections=(Injection("shrink", 0.1),), letters=TOO_LARGE),
        Plan(
            "changelog trimmed",
            is_long=True,
            loses_count=True,
            injections=(Injection("trim", 1.2),),
        ),
        Plan(
            "changelog missing",
            is_long=True,
            loses_count=True,
            injections=(Injection("unmake", 1.2),),
        ),
        Plan(
            "changelog of another size",
            is_long=True,
            loses_count=True,
            injections=(Injection("widen", 1.2),),
        ),
        Plan("cancel at the start", injections=(Injection("cancel", 0.0),), ends=ended),
        Plan("cancel in the middle, twice", injections=twice, ends=ended),
        Plan("cancel after the end", injections=(Injection("after-cancel"),)),
        Plan("aborted transactions", injections=(Injection("abort", 0.5),)),
        Plan("a transaction left open", injections=(Injection("hold-open", 0.3),)),
        Plan("an option of the next version", injections=(Injection("option", 0.4),)),
        Plan("partitions added to a topic", injections=(Injection("grow", 0.6),)),
        Plan("poison in each topic", injections=(Injection("poison", 0.5),), letters=POISONED),
        Plan(
            "deadline while the owner is dead",
            injections=(Injection("kill", 0.4, 6),),
            deadline_s=5,
            ends=frozenset({"expired"}),
        ),
    ]


def _of_the_upstream() -> list[Plan]:
    """What the upstream says wrong."""
    return [
        Plan("upstream errors", upstream=passing_errors(1)),
        *(
            Plan(f"upstream: {name}", upstream=(Fault(kind, method=FULL, **options),), ends=ends)
            for name, kind, options, ends in LIES
        ),
    ]


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


def passing_errors(seed: int) -> tuple[Fault, ...]:
    """A few errors of the kinds that pass, spread over the calls for histories.

    Refusals are waited out; of the others there are as many as one call may meet and still be answered: with one more
    a wallet may rightly fail.
    """
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    kinds = chance.sample(PASSING, limits.UPSTREAM_TRIES - 1)
    return (
        Fault("429", method=FULL, probability=0.15, times=5, seed=seed),
        *(
            Fault(kind, method=FULL, probability=0.15, times=1, seed=seed + number)
            for number, kind in enumerate(kinds, start=1)
        ),
    )
