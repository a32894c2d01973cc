"""What balances and plain similarity of generated wallets truly are, pair by pair, in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known
from streamproc.sandbox.truth.rates import SolView, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamproc.json_types import Json
    from streamproc.sandbox.world.world import World

Vector = dict[str, Fraction]
SCORES: Final = (
    "capital",
    "binary",
    "idf",
    "jaccard",
    "ruzicka",
    "held_jaccard",
    "held_cosine",
    "held_traded_jaccard",
    "held_value_cosine",
)
LABELS: Final = ((0.7, "very high"), (0.5, "high"), (0.3, "moderate"), (0.15, "low"))
LOWEST_LABEL: Final = "very low"
STABLE_TREND_BELOW: Final = 0.01


def terms_of(world: World, *, since: int | None = None, until: int | None = None) -> Terms:
    """Return the world's prices and decimals, with a window if wanted."""
    return Terms(world.prices_usd, world.chain.decimals, since, until)


def true_balances(world: World, wallet: str) -> Json:
    """Return lamports and tokens (by mint; zeros dropped) as they are at the world's end."""
    tokens: dict[str, Json] = {}
    for address in world.chain.owned.get(wallet, ()):
        account = world.chain.token_accounts[address]
        if not account.amount:
            continue
        empty = {"mint": account.mint, "amount": 0, "accounts": 0, "frozen": False}
        token = tokens.setdefault(account.mint, empty)
        token["amount"] += account.amount
        token["accounts"] += 1
        token["frozen"] = token["frozen"] or account.frozen
    for mint, token in tokens.items():
        token["amount"] = str(token["amount"])
        token["decimals"] = world.chain.decimals[mint]
        token["price_usd"] = world.prices_usd.get(mint)
    rows = [tokens[mint] for mint in sorted(tokens)]
    return {"lamports": world.chain.lamports.get(wallet, 0), "tokens": rows}


@dataclass(frozen=True)
class Portrait:
    """A wallet as the scores see it."""

    address: str
    traded: frozenset[str]
    spent: Vector  # lamports of priced buys per mint
    held: Vector  # whole tokens per mint

    @property
    def capital(self) -> Vector:
        """Return each mint's share of all that was spent."""
        total = sum(self.spent.values(), Fraction())
        return {mint: cost / total for mint, cost in self.spent.items()} if total else {}


def portrait(world: World, wallet: str, excluded: frozenset[str]) -> Portrait:
    """Return what a wallet traded, paid and holds, without the excluded mints."""
    entries = world.entries(wallet)
    view = SolView(entries, terms_of(world))
    trades = [t for entry in entries for t in entry.trades if t.mint not in excluded]
    spent: Vector = {}
    for trade in trades:
        lamports, _ = view.of(trade)
        if trade.side == "buy" and lamports is not None:
            spent[trade.mint] = spent.get(trade.mint, Fraction()) + max(0, -lamports)
    held = {
        token["mint"]: Fraction(int(token["amount"]), 10 ** token["decimals"])
        for token in true_balances(world, wallet)["tokens"]
        if token["mint"] not in excluded and token["mint"] not in known.QUOTES
    }
    return Portrait(wallet, frozenset(trade.mint for trade in trades), spent, held)


def true_similarity(
    world: World,
    wallets: Sequence[str] | None = None,
    excluded: frozenset[str] = known.EXCLUDED_FROM_SIMILARITY,
) -> Json:
    """Return all pairs by addresses, each with its scores, and the figures of the whole set."""
    chosen = sorted(wallets if wallets is not None else world.addresses)
    portraits = [portrait(world, wallet, excluded | set(known.QUOTES)) for wallet in chosen]
    weights = _rarity(portraits)
    prices = {mint: Fraction(price) for mint, price in world.prices_usd.items()}
    pairs = [_pair(a, b, weights, prices) for a, b in combinations(portraits, 2)]
    return {"pairs": pairs, "set": _whole_set(pairs, portraits)}


def _rarity(portraits: list[Portrait]) -> Vector:
    """Return each mint's idf weight among these wallets."""
    mints = set().union(*(p.traded for p in portraits))
    counts = {mint: sum(1 for p in portraits if mint in p.traded) for mint in mints}
    return {m: Fraction(math.log((1 + len(portraits)) / (1 + n)) + 1) for m, n in counts.items()}


def _pair(a: Portrait, b: Portrait, weights: Vector, prices: Mapping[str, Fraction]) -> Json:
    value_a, value_b = (
        {mint: amount * prices[mint] for mint, amount in p.held.items() if mint in prices}
        for p in (a, b)
    )
    held_a, held_b = frozenset(a.held), frozenset(b.held)
    scores = {
        "capital": cosine(a.capital, b.capital),
        "binary": cosine(_ones(a.traded), _ones(b.traded)),
        "idf": cosine({m: weights[m] for m in a.traded}, {m: weights[m] for m in b.traded}),
        "jaccard": jaccard(a.traded, b.traded),
        "ruzicka": ruzicka(a.capital, b.capital),
        "held_jaccard": jaccard(held_a, held_b),
        "held_cosine": cosine(_ones(held_a), _ones(held_b)),
        "held_traded_jaccard": jaccard(held_a & a.traded, held_b & b.traded),
        "held_value_cosine": cosine(value_a, value_b),
    }
    shared, fewer = a.traded & b.traded, min(len(a.traded), len(b.traded))
    return {
        "wallet_a": a.address,
        "wallet_b": b.address,
        "scores": scores,
        "shared_tokens": len(shared),
        "tokens_a": len(a.traded),
        "tokens_b": len(b.traded),
        "overlap": len(shared) / fewer if fewer else None,
        "label": _label(scores["binary"], scores["capital"]),
        "trend": _trend(scores["held_jaccard"], scores["jaccard"]),
    }


def _ones(mints: frozenset[str]) -> Vector:
    return dict.fromkeys(mints, Fraction(1))


def cosine(a: Vector, b: Vector) -> float | None:
    """Return the cosine of two vectors without negative parts, within 0..1; None when one is zero."""
    length_a, length_b = (sum((x * x for x in vector.values()), Fraction()) for vector in (a, b))
    if not length_a or not length_b:
        return None
    dot = sum((x * b[mint] for mint, x in a.items() if mint in b), Fraction())
    return min(1.0, max(0.0, math.sqrt(dot * dot / (length_a * length_b))))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float | None:
    """Return shared over all; None for two empty sets."""
    return len(a & b) / len(a | b) if a | b else None


def ruzicka(a: Vector, b: Vector) -> float | None:
    """Return the sum of smaller over the sum of larger parts; None for two zero vectors."""
    mints = a.keys() | b.keys()
    pairs = [(a.get(mint, Fraction()), b.get(mint, Fraction())) for mint in mints]
    larger = sum((max(pair) for pair in pairs), Fraction())
    return float(sum((min(pair) for pair in pairs), Fraction()) / larger) if larger else None


def _label(binary: float | None, capital: float | None) -> str | None:
    if binary is None or capital is None:
        return None
    mixed = 0.4 * binary + 0.6 * capital
    return next((label for least, label in LABELS if mixed >= least), LOWEST_LABEL)


def _trend(held: float | None, traded: float | None) -> str | None:
    if held is None or traded is None:
        return None
    change = held - traded
    if abs(change) < STABLE_TREND_BELOW:
        return "stable"
    return "converging" if change > 0 else "diverging"


def _whole_set(pairs: list[Json], portraits: list[Portrait]) -> Json:
    found = {
        name: [p["scores"][name] for p in pairs if p["scores"][name] is not None] for name in SCORES
    }
    mints = set().union(*(p.traded for p in portraits))
    counts = {mint: sum(1 for p in portraits if mint in p.traded) for mint in mints}
    return {
        "mean": {
            name: math.fsum(values) / len(values) if values else None
            for name, values in found.items()
        },
        "median": {name: _middle(values) for name, values in found.items()},
        "shared_tokens": {mint: count for mint, count in counts.items() if count > 1},
        "wallets_without_trades": [p.address for p in portraits if not p.traded],
    }


def _middle(values: list[float]) -> float | None:
    if not values:
        return None
    ordered, half = sorted(values), len(values) // 2
    return (ordered[half] + ordered[-half - 1]) / 2
