"""One decision per pair: the kinds of evidence put together, and which pairs are more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.chance import Chance

Q_MAX: Final = 0.05

TESTED: Final = 0
NO_SHARED_TOKEN: Final = 1
TOO_FEW_WALLETS: Final = 2
REASONS: Final = (
    "",
    "they share no token",
    "too few wallets are known to say what is popular; it becomes testable as the store fills",
)


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """The decision on every pair. Arrays are (P,) by pair number."""

    p: NDArray[np.float64]  # all kinds together, 0..1; NaN where nothing could be tested
    q: NDArray[np.float64]  # Benjamini-Hochberg over the request's pairs, 0..1
    is_gated: NDArray[np.bool_]  # more than chance
    by_chance: NDArray[np.bool_]  # the overlap alone would do
    by_timing: NDArray[np.bool_]  # the timing alone would do
    is_signal: NDArray[np.bool_]  # gated, and many others did the same at the same times
    untested: NDArray[np.int8]  # place in REASONS; TESTED for tested pairs


def gate_of(chance: Chance, shared: NDArray[np.int64]) -> Gate:
    """Return the decision on all pairs."""
    none = np.zeros(len(shared), dtype=np.bool_)
    reason = TOO_FEW_WALLETS if chance.untested is not None else TESTED
    untested = np.where(shared > 0, reason, TESTED).astype(np.int8)
    return Gate(
        p=chance.p,
        q=chance.q,
        is_gated=chance.is_gated,
        by_chance=chance.is_gated,
        by_timing=none,
        is_signal=none,
        untested=untested,
    )
