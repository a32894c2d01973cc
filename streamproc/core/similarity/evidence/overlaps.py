"""How many mints two wallets share when each picks from what was traded at the time, as often as it did.

Time is cut into strata of equally many first trades. In a stratum each wallet's number of trades and each mint's are
given, and nothing else: wallet i trades mint m with the chance (trades of i) * (trades of m) / (all trades), the
configuration model for sparse graphs (Chung and Lu 2002, Ann. Comb. 6, 125-145), summed over the strata. A wallet that
traded in a busy week is expected to share what was bought in that week, and in no other.

Where many trade the same few mints that model is not sparse: of the most traded mints u becomes c u / (1 + c u), with c
such that the mint is expected to have as many traders as it has, as in the bipartite configuration model of Saracco et
al. 2016, arXiv 1607.02481; what that gives to or takes from a wallet is taken from or given to its other mints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc import limits
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from streamproc.core.similarity.evidence.trading import Trading

    Floats = NDArray[np.float64]

LOG_ODDS_MAX: Final = 40.0  # e**40 times the odds: certain
NEWTON_STEPS: Final = 60  # five mostly; some forty where all who could have traded a mint did
CLOSE_ENOUGH: Final = 1e-8  # of log odds: the next step would be of its square
GRID: Final = 2 * LOG_ODDS_MAX / 2**40  # of log odds: coarser than any error of rounding
LEAST_REST: Final = 1e-9  # mints beside the popular ones: none
TRADES_PER_STRATUM: Final = 50  # some hours of a season of sixty wallets, minutes of a crowd


def strata_of(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stratum of each trade, (cells,): equal times share one, and trades without a time have their own."""
    known = np.sort(at[at != NEVER])
    size = max(TRADES_PER_STRATUM, -(-len(known) // limits.STRATA_MAX))
    edges = np.unique(known[size - 1 :: size][:-1]) if len(known) > size else known[:0]
    found = np.searchsorted(edges, at, side="left") + 1
    return np.where(at == NEVER, 0, found).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class OverlapNull:
    """What overlaps look like by chance; both (W, company)."""

    expected: Floats  # shared mints
    certain: Floats  # sum of the squares of popular mints' chances: so much less than its mean is an overlap's variance


def overlap_null(trading: Trading) -> OverlapNull:
    """Return the null of each wallet of the request with each of its company."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - 20 MB that only the pool's processes need

    stratum, count, asked = strata_of(trading.at), len(trading.at), trading.asked
    strata = int(stratum.max(initial=0)) + 1
    ones, trades = np.ones(count), np.bincount(stratum, minlength=strata)
    shares = csr_array(
        (ones / np.maximum(1, trades)[stratum], (trading.wallet, stratum)),
        shape=(trading.wallets, strata),
    )
    mints = csr_array((ones, (trading.mint, stratum)), shape=(trading.mints, strata))
    together = (mints.T @ mints).toarray()
    near = shares[: trading.company]
    left = shares[:asked] @ together
    sparse = np.ascontiguousarray((near @ np.ascontiguousarray(left.T)).T)
    plain, fitted = _popular(trading, shares, mints)
    rest = _rest(trading, plain, fitted)[: trading.company]
    plain, fitted = plain[: trading.company], fitted[: trading.company]
    sparse = np.maximum(sparse - np.einsum("im,jm->ij", plain[:asked], plain), 0.0)
    return OverlapNull(
        expected=sparse * rest[:asked, None] * rest
        + np.einsum("im,jm->ij", fitted[:asked], fitted),
        certain=np.einsum("im,jm->ij", fitted[:asked] ** 2, fitted**2),
    )


def _popular(trading: Trading, shares: csr_array, mints: csr_array) -> tuple[Floats, Floats]:
    """Return every wallet's chance to trade each of the most traded mints, (N, popular): plain and fitted."""
    traders = np.bincount(trading.mint, minlength=trading.mints)
    popular = np.argsort(-traders, kind="stable")[: limits.POPULAR_MINTS]
    plain = shares @ np.ascontiguousarray(mints[popular].toarray().T)
    with np.errstate(divide="ignore"):
        odds = np.log(plain)
    return plain, _chances(odds + _shift(odds, traders[popular]))


def _shift(odds: Floats, traders: NDArray[np.int64]) -> Floats:
    """Return by what to change the log odds (N, popular) so that each mint has so many traders, (popular,).

    By Newton's method inside a bracket, then up to the next point of a grid: the last bits do not depend on the steps.
    """
    found = np.zeros(len(traders))
    low, high = np.full((2, len(traders)), [[-LOG_ODDS_MAX], [LOG_ODDS_MAX]])
    left = np.arange(len(traders))
    for _ in range(NEWTON_STEPS):
        tried = found[left]
        chances = _chances(odds[:, left] + tried)
        lacking = traders[left] - chances.sum(axis=0)
        slope = (chances * (1 - chances)).sum(axis=0)
        low[left] = np.where(lacking > 0, tried, low[left])
        high[left] = np.where(lacking > 0, high[left], tried)
        after = tried + lacking / np.maximum(slope, np.finfo(np.float64).tiny)
        is_between = (after >= low[left]) & (after <= high[left])
        found[left] = np.where(is_between, after, (low[left] + high[left]) / 2)
        left = left[np.abs(found[left] - tried) > CLOSE_ENOUGH]
        if not len(left):
            break
    return np.asarray(
        np.ceil((found + LOG_ODDS_MAX) / GRID) * GRID - LOG_ODDS_MAX, dtype=np.float64
    )


def _chances(log_odds: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - 25 MB that only the pool's processes need

    return np.asarray(expit(log_odds), dtype=np.float64)


def _rest(trading: Trading, plain: Floats, fitted: Floats) -> Floats:
    """Return by what the chances of a wallet's other mints change, (N,), so that it trades as many as it does."""
    traded = np.bincount(trading.wallet, minlength=trading.wallets)
    before, after = traded - plain.sum(axis=1), traded - fitted.sum(axis=1)
    found = np.ones(trading.wallets)
    np.divide(np.maximum(after, 0.0), before, out=found, where=before > LEAST_REST)
    return found
