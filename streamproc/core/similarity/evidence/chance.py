"""Is the overlap of two wallets more than season, popularity and company explain?

What is given is how much each wallet traded when, and how much each mint was traded when (overlaps.py); and what the
two have in common with everybody else of their company (company.py). The rest is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc.core.similarity.evidence.company import levels
from streamproc.core.similarity.evidence.item import counted, item
from streamproc.core.similarity.evidence.overlaps import overlap_null

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.trading import Trading
    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.json_types import Json

    Floats = NDArray[np.float64]

Q_MAX: Final = 0.05
LIFT_MIN: Final = 1.5
WALLETS_MIN: Final = 20  # fewer in all: nobody knows what is popular


@dataclass(frozen=True, slots=True, eq=False)
class Chance:
    """The test of every pair. Arrays are (P,) by pair number; NaN where there is no test."""

    p: NDArray[np.float64]  # P(overlap >= observed), 0..1; NaN without a shared mint
    q: NDArray[np.float64]  # Benjamini-Hochberg over all pairs, 0..1
    expected: NDArray[np.float64]  # shared mints that season, popularity and company explain
    lift: NDArray[np.float64]  # observed / expected
    level: NDArray[
        np.float64
    ]  # by how much the company's overlaps exceed what is expected, at least 1
    untested: str | None  # why there is no test at all, in words

    @property
    def is_large(self) -> NDArray[np.bool_]:
        """Which overlaps exceed what is expected by LIFT_MIN times, (P,)."""
        return np.nan_to_num(self.lift) >= LIFT_MIN


def chance_of(scores: Scores, trading: Trading) -> Chance:
    """Return the test of all pairs that share a mint; no test with fewer than WALLETS_MIN wallets of their season."""
    total = len(scores.shared)
    if trading.wallets < WALLETS_MIN:
        return _untested(
            total,
            f"{trading.wallets} wallets of these weeks, background included, are too few to know what is popular"
            f" (at least {WALLETS_MIN})",
        )
    pairs = np.flatnonzero(scores.shared)
    if not len(pairs):
        return _untested(total, None)
    wallet_a, wallet_b = scores.wallet_a[pairs], scores.wallet_b[pairs]
    null = overlap_null(trading)
    seen = _shared_with_company(trading)
    level = levels(seen, null.expected, wallet_a, wallet_b)
    explained = np.maximum(null.expected[wallet_a, wallet_b] * level, np.finfo(np.float64).tiny)
    certain = null.certain[wallet_a, wallet_b] * level
    found = _untested(total, None)
    found.level[pairs] = level
    found.p[pairs] = overlap_tail(scores.shared[pairs], explained, certain)
    found.q[pairs] = benjamini_hochberg(found.p[pairs], total)
    found.expected[pairs] = explained
    found.lift[pairs] = scores.shared[pairs] / explained
    return found


def overlap_tail(shared: NDArray[np.integer], mean: Floats, certain: Floats) -> Floats:
    """Return P(overlap >= shared), in (0, 1], of overlaps with these means and variances mean - certain.

    A translated Poisson variable (Röllin 2007, Bernoulli 13, 1115-1128): what is certain is set aside, and the rest is
    Poisson, whose tail is never below that of the sum of coins it stands for (Hoeffding 1956, Ann. Math. Stat. 27,
    713-721); between whole numbers it is the gamma integral that it is at whole ones.
    """
    from scipy.special import gammainc  # noqa: PLC0415 - 25 MB that only the pool's processes need

    aside = np.minimum(certain, mean)
    least = shared - aside
    tail = np.where(least > 0, gammainc(np.maximum(least, 1e-9), mean - aside), 1.0)
    return np.asarray(np.clip(tail, np.finfo(np.float64).tiny, 1.0), dtype=np.float64)


def benjamini_hochberg(p: NDArray[np.float64], tests: int) -> NDArray[np.float64]:
    """Return the q value of each p, same shape, in [p, 1]; `tests` >= len(p) counts tests whose p is 1 as well.

    Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57, 289-300.
    """
    order = np.argsort(p, kind="stable")
    stepped = p[order] * tests / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return q


def chance_item(meeting: Meeting, chance: Chance, pair: int) -> Json:
    """Return the evidence: n mints shared, value = how many are explained, the rarest mints.

    p, q, lift and value are None, and `reason` says why, where there was no test.
    """
    shared = len(meeting.mint)
    mints, signatures = meeting.carriers(meeting.rarest)
    if chance.untested is not None:
        reason = f"{counted(shared, 'shared mint')}, not tested: {chance.untested}"
        return item("chance", reason, n=shared, mints=mints, signatures=signatures)
    expected, lift = float(chance.expected[pair]), float(chance.lift[pair])
    q = float(chance.q[pair])
    return item(
        "chance",
        f"{counted(shared, 'shared mint')} where season, popularity and company explain {expected:.3g}"
        f" (lift {lift:.3g}), q = {q:.2g}: {_verdict(q, lift)}",
        value=expected,
        p=float(chance.p[pair]),
        q=q,
        lift=lift,
        n=shared,
        mints=mints,
        signatures=signatures,
    )


def _verdict(q: float, lift: float) -> str:
    if q > Q_MAX:
        return "that explains it"
    return "more than chance" if lift >= LIFT_MIN else "beyond chance, but by little"


def _shared_with_company(trading: Trading) -> NDArray[np.int64]:
    """Return how many mints each wallet of the request shares with each of its company, (W, company)."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - 20 MB that only the pool's processes need

    counted = trading.wallet < trading.company
    wallet, mint = trading.wallet[counted], trading.mint[counted]
    shape = (trading.company, trading.mints)
    traded = csr_array((np.ones(len(wallet), dtype=np.int64), (wallet, mint)), shape=shape)
    return np.asarray((traded[: trading.asked] @ traded.T).toarray(), dtype=np.int64)


def _untested(pairs: int, reason: str | None) -> Chance:
    p, q, expected, lift = np.full((4, pairs), np.nan)
    return Chance(p, q, expected, lift, np.ones(pairs), untested=reason)
