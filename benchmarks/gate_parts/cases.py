"""The worlds of `./run bench gate`, each with its truth: who belongs together, and who only hears the same caller."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from gate_parts.behaviors import cohort, copier, crew, evader, followers, owners, washers
from gate_parts.worlds import DAY, SEASON, Books, Market

if TYPE_CHECKING:
    from collections.abc import Callable

Pair = tuple[str, str]
HOME: Final = 20  # the season that is asked about; others lie before and after it


@dataclass(frozen=True)
class Case:
    """Wallets that are asked about, wallets that the store knows of, and the truth."""

    kind: str
    seed: int
    asked: list[Books]
    stored: list[Books] = field(default_factory=list)
    truth: frozenset[Pair] = frozenset()
    signal: frozenset[Pair] = frozenset()  # followers of one public caller


def strangers(market: Market, count: int, tag: str) -> list[Books]:
    """Wallets that have nothing to do with each other."""
    return [market.trade(Books(f"{tag}{n:03}"), market.habits()) for n in range(count)]


def _plain(rng: np.random.Generator, kind: str, seed: int) -> Case:
    return Case(kind, seed, strangers(Market(rng, HOME), 60, "w"))


def _eras(rng: np.random.Generator, kind: str, seed: int) -> Case:
    markets = [Market(rng, HOME + n) for n in range(3)]
    return Case(kind, seed, [b for n, m in enumerate(markets) for b in strangers(m, 20, f"e{n}-")])


def _communities(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    topic = rng.integers(0, 3, len(market.launch))
    force = rng.uniform(3, 15)
    asked = [
        market.trade(Books(f"c{n:03}"), market.habits(taste=np.where(topic == n % 3, force, 1.0)))
        for n in range(60)
    ]
    return Case(kind, seed, asked)


def _dormant(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    first = int(rng.integers(0, SEASON // DAY - 4))
    days = np.zeros(SEASON // DAY)
    days[first : first + 3] = 1.0
    count = int(rng.integers(20, 41))
    asleep = [market.trade(Books(f"d{n:03}"), market.habits(days=days)) for n in range(count)]
    return Case(kind, seed, [*asleep, *strangers(market, int(rng.choice([0, 30])), "w")])


def _mania(rng: np.random.Generator, kind: str, seed: int) -> Case:
    return Case(kind, seed, strangers(Market(rng, HOME, mania=True), 60, "m"))


def _hours(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    middles = [market.hours(width=rng.uniform(0.7, 2.0)) for _ in range(5)]
    asked = []
    for n in range(60):
        fresh = float(rng.choice([0.0, 0.0, 30.0]))
        own = market.habits(hours=middles[n % 5], fresh=fresh)
        asked.append(market.trade(Books(f"h{n:03}"), own))
    return Case(kind, seed, asked)


def _snipers(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    count = int(rng.integers(4, 40))
    late = rng.uniform(3, 25)
    snipers = [market.trade(Books(f"s{n:03}"), market.habits(sniper_s=late)) for n in range(count)]
    return Case(kind, seed, [*snipers, *strangers(market, 60 - count, "w")])


def _copiers(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, truth = strangers(market, 40, "w"), set()
    for n in range(8):
        leader, followed = wallets[n], [f"w{n:03}"]
        for k in range(int(rng.integers(1, 4))):
            wallets.append(copier(market, leader, f"x{n:02}-{k}"))
            followed.append(f"x{n:02}-{k}")
        truth |= set(combinations(followed, 2))
    return Case(kind, seed, wallets, truth=frozenset(truth))


def _owners(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, truth = strangers(market, 35, "w"), set()
    for n in range(5):
        names = [f"o{n}-{k}" for k in range(int(rng.integers(2, 7)))]
        wallets += owners(market, names)
        truth |= set(combinations(names, 2))
    return Case(kind, seed, wallets, truth=frozenset(truth))


def _large(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    names = [f"o{n:02}" for n in range(int(rng.integers(10, 19)))]
    wallets = [*owners(market, names), *strangers(market, 40, "w")]
    return Case(kind, seed, wallets, truth=frozenset(combinations(names, 2)))


def _evaders(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, truth = strangers(market, 48, "w"), set()
    for n in range(10):
        wallets.append(evader(market, wallets[n], f"v{n:03}"))
        truth.add((f"v{n:03}", f"w{n:03}"))
    return Case(kind, seed, wallets, truth=frozenset(truth))


def _washers(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, truth = strangers(market, 40, "w"), set()
    for n in range(10):
        wallets += washers(market, f"z{n:02}-a", f"z{n:02}-b")
        truth.add((f"z{n:02}-a", f"z{n:02}-b"))
    return Case(kind, seed, wallets, truth=frozenset(truth))


def _few(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    leader = market.trade(Books("l000"), market.habits())
    asked = [leader, copier(market, leader, "x000")]
    asked += strangers(market, int(rng.integers(0, 4)), "w")
    stored = strangers(market, 200, "b")
    return Case(kind, seed, asked, stored, frozenset({("l000", "x000")}))


def _cohort(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    names = [f"f{n:03}" for n in range(30)]
    wallets, true = cohort(market, names, 2)
    truth = frozenset((names[a], names[b]) for a, b in true)
    return Case(kind, seed, wallets, strangers(market, 60, "b"), truth)


def _caller(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    names = [f"g{n:03}" for n in range(int(rng.integers(8, 26)))]
    wallets = [*followers(market, names), *strangers(market, 40, "w")]
    return Case(kind, seed, wallets, signal=frozenset(combinations(names, 2)))


def _crews(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, truth = strangers(market, 44, "w"), set()
    for n in range(2):
        names = [f"k{n}-{k}" for k in range(int(rng.integers(6, 11)))]
        wallets += crew(market, names)
        truth |= set(combinations(names, 2))
    return Case(kind, seed, wallets, truth=frozenset(truth))


def _callers(rng: np.random.Generator, kind: str, seed: int) -> Case:
    market = Market(rng, HOME)
    wallets, signal = strangers(market, 44, "w"), set()
    for n in range(4):
        names = [f"g{n}-{k}" for k in range(int(rng.integers(3, 6)))]
        wallets += followers(market, names)
        signal |= set(combinations(names, 2))
    return Case(kind, seed, wallets, signal=frozenset(signal))


CASES: Final[dict[str, Callable[[np.random.Generator, str, int], Case]]] = {
    "strangers": _plain,
    "eras": _eras,
    "communities": _communities,
    "dormant": _dormant,
    "mania": _mania,
    "hours": _hours,
    "snipers": _snipers,
    "copiers": _copiers,
    "owners": _owners,
    "evaders": _evaders,
    "washers": _washers,
    "few": _few,
    "cohort": _cohort,
    "caller": _caller,
    "large": _large,
    "crews": _crews,
    "callers": _callers,
}
NOBODY: Final = ("strangers", "eras", "communities", "dormant", "mania", "hours", "snipers")


def case(kind: str, seed: int, *, mixed: bool) -> Case:
    """The world of this kind and seed, alone or in a store that has seen other seasons first."""
    number = list(CASES).index(kind)
    made = CASES[kind](np.random.default_rng([seed, number]), kind, seed)
    return after_other_seasons(made) if mixed else made


def after_other_seasons(made: Case) -> Case:
    """The same world in a store that has seen other seasons first."""
    number = list(CASES).index(made.kind)
    others = _other_seasons(np.random.default_rng([made.seed, number, 1]))
    return replace(made, stored=[*made.stored, *others])


def with_few(made: Case) -> Case:
    """The same world when only 20 to 32 of its wallets are asked about and no other is stored.

    Up to half of them are of true pairs, the others tied to nobody.
    """
    rng = np.random.default_rng([made.seed, list(CASES).index(made.kind), 2])
    count, true = int(rng.integers(20, 33)), sorted(made.truth)
    tied = {name for pair in made.truth for name in pair}
    chosen: set[str] = set()
    for number in rng.permutation(len(true)).tolist():
        if len(chosen) < count // 2:
            chosen |= set(true[number])
    others = [books.name for books in made.asked if books.name not in tied]
    chosen |= set(rng.permutation(others)[: count - len(chosen)].tolist())
    pairs = frozenset(pair for pair in made.truth if chosen.issuperset(pair))
    heard = frozenset(pair for pair in made.signal if chosen.issuperset(pair))
    asked = [books for books in made.asked if books.name in chosen]
    return replace(made, asked=asked, stored=[], truth=pairs, signal=heard)


def _other_seasons(rng: np.random.Generator) -> list[Books]:
    """Wallets of one to eight other seasons: communities, dormant ones and a mania among them."""
    found: list[Books] = []
    seasons = rng.permutation([n for n in range(2 * HOME) if n not in {HOME, HOME + 1, HOME + 2}])
    for season in seasons[: int(rng.integers(1, 9))].tolist():
        market = Market(rng, season, mania=bool(rng.random() < 0.3))
        topic = rng.integers(0, 3, len(market.launch))
        taste = np.where(topic == 0, rng.uniform(2, 10), 1.0) if rng.random() < 0.4 else None
        for n in range(int(rng.integers(12, 50))):
            own = market.habits(taste=taste)
            if rng.random() < 0.2:
                days = np.zeros(SEASON // DAY)
                days[3:6] = 1.0
                own = replace(own, days=days)
            found.append(market.trade(Books(f"q{season}-{n:03}"), own))
    return found
