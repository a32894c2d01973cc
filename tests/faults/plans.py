"""Faults as data: what goes wrong, when, for how long; and the seeded plans that are made of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

from streamproc.sandbox.faults import Fault

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
# What the upstream says in passing; the rest of its table ends a wallet, which is no fault of ours.
PASSING: Final = ("429", "500", "502", "503", "504", "reset", "html", "not_json", "cut_json")


@dataclass(frozen=True)
class Deed:
    """One thing that is done to an installation: `what` after `at_s` seconds, undone after `for_s` more."""

    what: str
    at_s: float = 0.0
    for_s: float = 0.0
    point: str = ""


@dataclass(frozen=True)
class Plan:
    """What happens in one trial."""

    name: str
    seed: int = 0
    workers: int = 1
    deeds: tuple[Deed, ...] = ()
    upstream: tuple[Fault, ...] = ()
    deadline_s: int = 1800
    ends: frozenset[str] = frozenset({"completed"})

    @property
    def crashes(self) -> int:
        """How often what is under way may be begun again."""
        beginning = {
            "crash",
            "kill",
            "term",
            "pause",
            "outlast",
            "broker",
            "postgres",
            "rewind",
            "recovery",
        }
        return sum(deed.what.split("-")[0] in beginning for deed in self.deeds)


def catalogue() -> dict[str, Plan]:
    """Every fault alone, by name."""
    one = [Plan(f"kill at {point}", deeds=(Deed("crash", point=point),)) for point in POINTS]
    two = [
        Plan(f"kill one of two at {point}", workers=2, deeds=(Deed("crash", point=point),))
        for point in ("mid-sync", "after-join-outputs-before-table", "after-publish-before-ack")
    ]
    ended = frozenset({"cancelled", "completed"})
    others = [
        Plan("kill during recovery", deeds=(Deed("recovery"),)),
        Plan("kill all", workers=2, deeds=(Deed("kill", 0.8, 0.5),)),
        Plan("SIGTERM under load", deeds=(Deed("term", 0.7),)),
        Plan("SIGSTOP 5 s", workers=2, deeds=(Deed("pause", 0.7, 5),)),
        Plan("SIGSTOP three sessions", workers=2, deeds=(Deed("pause", 0.7, 3 * SESSION_S),)),
        Plan("SIGSTOP until all is done", workers=2, deeds=(Deed("outlast", 0.4),)),
        Plan("broker restarted", deeds=(Deed("broker-stop", 0.7, 1),)),
        Plan("broker killed", deeds=(Deed("broker-kill", 0.7, 3),)),
        Plan("Postgres restarted", deeds=(Deed("postgres-stop", 0.7, 0.5),)),
        Plan("Postgres killed", deeds=(Deed("postgres-kill", 0.7, 3),)),
        Plan("upstream errors", upstream=passing_errors(1)),
        Plan("same request three times", deeds=(Deed("resend", 0.3), Deed("resend", 0.9))),
        Plan("every part five times", deeds=(Deed("repeat", 1.0), Deed("after-repeat"))),
        Plan("offsets reset to earliest", deeds=(Deed("after-rewind"),)),
        Plan("parts after the end", deeds=(Deed("after-repeat"),)),
        Plan("cancel at the start", deeds=(Deed("cancel", 0.0),), ends=ended),
        Plan(
            "cancel in the middle, twice",
            deeds=(Deed("cancel", 0.7), Deed("cancel", 0.9)),
            ends=ended,
        ),
        Plan("cancel after the end", deeds=(Deed("after-cancel"),)),
        Plan(
            "deadline while the owner is dead",
            deeds=(Deed("kill", 0.4, 6),),
            deadline_s=5,
            ends=frozenset({"expired"}),
        ),
    ]
    return {plan.name: plan for plan in (*one, *two, *others)}


def mixture(seed: int, names: tuple[str, ...] | None = None) -> Plan:
    """The seed's plan: one fault of the catalogue in turn, at a time of its own, and often a second thing beside it."""
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    plans = catalogue()
    known = names or tuple(plans)
    plan = plans[known[seed % len(known)]]
    deeds = tuple(
        replace(deed, at_s=round(deed.at_s * chance.uniform(0.3, 1.8), 2)) for deed in plan.deeds
    )
    if chance.random() < 0.5:
        deeds += (Deed("resend", round(chance.uniform(0, 2), 2)),)
    if chance.random() < 0.3:
        deeds += (Deed("after-repeat"),)
    upstream = passing_errors(seed) if chance.random() < 0.4 else plan.upstream
    return replace(plan, seed=seed, deeds=deeds, upstream=upstream)


def passing_errors(seed: int) -> tuple[Fault, ...]:
    """A few errors of the kinds that pass, spread over the calls for histories."""
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    kinds = chance.sample(PASSING, 3)
    return tuple(
        Fault(kind, method=FULL, probability=0.15, times=3, seed=seed + number)
        for number, kind in enumerate(kinds)
    )
