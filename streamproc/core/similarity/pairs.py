"""All pairs of W wallets as one flat axis, and the sums over the mints that two wallets share.

Pair (a, b), a < b, is number `a * (2 W - a - 1) / 2 + b - a - 1`: the order of addresses. Sums run mint by mint in a
fixed order, without BLAS, so they have the same bits for any number of threads; and the sums of single wallets run in
that same order, so that equal wallets get equal sums to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamproc.core.similarity.rows import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Two wallets meet in a mint: the entries of both and their pair, all (meetings,).

    `entries` is the slice of the matrix's entries whose mints these meetings are about.
    """

    entries: slice
    entry_a: NDArray[np.int64]
    entry_b: NDArray[np.int64]
    pair: NDArray[np.int64]


def pair_count(wallets: int) -> int:
    """Return how many pairs that many wallets make; 0 for fewer than two."""
    return wallets * (wallets - 1) // 2


def pair_offsets(wallets: int) -> NDArray[np.int64]:
    """Return what to add to b for the number of pair (a, b), by a, (W,)."""
    first = np.arange(wallets)
    return np.asarray(first * (2 * wallets - first - 1) // 2 - first - 1, dtype=np.int64)


def pair_wallets(wallets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row numbers (a, b) of every pair, both (pairs,), in the order of pair numbers."""
    wallet_a, wallet_b = np.triu_indices(wallets, k=1)
    return wallet_a.astype(np.int64), wallet_b.astype(np.int64)


def meetings(columns: Columns, wallets: int) -> Iterator[Meetings]:
    """Yield all meetings, whole mints at a time, at most MEETINGS_PER_CHUNK of them (or one mint's) at once."""
    per_entry = _later_in_same_mint(columns)
    offset = pair_offsets(wallets)[columns.wallet]
    for first, last in _chunks(columns, per_entry):
        entries = slice(int(columns.start[first]), int(columns.start[last]))
        counts = per_entry[entries]
        own = np.arange(entries.start, entries.stop)
        ends = np.cumsum(counts)
        entry_a = np.repeat(own, counts)
        entry_b = np.arange(len(entry_a)) + np.repeat(own + 1 - (ends - counts), counts)
        pair = np.repeat(offset[entries], counts) + columns.wallet[entry_b]
        yield Meetings(entries=entries, entry_a=entry_a, entry_b=entry_b, pair=pair)


def _later_in_same_mint(columns: Columns) -> NDArray[np.int64]:
    ends = np.repeat(columns.start[1:], np.diff(columns.start))
    return ends - np.arange(len(columns.wallet)) - 1


def _chunks(columns: Columns, per_entry: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (first mint, end mint) of each chunk."""
    before = np.concatenate([[0], np.cumsum(per_entry)])[columns.start]  # meetings before each mint
    first, mints = 0, len(columns.mints)
    while first < mints:
        fit = (
            int(np.searchsorted(before, before[first] + limits.MEETINGS_PER_CHUNK, side="right"))
            - 1
        )
        last = min(mints, max(first + 1, fit))
        yield first, last
        first = last


class PairSums:
    """Sums over mints of products or other symmetric terms, per pair and per wallet, in one fixed order."""

    def __init__(self, wallets: int) -> None:
        self.of_pairs = np.zeros(pair_count(wallets))
        self.of_wallets = np.zeros(wallets)

    def add(
        self,
        meeting: Meetings,
        wallet: NDArray[np.int64],
        pair_terms: NDArray[np.float64],
        wallet_terms: NDArray[np.float64],
    ) -> None:
        """Add one chunk: a term per meeting, and a term per entry of the chunk (`wallet`: all entries' rows)."""
        self.of_pairs += np.bincount(meeting.pair, pair_terms, minlength=len(self.of_pairs))
        own = wallet[meeting.entries]
        self.of_wallets += np.bincount(own, wallet_terms, minlength=len(self.of_wallets))

    def sides(
        self, wallet_a: NDArray[np.int64], wallet_b: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sums of the first and the second wallet of each pair, both (pairs,)."""
        return self.of_wallets[wallet_a], self.of_wallets[wallet_b]
