"""How likely a wallet trades a token when only its own appetite and the token's popularity count.

The bipartite configuration model: wallet i trades token m with probability x_i y_m / (1 + x_i y_m), where x and y are
such that every wallet's and every token's *expected* degree is its observed one. Saracco, Di Clemente, Gabrielli,
Squartini 2016, arXiv 1607.02481. Equal degrees have equal probabilities, so the fit runs over classes of equal degree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

TOLERANCE: Final = 1e-9  # largest relative error of a degree at which the fit has converged
ACCEPTED: Final = 1e-6  # and at which it may still be used
WARM_UP_STEPS: Final = 20
SOLVED: Final = 1e-20  # square of the relative residual at which a Newton step is solved
CONJUGATE_STEPS_MAX: Final = 200
NEWTON_STEPS_MAX: Final = 60
NEWTON_STEP_SMALLEST: Final = 1e-4
TOKEN_CLASSES_MERGED: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class PopularityNull:
    """A fitted null: R classes of wallets by C classes of tokens."""

    probability: Floats  # (R, C) in 0..1
    wallet_class: NDArray[np.int64]  # (wallets,) class of each wallet
    tokens: Floats  # (C,) tokens per class
    token_degree: Floats  # (C,) wallets per token of the class, ascending
    has_converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Classes:
    """Degrees still to be explained: how many wallets (tokens) have which degree."""

    wallet_degree: Floats
    wallets: Floats
    token_degree: Floats
    tokens: Floats


def popularity_null(
    wallet_degrees: NDArray[np.int64], token_degrees: NDArray[np.int64]
) -> PopularityNull:
    """Return the fitted null of all wallets and tokens; every degree is at least 1 and both sides add up to the same.

    Tokens that everybody traded and wallets that traded everything are certain (probability 1) and no part of the fit.
    """
    degrees, wallet_class, wallets = np.unique(
        wallet_degrees, return_inverse=True, return_counts=True
    )
    token_degree, tokens = np.unique(token_degrees, return_counts=True)
    classes = _Classes(
        degrees.astype(np.float64),
        wallets.astype(np.float64),
        token_degree.astype(np.float64),
        tokens.astype(np.float64),
    )
    probability, open_wallets, open_tokens, rest = _without_certain(classes)
    error = 0.0
    if open_wallets.any() and open_tokens.any():
        fitted, error = _fit(rest)
        probability[np.ix_(open_wallets, open_tokens)] = fitted
    return PopularityNull(
        probability=probability,
        wallet_class=wallet_class.astype(np.int64),
        tokens=classes.tokens,
        token_degree=classes.token_degree,
        has_converged=error <= ACCEPTED,
    )


def merged(null: PopularityNull) -> PopularityNull:
    """Return the null with at most TOKEN_CLASSES_MERGED token classes, for a first look at very many pairs.

    Neighbours in popularity share a class, so that each class brings about the same part of an expected overlap
    (popularity squared) and the few popular tokens stay apart. A class has the root mean square of its tokens'
    probabilities: overlaps are sums of products, which that keeps where a plain mean would lower them.
    """
    most = TOKEN_CLASSES_MERGED
    if len(null.tokens) <= most:
        return null
    part = null.tokens * null.token_degree**2
    middle = (np.cumsum(part) - part / 2) / part.sum()
    _, into = np.unique((middle * most).astype(np.int64), return_inverse=True)
    tokens = np.bincount(into, null.tokens).astype(np.float64)
    squares = np.array([np.bincount(into, row * row * null.tokens) for row in null.probability])
    return replace(
        null,
        probability=np.sqrt(squares / tokens),
        tokens=tokens,
        token_degree=np.bincount(into, null.token_degree * null.tokens) / tokens,
    )


def _without_certain(classes: _Classes) -> tuple[Floats, Flags, Flags, _Classes]:
    """Set rows and columns that are full or empty to 1 or 0 until none is left: there x or y would be infinite or 0."""
    rows, columns = classes.wallet_degree.copy(), classes.token_degree.copy()
    probability = np.zeros((len(rows), len(columns)))
    wallets, tokens = np.ones(len(rows), dtype=np.bool_), np.ones(len(columns), dtype=np.bool_)
    while wallets.any() and tokens.any():
        full_tokens = tokens & (columns >= classes.wallets[wallets].sum())
        full_wallets = wallets & (rows >= classes.tokens[tokens].sum())
        empty_tokens, empty_wallets = tokens & (columns <= 0), wallets & (rows <= 0)
        if full_tokens.any():
            probability[np.ix_(wallets, full_tokens)] = 1.0
            rows[wallets] -= classes.tokens[full_tokens].sum()
            tokens &= ~full_tokens
        elif empty_tokens.any() or empty_wallets.any():
            tokens, wallets = tokens & ~empty_tokens, wallets & ~empty_wallets
        elif full_wallets.any():
            probability[np.ix_(full_wallets, tokens)] = 1.0
            columns[tokens] -= classes.wallets[full_wallets].sum()
            wallets &= ~full_wallets
        else:
            break
    rest = _Classes(
        rows[wallets], classes.wallets[wallets], columns[tokens], classes.tokens[tokens]
    )
    return probability, wallets, tokens, rest


def _fit(classes: _Classes) -> tuple[Floats, float]:
    """Return the probabilities of the open classes and the largest relative error of a degree.

    Newton on log x and log y with a halved step until the likelihood rises; 4 to 6 steps.
    """
    links = float((classes.wallet_degree * classes.wallets).sum())
    u, v = np.log(classes.wallet_degree / links**0.5), np.log(classes.token_degree / links**0.5)
    for _ in range(WARM_UP_STEPS):
        u = u + np.log(classes.wallet_degree / _over_tokens(_chances(u, v), classes))
        v = v + np.log(classes.token_degree / _over_wallets(_chances(u, v), classes))
    error = np.inf
    for _ in range(NEWTON_STEPS_MAX):
        chances = _chances(u, v)
        miss_u = classes.wallet_degree - _over_tokens(chances, classes)
        miss_v = classes.token_degree - _over_wallets(chances, classes)
        error = max(
            float(np.abs(miss_u / classes.wallet_degree).max()),
            float(np.abs(miss_v / classes.token_degree).max()),
        )
        if error < TOLERANCE:
            break
        step_u, step_v = _newton_step(
            chances, classes, classes.wallets * miss_u, classes.tokens * miss_v
        )
        u, v = _uphill(u, v, step_u, step_v, classes)
    return _chances(u, v), error


def _chances(u: Floats, v: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - 25 MB that only the pool's processes need

    return np.asarray(expit(u[:, None] + v), dtype=np.float64)


def _over_tokens(matrix: Floats, classes: _Classes) -> Floats:
    return np.asarray(np.einsum("rc,c->r", matrix, classes.tokens), dtype=np.float64)


def _over_wallets(matrix: Floats, classes: _Classes) -> Floats:
    return np.asarray(np.einsum("rc,r->c", matrix, classes.wallets), dtype=np.float64)


def _newton_step(
    chances: Floats, classes: _Classes, slope_u: Floats, slope_v: Floats
) -> tuple[Floats, Floats]:
    """Solve the Newton system by eliminating the wallets and conjugate gradients over the tokens.

    No dense solver: its bits would depend on the number of threads. The system is singular along (1, -1), which changes
    no probability; so the heaviest token class is pinned and the rest is positive definite.
    """
    spread = chances * (1 - chances) * classes.wallets[:, None] * classes.tokens
    own_u, own_v = spread.sum(axis=1), spread.sum(axis=0)
    pinned = int(own_v.argmax())
    step, rest = np.zeros(len(own_v)), slope_v - np.einsum("rc,r->c", spread, slope_u / own_u)
    rest[pinned] = 0.0
    direction = scaled = rest / own_v
    size = enough = float((rest * scaled).sum())
    for _ in range(CONJUGATE_STEPS_MAX):
        if size <= enough * SOLVED:
            break
        across = np.einsum("rc,c->r", spread, direction) / own_u
        image = own_v * direction - np.einsum("rc,r->c", spread, across)
        image[pinned] = 0.0
        length = size / float((direction * image).sum())
        step, rest = step + length * direction, rest - length * image
        scaled = rest / own_v
        previous, size = size, float((rest * scaled).sum())
        direction = scaled + size / previous * direction
    return (slope_u - np.einsum("rc,c->r", spread, step)) / own_u, step


def _uphill(
    u: Floats, v: Floats, step_u: Floats, step_v: Floats, classes: _Classes
) -> tuple[Floats, Floats]:
    start = _likelihood(u, v, classes)
    length = 1.0
    while length > NEWTON_STEP_SMALLEST:
        there = _likelihood(u + length * step_u, v + length * step_v, classes)
        if there >= start - TOLERANCE * abs(start):
            break
        length /= 2
    return u + length * step_u, v + length * step_v


def _likelihood(u: Floats, v: Floats, classes: _Classes) -> float:
    from scipy.special import log1p  # noqa: PLC0415 - as above

    total = u[:, None] + v
    soft = np.maximum(total, 0) + log1p(np.exp(-np.abs(total)))
    degrees_u = classes.wallets * classes.wallet_degree * u
    degrees_v = classes.tokens * classes.token_degree * v
    pairs = soft * classes.wallets[:, None] * classes.tokens
    return float(degrees_u.sum() + degrees_v.sum() - pairs.sum())
