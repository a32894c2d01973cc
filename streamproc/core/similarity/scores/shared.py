"""Which mints two wallets share, down to the entries of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.core.similarity.scores.rows import Columns
    from streamproc.json_types import Json


@dataclass(frozen=True, slots=True, eq=False)
class WalletEntries:
    """The same matrix by wallets: which entries are a wallet's, ascending by mint."""

    start: NDArray[np.int64]  # (W + 1,)
    entry: NDArray[np.int64]  # (entries,)
    mint: NDArray[np.int64]  # (entries,) column number of each entry, in the matrix's own order


def wallet_entries(columns: Columns, wallets: int) -> WalletEntries:
    """Return the entries of a column matrix ordered by wallet, inside a wallet by mint."""
    counts = np.bincount(columns.wallet, minlength=wallets)
    return WalletEntries(
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        entry=np.argsort(columns.wallet, kind="stable").astype(np.int64),
        mint=columns.mint(),
    )


def shared_entries(
    entries: WalletEntries, wallet_a: int, wallet_b: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the entries of both wallets in the mints that both have, both (shared,), ascending by mint."""
    own_a = entries.entry[entries.start[wallet_a] : entries.start[wallet_a + 1]]
    own_b = entries.entry[entries.start[wallet_b] : entries.start[wallet_b + 1]]
    _, at_a, at_b = np.intersect1d(
        entries.mint[own_a], entries.mint[own_b], assume_unique=True, return_indices=True
    )
    return own_a[at_a], own_b[at_b]


def top_shared(met: Meeting) -> list[Json]:
    """Return `{mint, weight_a, weight_b}` of at most TOP_SHARED_MAX shared mints.

    A weight is the wallet's capital share in the mint, 0..1, 0 when its buys were unpriced. The mints with the largest
    smaller weight (what both put in) come first, then the larger weight decides, then the mint's address.
    """
    capital = met.traded.capital
    weight_a, weight_b = capital[met.entry_a], capital[met.entry_b]
    smaller, larger = np.minimum(weight_a, weight_b), np.maximum(weight_a, weight_b)
    order = np.lexsort((-larger, -smaller))[: limits.TOP_SHARED_MAX].astype(np.int64)
    cells = zip(met.names(order), weight_a[order].tolist(), weight_b[order].tolist(), strict=True)
    return [{"mint": mint, "weight_a": a, "weight_b": b} for mint, a, b in cells]
