"""How often each wallet of every pair came first, among the mints that both bought within ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamproc.core.similarity.evidence.direction import WINDOW_S
from streamproc.core.similarity.scores.pairs import meetings, pair_count
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Mints in which the first (second) wallet of each pair came first, both (P,); the same slot is neither."""

    first_a: NDArray[np.int32]
    first_b: NDArray[np.int32]


def orders_of(rows: Rows) -> Orders:
    """Return the counts of all pairs."""
    wallets, traded = len(rows.wallets), rows.traded
    first_a, first_b = np.zeros((2, pair_count(wallets)), dtype=np.int32)
    for met in meetings(traded.columns, wallets):
        at_a, at_b = traded.bought_at[met.entry_a], traded.bought_at[met.entry_b]
        near = (at_a != NEVER) & (at_b != NEVER) & (np.abs(at_b - at_a) <= WINDOW_S)
        place, a, b = met.place[near], met.entry_a[near], met.entry_b[near]
        order = traded.bought_slot[b] - traded.bought_slot[a]
        size = met.pairs.stop - met.pairs.start
        first_a[met.pairs] += np.bincount(place[order > 0], minlength=size)
        first_b[met.pairs] += np.bincount(place[order < 0], minlength=size)
    return Orders(first_a, first_b)
