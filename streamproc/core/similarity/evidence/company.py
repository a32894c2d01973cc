"""The level from which a pair must stand out: what both wallets already have in common with the rest of their company.

A taste, a habit or a pump that many share lifts all pairs of those who share it. So what is expected of a pair is
multiplied by how far each of the two wallets exceeds it with its COMPANY_RANK-th nearest other partner; of those the
larger counts, and never less than 1. A partner's excess is taken at the lower end of its error, so that the nearest of
many strangers lift nothing. Up to COMPANY_RANK wallets that act together cannot lift one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COMPANY_RANK: Final = 8
LEAST_EXPECTED: Final = 0.05  # below, a single count would be a huge excess


def levels(
    seen: NDArray[np.integer],
    expected: Floats,
    wallet_a: NDArray[np.int64],
    wallet_b: NDArray[np.int64],
) -> Floats:
    """Return each pair's level, (P,), at least 1.

    `seen` and `expected` are (W, company), the request's wallets first in both; with a company of at most
    COMPANY_RANK + 1 wallets there is no level but 1.
    """
    own = Excess(seen, expected)
    return np.maximum(own.without(wallet_a, wallet_b), own.without(wallet_b, wallet_a))


class Excess:
    """By how much each wallet of the request exceeds what is expected with the others of its company."""

    def __init__(self, seen: NDArray[np.integer], expected: Floats) -> None:
        """Take what is seen and expected, both (W, company)."""
        asked, company = seen.shape
        self._is_alone = company < COMPANY_RANK + 2
        if self._is_alone:
            return
        excess = np.maximum(np.sqrt(seen) - 0.5, 0.0) ** 2 / np.maximum(expected, LEAST_EXPECTED)
        excess[np.arange(asked), np.arange(asked)] = -1.0
        ranked = -np.partition(-excess, (COMPANY_RANK - 1, COMPANY_RANK), axis=1)
        self._excess = excess
        self._among, self._after = ranked[:, COMPANY_RANK - 1], ranked[:, COMPANY_RANK]

    def without(self, wallet: NDArray[np.int64], partner: NDArray[np.int64]) -> Floats:
        """Return the wallets' excess with the COMPANY_RANK-th nearest beside these partners, (P,), at least 1."""
        if self._is_alone:
            return np.ones(len(wallet))
        is_counted = self._excess[wallet, partner] >= self._among[wallet]
        found = np.where(is_counted, self._after[wallet], self._among[wallet])
        return np.asarray(np.maximum(found, 1.0), dtype=np.float64)
