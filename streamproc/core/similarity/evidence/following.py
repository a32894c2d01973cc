"""How often one wallet first traded what another had traded within a day before, and how often it would by chance.

Who copies hours late is close to nobody in time, and half of what it trades may be its own; but what it copies it
trades after the other, within a day, each time. Two strangers of one season share about as many mints one way as the
other, and most of them further apart. A day, because hours of waking and sleeping cancel out over one.

What is expected is what other wallets do: of all trades of two wallets, one in each of two strata (overlaps.py), so
many are of one mint and in this order within a day. A wallet with so many trades in the one and another with so many
in the other meet as often as that: an unbiased estimate, since a wallet is never counted against itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc import limits
from streamproc.core.similarity.evidence.closeness import MINT_SPAN, parts_of
from streamproc.core.similarity.evidence.overlaps import strata_of
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from streamproc.core.similarity.evidence.trading import Trading

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

WITHIN_S: Final = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """Mints by who came first; all (W, company): the row's wallet is of the request."""

    leads: NDArray[np.int32]  # the column's wallet traded it within a day after the row's
    follows: NDArray[np.int32]  # the row's wallet traded it within a day after the column's
    leads_expected: Floats
    follows_expected: Floats
    within_s: int  # WITHIN_S, or less where so many trades lie within a day that counting them takes too long


def following_of(trading: Trading) -> Following:
    """Return the counts; trades without a time follow nothing."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - 20 MB that only the pool's processes need

    asked, company = trading.asked, trading.company
    stratum = strata_of(trading.at)
    strata = int(stratum.max(initial=0)) + 1
    leads, follows = np.zeros((2, asked * company), dtype=np.int32)
    met = np.zeros(strata * strata, dtype=np.int64)
    (cells, after), counts, within_s = _followers(trading)
    row, wallet = stratum[cells] * strata, trading.wallet[cells]
    column, is_own, is_near = stratum[cells], wallet < asked, wallet < company
    for first, second in _meetings(after, counts):
        met += np.bincount(row[first] + column[second], minlength=strata * strata)
        kept = is_own[first] & is_near[second]
        np.add.at(leads, wallet[first[kept]] * company + wallet[second[kept]], 1)
        kept = is_own[second] & is_near[first]
        np.add.at(follows, wallet[second[kept]] * company + wallet[first[kept]], 1)
    shape = (trading.wallets, strata)
    trades = csr_array((np.ones(len(stratum)), (trading.wallet, stratum)), shape=shape)
    chance = _chance_to_meet(met.reshape(strata, strata), trades)
    expected = _expected(trades, chance, asked, company)
    return Following(
        leads=leads.reshape(asked, company),
        follows=follows.reshape(asked, company),
        leads_expected=expected,
        follows_expected=_turned(expected, trades, chance, company),
        within_s=within_s,
    )


def _followers(trading: Trading) -> tuple[Whole, Whole, int]:
    """Return the timed cells by mint and time, by how many each is followed, and within how long."""
    timed = np.flatnonzero(trading.at != NEVER)
    line = trading.mint[timed] * MINT_SPAN + trading.at[timed]
    order = np.argsort(line, kind="stable")
    line, cells = line[order], timed[order]
    after, within_s = np.searchsorted(line, line, side="right"), WITHIN_S
    while True:
        counts = np.searchsorted(line, line + within_s, side="right") - after
        if counts.sum() <= limits.FOLLOWED_MEETINGS or within_s == 1:
            break
        within_s //= 2
    return np.stack([cells, after]), counts, within_s


def _meetings(after: Whole, counts: Whole) -> Iterator[tuple[Whole, Whole]]:
    """Yield places of cells of one mint, the second later than the first by no more than what was counted within."""
    for low, high in parts_of(counts):
        many = counts[low:high]
        shift = np.repeat(after[low:high] - (np.cumsum(many) - many), many)
        yield np.repeat(np.arange(low, high), many), np.arange(len(shift)) + shift


def _chance_to_meet(met: Whole, trades: csr_array) -> Floats:
    """Return how likely a trade of one stratum is followed by one of another wallet in another stratum, (S, S)."""
    dense = trades.toarray()
    total = dense.sum(axis=0)
    pairs = np.outer(total, total) - dense.T @ dense  # whole numbers, exact in any order of adding
    found = np.zeros(met.shape)
    np.divide(met, pairs, out=found, where=pairs > 0)
    return found


def _expected(trades: csr_array, chance: Floats, rows: int, columns: int) -> Floats:
    """Return by how many mints the first wallets lead the others, (rows, columns)."""
    left = np.ascontiguousarray((trades[:rows] @ chance).T)
    return np.ascontiguousarray((trades[:columns] @ left).T)


def _turned(expected: Floats, trades: csr_array, chance: Floats, company: int) -> Floats:
    """Return what the other wallets lead by, (W, company), from what the request's do."""
    asked = len(expected)
    if company == asked:
        return np.ascontiguousarray(expected.T)
    return _expected(trades, np.ascontiguousarray(chance.T), asked, company)
