"""What two wallets share, cut out of the matrices once and handed to each question about the pair."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Traded


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """A pair of wallets and its shared mints, ascending by mint address; arrays are (shared,)."""

    traded: Traded
    wallet_a: str
    wallet_b: str
    mint: NDArray[np.int64]  # column numbers
    entry_a: NDArray[np.int64]
    entry_b: NDArray[np.int64]
    idf: NDArray[np.float64]  # weights of the mints
    rarest: NDArray[np.int64]  # all positions, the largest weight first, then by mint

    def both_bought(self) -> NDArray[np.bool_]:
        """Which shared mints both wallets bought at a known time."""
        at = self.traded.bought_at
        both = (at[self.entry_a] != NEVER) & (at[self.entry_b] != NEVER)
        return np.asarray(both, dtype=np.bool_)

    def lag_s(self) -> NDArray[np.int64]:
        """How many seconds the second wallet bought after the first; meaningless where not both bought."""
        at = self.traded.bought_at
        return at[self.entry_b] - at[self.entry_a]

    def names(self, order: NDArray[np.int64]) -> list[str]:
        """Return the addresses of the mints at these positions."""
        return [self.traded.columns.mints[number] for number in self.mint[order].tolist()]

    def carriers(self, order: NDArray[np.int64]) -> tuple[list[str], list[str]]:
        """Return the mints at the first positions of `order`, and the first buys of both wallets in them.

        At most EVIDENCE_MINTS_MAX and EVIDENCE_SIGNATURES_MAX; a wallet that never bought a mint has none there.
        """
        order = order[: limits.EVIDENCE_MINTS_MAX]
        mints = self.names(order)
        found = self.traded.bought_signature
        entries = zip(self.entry_a[order].tolist(), self.entry_b[order].tolist(), strict=True)
        both = (found[entry] for pair in entries for entry in pair)
        known = (signature for signature in both if signature is not None)
        return mints, list(islice(known, limits.EVIDENCE_SIGNATURES_MAX))
