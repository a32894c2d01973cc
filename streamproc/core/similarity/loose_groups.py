"""Sets of wallets that move together although no pair of them stands out.

Two of them meet too seldom to be told from strangers; together they meet far more often than that. Sets are grown from
pairs, greedily, and tested by their meetings: purchases of one mint within a window of each other, of which so many are
close as the window and the level of the company explain (closeness.py, company.py). Pairs that are more than chance by
themselves do not count. The p is multiplied by how many sets of that size there are: having searched proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from streamproc import limits
from streamproc.core.similarity.evidence.chance import WALLETS_MIN, overlap_tail
from streamproc.core.similarity.evidence.closeness import runners
from streamproc.core.similarity.evidence.company import LEAST_EXPECTED, levels
from streamproc.core.similarity.evidence.item import rounded
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence.closeness import Closeness, Scale
    from streamproc.core.similarity.evidence.trading import Trading
    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.json_types import Json

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Whole = NDArray[np.int64]

P_MAX: Final = 0.01
LIFT_MIN: Final = 2.0
MEMBERS_MIN: Final = 4
MEMBERS_MAX: Final = 12
MET_MIN: Final = 0.5  # of the others that each member was close to, once at least
MEMBER_P_MAX: Final = 0.01  # of each member with the others
CLOSE_S: Final = (60, 300)  # the scales on which sets are looked for
STARTS: Final = 100  # pairs that sets are grown from
TRIED: Final = 10  # grown sets that are tested before the search ends


@dataclass(frozen=True, slots=True)
class LooseGroup:
    """A set that moves together."""

    members: tuple[int, ...]  # wallets, ascending
    mints: tuple[int, ...]  # in which members were close, those first in which most were
    close_s: int
    close: int  # times that a member was close to one that was looked at before
    expected: float  # at most so many would be
    p: float  # among all sets of its size, all sizes and scales


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What sets are grown on, on one scale. All (W, W), symmetric."""

    scale: Scale
    close: Floats  # mints
    explained: Floats  # mints
    chance: Floats  # of one within the window to be close


class Meetings(NamedTuple):
    """Purchases of one mint by two members within the window; all (n,)."""

    low: Whole  # wallets
    high: Whole
    mint: Whole
    is_close: Flags
    chance: Floats

    def of(self, own: Flags) -> tuple[int, float]:
        """Return in how many mints a wallet was close to one of those that these meetings are with, and the mean.

        Whatever the others did, it is close to one of them with no more than the chances of all meetings together.
        """
        return len(np.unique(self.mint[own & self.is_close])), float(self.chance[own].sum())


class LooseGroups:
    """The search in one comparison."""

    def __init__(
        self, trading: Trading, counts: Sequence[Closeness], scores: Scores, is_gated: Flags
    ) -> None:
        """Take the counts of all scales and which pairs are more than chance by themselves, (P,)."""
        self._trading = trading
        self._runner, self._is_front = runners(trading)
        self._free = np.ones((trading.asked, trading.asked), dtype=np.bool_)
        a, b = scores.wallet_a[is_gated], scores.wallet_b[is_gated]
        self._free[a, b] = self._free[b, a] = False
        self._grounds = [
            ground_of(each, scores)
            for each in counts
            if not each.scale.is_opposite and each.scale.close_s in CLOSE_S
        ]
        self._ln_sets = ln_sets(trading.asked)

    def found(self) -> list[LooseGroup]:
        """Return the sets, the least likely first; no wallet is in two."""
        groups: list[LooseGroup] = []
        while (group := self._next()) is not None:
            groups.append(group)
            members = list(group.members)
            self._free[members] = self._free[:, members] = False
        return sorted(groups, key=lambda group: (group.p, group.members))

    def _next(self) -> LooseGroup | None:
        grown = {
            (-value, members, number)
            for number, ground in enumerate(self._grounds)
            for value, members in grown_sets(ground, self._free, self._ln_sets)
        }
        for _, members, number in sorted(grown)[:TRIED]:
            group = self._tested(members, self._grounds[number])
            if group is not None:
                return group
        return None

    def _tested(self, members: tuple[int, ...], ground: Ground) -> LooseGroup | None:
        """Return the set without those who do not belong to it, where it is more than chance."""
        met = self._meetings(members, ground)
        while (stranger := _stranger(members, met)) is not None:
            members = tuple(each for each in members if each != stranger)
            met = self._meetings(members, ground)
        if len(members) < MEMBERS_MIN:
            return None
        parts = [met.of(met.high == member) for member in members]
        close, expected = sum(part[0] for part in parts), sum(part[1] for part in parts)
        tests = (MEMBERS_MAX - MEMBERS_MIN + 1) * len(self._grounds)
        p = _tail(close, expected) * float(np.exp(self._ln_sets[len(members)])) * tests
        if p > P_MAX or close < LIFT_MIN * expected:
            return None
        mints, times = np.unique(met.mint[met.is_close], return_counts=True)
        mints = mints[np.lexsort((mints, -times))]
        return LooseGroup(members, tuple(mints.tolist()), ground.scale.close_s, close, expected, p)

    def _meetings(self, members: Sequence[int], ground: Ground) -> Meetings:
        trading, window_s = self._trading, ground.scale.window_s
        is_cell = np.isin(trading.wallet, members) & (trading.bought != NEVER)
        cells = np.flatnonzero(is_cell)
        cells = cells[np.lexsort((trading.bought[cells], trading.mint[cells]))]
        mint, at = trading.mint[cells], trading.bought[cells]
        places = np.arange(len(cells))
        near = [
            places[:-shift][
                (mint[:-shift] == mint[shift:]) & (at[shift:] - at[:-shift] <= window_s)
            ]
            for shift in range(1, len(members))
        ]
        shifts = np.repeat(np.arange(1, len(members)), [len(each) for each in near])
        first = np.concatenate([places[:0], *near])
        second = first + shifts
        a, b = trading.wallet[cells[first]], trading.wallet[cells[second]]
        is_front = self._is_front[cells[first]] | self._is_front[cells[second]]
        kept = self._free[a, b] & ~(self._runner[a] & self._runner[b] & is_front)
        a, b, first, second = a[kept], b[kept], first[kept], second[kept]
        is_close = at[second] - at[first] <= ground.scale.close_s
        return Meetings(
            np.minimum(a, b), np.maximum(a, b), mint[first], is_close, ground.chance[a, b]
        )


def ground_of(counts: Closeness, scores: Scores) -> Ground:
    """Return what sets are grown on."""
    a, b, chance = scores.wallet_a, scores.wallet_b, counts.scale.chance
    wallets = len(counts.near)
    expected = np.asarray(counts.near * chance, dtype=np.float64)
    level = levels(counts.close, expected, a, b)
    chances = np.zeros((wallets, wallets))
    chances[a, b] = chances[b, a] = np.minimum(1.0, chance * level)
    close, near = (each[:, :wallets].astype(np.float64) for each in (counts.close, counts.near))
    return Ground(counts.scale, close, near * chances, chances)


def grown_sets(
    ground: Ground, free: Flags, sets: Sequence[float]
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield (value, members) of the best set grown from each of the STARTS pairs that exceed what is explained most.

    The value is how much -ln of a bound on the set's p exceeds ln of how many sets of its size there are, above 0.
    """
    close, explained = ground.close * free, ground.explained * free
    single = np.triu(chernoff(close, explained), 1)
    starts = np.argsort(-single, axis=None, kind="stable")[:STARTS]
    starts = starts[single.ravel()[starts] > 0]
    first, second = starts // len(free), starts % len(free)
    place, chosen = np.arange(len(starts)), [first, second]
    seen, mean = close[first, second], explained[first, second]
    more, more_mean = close[first] + close[second], explained[first] + explained[second]
    taken = np.zeros((len(starts), len(free)), dtype=np.bool_)
    taken[place, first] = taken[place, second] = True
    values = []
    for size in range(3, len(sets)):
        tried = chernoff(seen[:, None] + more, mean[:, None] + more_mean)
        new = np.where(taken, -1.0, tried).argmax(axis=1)
        values.append(tried[place, new] - sets[size] if size >= MEMBERS_MIN else np.zeros(len(new)))
        taken[place, new] = True
        seen, mean = seen + more[place, new], mean + more_mean[place, new]
        more, more_mean = more + close[new], more_mean + explained[new]
        chosen.append(new)
    for number in range(len(starts) if values else 0):
        best = int(np.argmax([each[number] for each in values]))
        if values[best][number] > 0:
            members = [int(each[number]) for each in chosen[: best + 3]]
            yield float(values[best][number]), tuple(sorted(members))


def chernoff(seen: Floats, mean: Floats) -> Floats:
    """Return -ln of a bound on P(sum of independent coins of this mean >= seen), at least 0.

    Chernoff 1952, Ann. Math. Stat. 23, 493-507, for Poisson's.
    """
    least = np.maximum(mean, LEAST_EXPECTED)
    ratio = np.log(np.maximum(seen, least) / least)
    return np.asarray(np.where(seen > least, seen * ratio - (seen - least), 0.0), dtype=np.float64)


def ln_sets(wallets: int) -> list[float]:
    """Return ln of how many sets of 0, 1, ... MEMBERS_MAX wallets there are, as far as there are so many wallets."""
    from scipy.special import gammaln  # noqa: PLC0415 - 25 MB that only the pool's processes need

    size = np.arange(min(MEMBERS_MAX, wallets) + 1)
    return list((gammaln(wallets + 1) - gammaln(size + 1) - gammaln(wallets - size + 1)).tolist())


def loose_groups_of(
    trading: Trading, counts: Sequence[Closeness], scores: Scores, is_gated: Flags, rows: Rows
) -> list[Json] | None:
    """Return the records of the sets that move together; None where too few wallets are known to tell."""
    if trading.wallets < WALLETS_MIN:
        return None
    return loose_groups_json(LooseGroups(trading, counts, scores, is_gated).found(), rows)


def loose_groups_json(groups: Sequence[LooseGroup], rows: Rows) -> list[Json]:
    """Return the records: wallets, how often they were close and would be, p, the mints in which most were close."""
    mints = rows.traded.columns.mints
    return [
        {
            "wallets": [rows.wallets[member] for member in group.members],
            "n": group.close,
            "value": rounded(group.expected),
            "lift": rounded(group.close / max(group.expected, LEAST_EXPECTED)),
            "p": rounded(group.p),
            "close_s": group.close_s,
            "mints": [mints[each] for each in group.mints[: limits.CLUSTER_MINTS_MAX]],
            "sentence": (
                f"{len(group.members)} wallets that move together although no pair of them stands out: {group.close}"
                f" times one bought within {group.close_s} s of another what both bought, where chance gives"
                f" {group.expected:.3g} at most."
            ),
        }
        for group in groups
    ]


def _stranger(members: Sequence[int], met: Meetings) -> int | None:
    """Return the member that belongs to the others least, None where all do or too few are left."""
    if len(members) < MEMBERS_MIN:
        return None
    others, p = [], []
    for member in members:
        own = (met.low == member) | (met.high == member)
        others.append(len(np.unique((met.low + met.high)[own & met.is_close])))
        p.append(_tail(*met.of(own)))
    if min(others) < MET_MIN * (len(members) - 1):
        return members[others.index(min(others))]
    return members[p.index(max(p))] if max(p) > MEMBER_P_MAX else None


def _tail(close: int, mean: float) -> float:
    """Return P(at least so many of independent coins of this mean), by Poisson's."""
    explained = np.array([max(mean, LEAST_EXPECTED)])
    return float(overlap_tail(np.array([close]), explained, np.zeros(1))[0])
