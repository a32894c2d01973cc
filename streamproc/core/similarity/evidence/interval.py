"""How sure is an idf cosine, given that other tokens might as well have been traded?"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from streamproc import limits
from streamproc.core.similarity.evidence.item import item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.json_types import Json

    Floats = NDArray[np.float64]

LOWER, UPPER = 0.025, 0.975
Z: Final = 1.959963984540054  # of a normal 95 % interval


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of an idf cosine, inside 0..1."""

    low: float
    high: float
    is_resampled: bool  # False: the delta method


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over some mints' idf weights."""

    squares: float
    fourths: float


def bootstrap(rows: Rows, scores: Scores, pairs: Sequence[int], digest: str) -> dict[int, Interval]:
    """Return the percentile interval of each pair over BOOTSTRAPS resamples of the traded tokens.

    Each resample draws as many tokens as there are, with replacement, the same ones for all pairs; the generator is
    seeded by `digest`. Resamples in which a wallet traded nothing have no cosine and are left out. Pairs whose idf
    cosine is null, or always without one, are not in the result. Efron and Tibshirani 1993, chapter 13.
    """
    known = [pair for pair in pairs if not np.isnan(scores.by_name["idf"][pair])]
    if not known:
        return {}
    a, b = scores.wallet_a[known], scores.wallet_b[known]
    whole = _weights(rows, scores)
    shared = whole[a].multiply(whole[b]).sqrt()
    samples = np.empty((len(known), limits.BOOTSTRAPS))
    first = 0
    for counts in _resamples(len(scores.idf), digest):
        squares = whole @ counts
        cosines = _cosines(shared @ counts, squares[a], squares[b])
        samples[:, first : first + counts.shape[1]] = cosines
        first += counts.shape[1]
    return dict(_percentiles(known, samples))


def delta(shared: Moments, wallet_a: Moments, wallet_b: Moments) -> Interval | None:
    """Return the normal interval whose width is the cosine's first-order error; None for a null cosine.

    With S, A, B the sums of squared weights over the shared and each wallet's mints, one more of token m moves log cos
    by w^2 (1/S - 1/2A - 1/2B) if shared, by -w^2 / 2A (or B) if one side's; the variance is the sum of the squares.
    Oehlert 1992, Am. Stat. 46, 27-29.
    """
    s, a, b = shared.squares, wallet_a.squares, wallet_b.squares
    if a == 0 or b == 0:
        return None
    if s == 0:
        return Interval(0.0, 0.0, is_resampled=False)
    variance = (
        shared.fourths * (1 / s - 0.5 / a - 0.5 / b) ** 2
        + max(0.0, wallet_a.fourths - shared.fourths) / (4 * a * a)
        + max(0.0, wallet_b.fourths - shared.fourths) / (4 * b * b)
    )
    cosine = min(1.0, s / sqrt(a * b))
    half = Z * cosine * sqrt(variance)
    return Interval(max(0.0, cosine - half), min(1.0, cosine + half), is_resampled=False)


def moments(idf: Floats) -> Moments:
    """Return the moments of some mints' weights, zeros for none."""
    if not len(idf):
        return Moments(0.0, 0.0)
    return Moments(*(float(np.add.accumulate(idf**power)[-1]) for power in (2, 4)))


def interval_item(meeting: Meeting, cosine: float, found: Interval) -> Json:
    """Return the evidence: value = the idf cosine, low and high = the ends, n = shared mints, the rarest named."""
    how = (
        f"{limits.BOOTSTRAPS} resamples of the tokens" if found.is_resampled else "the delta method"
    )
    mints, signatures = meeting.carriers(meeting.rarest)
    return item(
        "interval",
        f"idf cosine {cosine:.2g}, 95 % between {found.low:.2g} and {found.high:.2g} by {how}",
        value=cosine,
        low=found.low,
        high=found.high,
        n=len(meeting.mint),
        mints=mints,
        signatures=signatures,
    )


def _weights(rows: Rows, scores: Scores) -> csr_array:
    """Return the squared idf weights as a wallets x mints matrix."""
    columns = rows.traded.columns
    mint = columns.mint()
    shape = (len(rows.wallets), len(columns.mints))
    from scipy.sparse import csr_array  # noqa: PLC0415 - 20 MB that only the pool's processes need

    return csr_array((scores.idf[mint] ** 2, (columns.wallet, mint)), shape=shape)


def _resamples(tokens: int, digest: str) -> Iterator[Floats]:
    """Yield how often each token was drawn, (tokens, resamples of the chunk), BOOTSTRAPS columns in all."""
    seed = int.from_bytes(sha256(f"interval {digest}".encode()).digest())
    generator = np.random.Generator(np.random.PCG64(seed))
    size = min(limits.BOOTSTRAPS, max(1, limits.BOOTSTRAP_CELLS_PER_CHUNK // tokens))
    for first in range(0, limits.BOOTSTRAPS, size):
        width = min(size, limits.BOOTSTRAPS - first)
        counts = np.empty((tokens, width))
        for column in range(width):
            drawn = generator.integers(tokens, size=tokens)
            counts[:, column] = np.bincount(drawn, minlength=tokens)
        yield counts


def _cosines(shared: Floats, squares_a: Floats, squares_b: Floats) -> Floats:
    norms = np.sqrt(squares_a * squares_b)
    found = np.full(norms.shape, np.nan)
    np.divide(shared, norms, out=found, where=norms > 0)
    np.minimum(found, 1.0, out=found)
    return found


def _percentiles(pairs: Sequence[int], samples: Floats) -> Iterator[tuple[int, Interval]]:
    ranked = np.sort(samples, axis=1)  # NaN last
    valid = (~np.isnan(ranked)).sum(axis=1)
    for pair, row, count in zip(pairs, ranked, valid.tolist(), strict=True):
        if count:
            low, high = (_percentile(row, count, share) for share in (LOWER, UPPER))
            yield pair, Interval(low, high, is_resampled=True)


def _percentile(ranked: Floats, count: int, share: float) -> float:
    """Return the linearly interpolated percentile of the first `count` values."""
    place = share * (count - 1)
    under = int(place)
    over = min(under + 1, count - 1)
    return float(ranked[under] + (ranked[over] - ranked[under]) * (place - under))
