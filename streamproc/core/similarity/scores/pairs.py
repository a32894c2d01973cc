"""All pairs of W wallets as one flat axis, and the sums over the mints that two wallets share.

Pair (a, b), a < b, is number `a * (2 W - a - 1) / 2 + b - a - 1`: the order of addresses. A pair's sum runs over its
mints one after the other, ascending, without BLAS: the same bits for any number of threads. A wallet's own sum runs in
that same order, so equal wallets get equal sums to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.scores.shared import wallet_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Where one wallet meets later ones: a shared mint each, ascending by mint; arrays are (meetings,)."""

    pairs: slice  # the wallet's pairs with all later ones
    place: NDArray[np.int64]  # which of those pairs each meeting belongs to
    entry_a: NDArray[np.int64]  # the matrix entry of the wallet
    entry_b: NDArray[np.int64]  # and of the later one


def pair_count(wallets: int) -> int:
    """Return how many pairs that many wallets make; 0 for fewer than two."""
    return wallets * (wallets - 1) // 2


def pairs_of(wallet: int, wallets: int) -> slice:
    """Return the numbers of a wallet's pairs with all later ones."""
    first = wallet * (2 * wallets - wallet - 1) // 2
    return slice(first, first + wallets - wallet - 1)


def pair_wallets(wallets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row numbers (a, b) of every pair, both (pairs,), in the order of pair numbers."""
    wallet_a, wallet_b = np.triu_indices(wallets, k=1)
    return wallet_a.astype(np.int64), wallet_b.astype(np.int64)


def meetings(columns: Columns, wallets: int) -> Iterator[Meetings]:
    """Yield all meetings, wallet by wallet, about MEETINGS_PER_CHUNK at once (at most one mint's more)."""
    later = _later_in_same_mint(columns)
    by_wallet = wallet_entries(columns, wallets)
    for wallet in range(wallets):
        own = by_wallet.entry[by_wallet.start[wallet] : by_wallet.start[wallet + 1]]
        for part in _parts(later[own]):
            entry, counts = own[part], later[own[part]]
            ends = np.cumsum(counts)
            entry_a = np.repeat(entry, counts)
            entry_b = np.arange(len(entry_a)) + np.repeat(entry + 1 - (ends - counts), counts)
            place = columns.wallet[entry_b] - wallet - 1
            yield Meetings(pairs_of(wallet, wallets), place, entry_a, entry_b)


def _later_in_same_mint(columns: Columns) -> NDArray[np.int64]:
    """Return how many later wallets share each entry's mint, (entries,)."""
    ends = np.repeat(columns.start[1:], np.diff(columns.start))
    return ends - np.arange(len(columns.wallet)) - 1


def _parts(counts: NDArray[np.int64]) -> Iterator[slice]:
    before = np.cumsum(counts) // limits.MEETINGS_PER_CHUNK
    edges = [0, *(np.flatnonzero(np.diff(before)) + 1).tolist(), len(counts)]
    return (slice(first, last) for first, last in pairwise(edges))


class PairSums:
    """Sums over mints of a symmetric term: per wallet of its own entries, per pair of its meetings."""

    def __init__(self, columns: Columns, wallets: int, own_terms: NDArray[np.float64]) -> None:
        self.of_pairs = np.zeros(pair_count(wallets))
        own = np.bincount(columns.wallet, own_terms, minlength=wallets)
        self.of_wallets = own.astype(np.float64)

    def add(self, met: Meetings, terms: NDArray[np.float64]) -> None:
        """Add a term per meeting, one after the other."""
        np.add.at(self.of_pairs[met.pairs], met.place, terms)

    def sides(
        self, wallet_a: NDArray[np.int64], wallet_b: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sums of the first and the second wallet of each pair, both (pairs,)."""
        return self.of_wallets[wallet_a], self.of_wallets[wallet_b]
