"""Worlds made for similarity: wallets that trade by popularity, some of which copy half of what another one trades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamproc.core.similarity import HeldMint, SimilarityInputs, TradedMint, WalletRow

WALLETS = 60
TOKENS = 2000
PLANTED = 25
HELD_SHARE = 0.2  # of what a wallet traded it still holds
SIZE_SPREAD = 1.5  # of the logarithm of what a purchase costs
DAY_S = 86_400


@dataclass(frozen=True)
class Recipe:
    """How a world is made; equal recipes make equal worlds."""

    seed: int
    zipf: float  # popularity of the token of rank r is r ** -zipf
    planted: int = PLANTED  # pairs of a leader and who copies half of its tokens
    wallets: int = WALLETS
    tokens: int = TOKENS
    typical: int = 30  # tokens a wallet trades
    spread: float = 0.8  # of its logarithm


@dataclass(frozen=True)
class Planted:
    """A world and the pairs that are no accident."""

    inputs: SimilarityInputs
    truth: frozenset[tuple[str, str]]


def planted_world(recipe: Recipe) -> Planted:
    """Make the world."""
    generator = np.random.default_rng(recipe.seed)
    popularity = np.arange(1.0, recipe.tokens + 1) ** -recipe.zipf
    popularity /= popularity.sum()
    counts = np.exp(generator.normal(np.log(recipe.typical), recipe.spread, recipe.wallets))
    sets = [
        set(generator.choice(recipe.tokens, count, replace=False, p=popularity).tolist())
        for count in np.clip(counts.astype(int), 3, recipe.tokens // 4).tolist()
    ]
    pairs = [(n, n + 1) for n in range(0, 2 * recipe.planted, 2)]
    for leader, copier in pairs:
        sets[copier] = _copied(generator, sets[leader], sets[copier])
    rows = tuple(_row(generator, number, sorted(tokens)) for number, tokens in enumerate(sets))
    truth = frozenset((rows[a].address, rows[b].address) for a, b in pairs)
    return Planted(SimilarityInputs(rows, f"world {recipe.seed} {recipe.zipf}"), truth)


def _copied(generator: np.random.Generator, lead: set[int], own: set[int]) -> set[int]:
    """The copier's tokens: as many as before, half of them (at most all of the leader's) the leader's."""
    copies = round(0.5 * min(len(lead), len(own)))
    copied = set(generator.choice(sorted(lead), copies, replace=False).tolist())
    rest = generator.permutation(sorted(own - copied))[: len(own) - len(copied)]
    return copied | set(rest.tolist())


def _row(generator: np.random.Generator, number: int, tokens: list[int]) -> WalletRow:
    """A wallet that bought each of these tokens for some amount, some time."""
    costs = np.exp(generator.normal(20, SIZE_SPREAD, len(tokens))).astype(int).tolist()
    times = generator.integers(0, 30 * DAY_S, len(tokens)).tolist()
    held = generator.random(len(tokens)) < HELD_SHARE
    return WalletRow(
        f"wallet-{number:04}",
        tuple(
            TradedMint(f"mint-{token:06}", 2, cost, at, at * 2, f"{number}/{token}")
            for token, cost, at in zip(tokens, costs, times, strict=True)
        ),
        tuple(
            HeldMint(f"mint-{token:06}", cost / 1e9)
            for token, cost, is_held in zip(tokens, costs, held.tolist(), strict=True)
            if is_held
        ),
    )
