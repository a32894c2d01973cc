"""Faults as data: what goes wrong, when, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamproc.sandbox.service.faults import Fault

FULL: Final = "getTransactionsForAddress"


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
