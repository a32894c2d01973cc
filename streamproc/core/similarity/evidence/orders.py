"""How often each wallet of every pair came first, among the mints that both bought within ten minutes, or a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamproc.core.similarity.evidence.direction import DAY_S, WINDOW_S
from streamproc.core.similarity.scores.pairs import meetings, pair_count
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Mints in which the first (second) wallet of each pair came first, all (P,); the same slot is neither."""

    first_a: NDArray[np.int32]  # within WINDOW_S
    first_b: NDArray[np.int32]
    day_a: NDArray[np.int32]  # within DAY_S
    day_b: NDArray[np.int32]


def orders_of(rows: Rows) -> Orders:
    """Return the counts of all pairs."""
    wallets, traded = len(rows.wallets), rows.traded
    found = np.zeros((4, pair_count(wallets)), dtype=np.int32)
    for met in meetings(traded.columns, wallets):
        at_a, at_b = traded.bought_at[met.entry_a], traded.bought_at[met.entry_b]
        apart_s = np.abs(at_b - at_a)
        near = (at_a != NEVER) & (at_b != NEVER) & (apart_s <= DAY_S)
        place, a, b = met.place[near], met.entry_a[near], met.entry_b[near]
        order, is_soon = traded.bought_slot[b] - traded.bought_slot[a], apart_s[near] <= WINDOW_S
        size = met.pairs.stop - met.pairs.start
        counted = ((order > 0) & is_soon, (order < 0) & is_soon, order > 0, order < 0)
        for number, each in enumerate(counted):
            found[number, met.pairs] += np.bincount(place[each], minlength=size)
    return Orders(*found)
