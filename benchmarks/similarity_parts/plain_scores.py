"""The nine scores read plainly from their definitions, with dictionaries and loops: what the fast ones must equal."""

from __future__ import annotations

from itertools import combinations
from math import log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamproc.core.similarity import SimilarityInputs, WalletRow

Weights = dict[str, float]
Scores = dict[str, float | None]


def plain_scores(inputs: SimilarityInputs) -> Iterator[tuple[str, str, Scores]]:
    """Every pair by address, with its nine scores."""
    wallets = sorted(inputs.wallets, key=lambda wallet: wallet.address)
    traders: dict[str, int] = {}
    for wallet in wallets:
        for row in wallet.traded:
            traders[row.mint] = traders.get(row.mint, 0) + 1
    idf = {mint: log((1 + len(wallets)) / (1 + d)) + 1 for mint, d in traders.items()}
    vectors = [_Vectors(wallet, idf) for wallet in wallets]
    for a, b in combinations(vectors, 2):
        yield a.address, b.address, a.scores_with(b)


class _Vectors:
    """One wallet's weights by mint."""

    def __init__(self, wallet: WalletRow, idf: Mapping[str, float]) -> None:
        self.address = wallet.address
        spent = sum(row.buy_cost_lamports for row in wallet.traded)
        costs = {row.mint: row.buy_cost_lamports for row in wallet.traded if row.trades}
        self.capital = {m: cost / spent for m, cost in costs.items() if cost} if spent else {}
        self.binary = dict.fromkeys(costs, 1.0)
        self.idf = {mint: idf[mint] for mint in costs}
        held = {token.mint: token.value_usd or 0.0 for token in wallet.held or ()}
        self.held = dict.fromkeys(held, 1.0)
        self.both = {mint: 1.0 for mint in held if mint in costs}
        self.value = {mint: value for mint, value in held.items() if value}

    def scores_with(self, other: _Vectors) -> Scores:
        """The nine scores of this wallet and another."""
        return {
            "capital": _cosine(self.capital, other.capital),
            "binary": _cosine(self.binary, other.binary),
            "idf": _cosine(self.idf, other.idf),
            "jaccard": _jaccard(self.binary, other.binary),
            "ruzicka": _jaccard(self.capital, other.capital),
            "held_jaccard": _jaccard(self.held, other.held),
            "held_cosine": _cosine(self.held, other.held),
            "held_traded_jaccard": _jaccard(self.both, other.both),
            "held_value_cosine": _cosine(self.value, other.value),
        }


def _cosine(a: Weights, b: Weights) -> float | None:
    """Cosine of two vectors, None when one is zero."""
    if not a or not b:
        return None
    dot = sum(weight * b[mint] for mint, weight in a.items() if mint in b)
    return dot / sqrt(sum(w * w for w in a.values()) * sum(w * w for w in b.values()))


def _jaccard(a: Weights, b: Weights) -> float | None:
    """Sum of minima by sum of maxima, None when both are empty; of sets it is Jaccard's index."""
    if not a and not b:
        return None
    low = sum(min(weight, b[mint]) for mint, weight in a.items() if mint in b)
    return low / (sum(a.values()) + sum(b.values()) - low)
