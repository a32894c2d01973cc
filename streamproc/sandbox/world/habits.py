"""How wallets live: when they act, what they like to do, how long they hold, and whom they copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain.chain import FIRST_TIME
from streamproc.sandbox.chain.market import END_TIME

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
LIFE_STARTS: Final = FIRST_TIME + 2 * DAY_S
LIFE_ENDS: Final = END_TIME - 3 * DAY_S
SESSION_SIZE: Final = 8
COPY_SHARE: Final = 0.7  # of a leader's purchases are copied
SAME_SLOT_SHARE: Final = 0.1  # of copies land in the leader's slot


@dataclass(frozen=True)
class Habit:
    """One way to live; `decisions` per wanted transaction, holding times in seconds."""

    rhythm: Callable[[random.Random, int], list[float]]
    decisions: float
    chores: float  # share of decisions that are no purchase
    exits: float  # share of purchases that are sold again
    hold_s: tuple[float, float]
    likes: dict[str, float] = field(default_factory=dict)
    newest: bool = False


def in_sessions(rng: random.Random, count: int) -> list[float]:
    """Return times in sessions of an evening, some minutes apart."""
    times: list[float] = []
    evening = rng.uniform(0, DAY_S)
    while len(times) < count:
        day = rng.randint(0, (LIFE_ENDS - LIFE_STARTS) // DAY_S - 1)
        at = LIFE_STARTS + day * DAY_S + (evening + rng.gauss(0, 2 * HOUR_S)) % DAY_S
        for _ in range(rng.randint(1, SESSION_SIZE)):
            times.append(at)
            at += rng.expovariate(1 / 600)
    return sorted(times[:count])


def evenly(rng: random.Random, count: int) -> list[float]:
    """Return times at almost the same distance, around the clock, over a few days."""
    gap = rng.uniform(240, 900)
    start = rng.uniform(LIFE_STARTS, LIFE_ENDS - min(gap * count, LIFE_ENDS - LIFE_STARTS))
    step = min(gap, (LIFE_ENDS - start) / max(1, count))
    return [start + position * step + rng.uniform(-2, 2) for position in range(count)]


def now_and_then(rng: random.Random, count: int) -> list[float]:
    """Return times anywhere in the world's life."""
    return sorted(rng.uniform(LIFE_STARTS, LIFE_ENDS) for _ in range(count))


def early(rng: random.Random, count: int) -> list[float]:
    """Return times in the first ten days only."""
    return sorted(rng.uniform(LIFE_STARTS, LIFE_STARTS + 10 * DAY_S) for _ in range(count))


HABITS: Final = {
    "sniper": Habit(
        in_sessions,
        0.5,
        0.08,
        0.95,
        (6, 400),
        {"fail a swap": 3, "close an account": 2},
        newest=True,
    ),
    "swing": Habit(
        in_sessions,
        0.5,
        0.22,
        0.8,
        (5 * HOUR_S, 4 * DAY_S),
        {"SOL to stable": 3, "swap": 2, "sell": 2},
    ),
    "holder": Habit(
        now_and_then,
        0.8,
        0.3,
        0.15,
        (20 * DAY_S, 60 * DAY_S),
        {"get SOL": 3, "claim": 2, "stake": 1},
    ),
    "bot": Habit(evenly, 0.47, 0.06, 1.0, (20, 200), {"fail a swap": 4, "write a note": 1}),
    "dormant": Habit(early, 0.6, 0.2, 0.5, (HOUR_S, DAY_S), {"get dust": 1}),
    "farmer": Habit(
        now_and_then, 0.85, 0.8, 0.6, (HOUR_S, 2 * DAY_S), {"claim": 6, "airdrop": 4, "sell": 6}
    ),
    "copier": Habit(now_and_then, 0.12, 0.5, 0.9, (60, 3 * HOUR_S), {"sell": 2, "give SOL": 1}),
}

# The cast, repeated in blocks of ten: habit, group, whether the second in the list leads the group.
CAST: Final = (
    ("sniper", "pack"),
    ("copier", "pack"),
    ("copier", "pack"),
    ("swing", "family"),
    ("swing", "family"),
    ("holder", None),
    ("bot", None),
    ("dormant", None),
    ("farmer", None),
    ("swing", None),
)
