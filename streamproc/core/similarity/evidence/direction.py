"""Does one wallet buy first and the other after?"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.item import counted, item, one_or_many, short

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.json_types import Json

WINDOW_S: Final = 600  # within it one sees the other's purchase and follows
DAY_S: Final = (
    86_400  # within it one who hides it follows; waking and sleeping cancel out over a day
)
HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Direction:
    """Who came first in the mints that both bought first within a window of each other."""

    window_s: int
    mints: int
    first_a: int  # mints where the first wallet of the pair came first
    first_b: int
    p: float | None  # two-sided sign test, 0..1; None when all were simultaneous
    leader: str | None  # None at a tie
    lag_s: (
        float | None
    )  # median of all signed lags, positive when the leader came first; None without a leader


def direction_of(meeting: Meeting, window_s: int = WINDOW_S) -> Direction | None:
    """Return who leads; None without a mint that both bought first within the window, both ends included.

    Buys in the same slot are simultaneous: their order inside the slot is the validator's, not theirs.
    """
    near = _near(meeting, window_s)
    if not near.any():
        return None
    order, lags = _order(meeting)[near], meeting.lag_s()[near]
    first_a, first_b = int((order > 0).sum()), int((order < 0).sum())
    leader, lag_s = None, None
    if first_a != first_b:
        leader = meeting.wallet_a if first_a > first_b else meeting.wallet_b
        lag_s = _median(lags if first_a > first_b else -lags)
    return Direction(
        window_s=window_s,
        mints=len(lags),
        first_a=first_a,
        first_b=first_b,
        p=sign_test(first_a, first_b) if first_a + first_b else None,
        leader=leader,
        lag_s=lag_s,
    )


def direction_item(meeting: Meeting, found: Direction, q: float | None = None) -> Json:
    """Return the evidence: value = share of the ordered mints in which the leader (or, at a tie, either) came first.

    q, of gated pairs alone, is p corrected for how many of them were asked.
    """
    ordered = found.first_a + found.first_b
    near = np.flatnonzero(_near(meeting, found.window_s))
    leads = _order(meeting)[near] * (1 if found.first_a >= found.first_b else -1)
    order = near[np.lexsort((-meeting.idf[near], -leads))]
    mints, signatures = meeting.carriers(order)
    return item(
        "direction",
        _words(meeting, found),
        value=max(found.first_a, found.first_b) / ordered if ordered else None,
        p=found.p,
        q=q,
        n=ordered,
        leader=found.leader,
        lag_s=found.lag_s,
        mints=mints,
        signatures=signatures,
    )


def sign_test(first_a: int, first_b: int) -> float:
    """Return the two-sided p of so many heads and tails of a fair coin, in (0, 1]; 1 for none at all.

    Twice the upper tail, at most 1: sum of C(n, k) / 2**n from the larger count on.

    >>> sign_test(5, 0)
    0.0625
    """
    n, larger = first_a + first_b, max(first_a, first_b)
    term = tail = comb(n, larger) / (1 << n)
    for k in range(larger, n):
        term *= (n - k) / (k + 1)
        tail += term
    return min(1.0, max(2 * tail, 5e-324))


def lag_words(lag_s: float) -> str:
    """Return a time between two purchases in words.

    >>> lag_words(31.5), lag_words(30_000.0)
    ('31.5 s', '8.33 h')
    """
    return f"{lag_s:g} s" if abs(lag_s) <= WINDOW_S else f"{lag_s / HOUR_S:.3g} h"


def _near(meeting: Meeting, window_s: int) -> NDArray[np.bool_]:
    return np.asarray(meeting.both_bought() & (np.abs(meeting.lag_s()) <= window_s), dtype=np.bool_)


def _order(meeting: Meeting) -> NDArray[np.int64]:
    """Return +1 where the first wallet came first, -1 where the second did, 0 in the same slot."""
    slot = meeting.traded.bought_slot
    return np.asarray(np.sign(slot[meeting.entry_b] - slot[meeting.entry_a]), dtype=np.int64)


def _median(lags: NDArray[np.int64]) -> float:
    ranked = np.sort(lags).tolist()
    half = len(ranked) // 2
    return float(ranked[half]) if len(ranked) % 2 else float(ranked[half - 1] + ranked[half]) / 2


def _words(meeting: Meeting, found: Direction) -> str:
    ordered = found.first_a + found.first_b
    a, b = short(meeting.wallet_a), short(meeting.wallet_b)
    if not ordered:
        where = one_or_many(found.mints, "slot", "slots")
        return (
            f"{a} and {b} bought {counted(found.mints, 'mint')} in the same {where}: no direction"
        )
    if found.leader is None or found.lag_s is None:
        return f"each came first in {found.first_a} of {ordered} mints: no direction"
    leader, follower = (a, b) if found.leader == meeting.wallet_a else (b, a)
    wins = max(found.first_a, found.first_b)
    return (
        f"{follower} follows {leader}: {wins} of {counted(ordered, 'mint')}, median {lag_words(found.lag_s)} later,"
        f" p = {found.p:.2g}"
    )
