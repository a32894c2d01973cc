"""A market and the wallets in it, with a known truth: what `./run bench gate` measures the gate on.

A token lives for hours or days from its launch, is as popular as a heavy tail says, and has moments at which everybody
looks at it. A wallet trades at its own hours on its own days, and picks each time one of the tokens that live then.
Everything is drawn from the seed, the market's own habits too: how heavy the tail is, how long tokens live, how active
wallets are. Nothing of it is shared with the sandbox's world or with the method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

HOUR: Final = 3600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
EPOCH: Final = 1_750_000_000  # when season 0 begins
SEASON: Final = 4 * WEEK
NEVER: Final = -1
PUMP_S: Final = 20 * 60


@dataclass
class Books:
    """What one wallet traded: mint -> [first buy, first sale] in unix seconds, NEVER for none."""

    name: str
    rows: dict[int, list[int]] = field(default_factory=dict)

    def buy(self, mint: int, at: float) -> None:
        """Buy; only the first time is remembered."""
        row = self.rows.setdefault(int(mint), [NEVER, NEVER])
        row[0] = int(at) if row[0] == NEVER else min(row[0], int(at))

    def sell(self, mint: int, at: float) -> None:
        """Sell."""
        row = self.rows.setdefault(int(mint), [NEVER, NEVER])
        row[1] = int(at) if row[1] == NEVER else min(row[1], int(at))

    def bought(self) -> list[tuple[int, int]]:
        """Tokens that were bought, with the time, in the order of time."""
        return sorted(
            ((m, r[0]) for m, r in self.rows.items() if r[0] != NEVER), key=lambda x: x[1]
        )


@dataclass(frozen=True)
class Habits:
    """How a wallet trades."""

    tokens: int
    days: Floats  # weight of each day of the season
    hours: Floats  # weight of each hour of the day
    taste: Floats | None = None  # factor of each token
    fresh: float = 0.0  # above 0: how many times more a token of the last ten minutes attracts
    sniper_s: float = 0.0  # above 0: buys launches, so many seconds late on average


class Market:
    """Tokens of one season."""

    def __init__(self, rng: np.random.Generator, season: int, *, mania: bool = False) -> None:
        self.rng = rng
        self.season = season
        self.begin = EPOCH + season * SEASON
        count = int(rng.integers(900, 2600))
        self.launch = np.sort(self.begin + rng.uniform(-0.3, 1.0, count) * SEASON)
        self.life = np.exp(
            rng.normal(np.log(rng.uniform(8, 60) * HOUR), rng.uniform(0.6, 1.4), count)
        )
        rank = rng.permutation(count) + 1.0
        self.weight = rank ** -rng.uniform(0.4, 1.0)
        self.pumps = self.launch + rng.exponential(0.5, count) * self.life
        self.pump_force = rng.uniform(0, 6)
        self.typical = rng.uniform(35, 90)
        self.spread = rng.uniform(0.4, 0.8)
        self.mania: tuple[float, float] | None = None
        if mania:
            first = self.begin + rng.uniform(0.2, 0.6) * SEASON
            self.mania = (first, first + WEEK)
            hot = (self.launch > first - DAY) & (self.launch < first + WEEK)
            chosen = np.flatnonzero(hot)[: int(rng.integers(15, 60))]
            self.weight[chosen] = self.weight.max() * rng.uniform(2, 8, len(chosen))
            self.life[chosen] = rng.uniform(0.5, 3, len(chosen)) * DAY
        self.first_number = season * 100_000

    def numbers(self, places: Whole | int) -> Whole:
        """The names of tokens by their place."""
        return np.asarray(places, dtype=np.int64) + self.first_number

    def pick(self, at: Floats, habits: Habits) -> Whole:
        """One token that lives at each of these times, (n,); -1 where none does."""
        age = at[:, None] - self.launch[None, :]
        with np.errstate(over="ignore", under="ignore"):
            force = np.where(age >= 0, self.weight * np.exp(-np.maximum(age, 0) / self.life), 0.0)
        force = force * (1 + self.pump_force * (np.abs(at[:, None] - self.pumps) < PUMP_S))
        if habits.taste is not None:
            force = force * habits.taste
        if habits.fresh:
            force = force * np.where(age < 600, habits.fresh, 1.0)
        total = np.cumsum(force, axis=1)
        drawn = self.rng.random(len(at)) * total[:, -1]
        found = (total < drawn[:, None]).sum(axis=1)
        return np.where(total[:, -1] > 1e-12, np.minimum(found, len(self.launch) - 1), -1)

    def times(self, habits: Habits, count: int) -> Floats:
        """When a wallet trades, (count,)."""
        days = self.rng.choice(len(habits.days), count, p=habits.days / habits.days.sum())
        hours = self.rng.choice(24, count, p=habits.hours / habits.hours.sum())
        return np.asarray(self.begin + days * DAY + (hours + self.rng.random(count)) * HOUR)

    def trade(self, books: Books, habits: Habits) -> Books:
        """Let a wallet trade by its habits."""
        count = max(3, habits.tokens)
        if habits.sniper_s:
            self._snipe(books, habits, count)
            return books
        at = np.sort(self.times(habits, int(count * 1.6) + 2))
        for place, moment in zip(self.pick(at, habits).tolist(), at.tolist(), strict=True):
            if place >= 0 and len(books.rows) < count:
                self._hold(books, place, moment)
        return books

    def habits(self, **changes: object) -> Habits:
        """An ordinary wallet's."""
        rng = self.rng
        count = int(np.clip(np.exp(rng.normal(np.log(self.typical), self.spread)), 20, 300))
        days = rng.gamma(0.8, 1.0, SEASON // DAY) + 0.05
        if self.mania is not None:
            day = np.arange(len(days)) * DAY + self.begin
            days = days * np.where((day >= self.mania[0] - DAY) & (day < self.mania[1]), 8.0, 1.0)
        values: dict[str, object] = {"tokens": count, "days": days, "hours": self.hours()}
        return Habits(**(values | changes))  # type: ignore[arg-type]

    def hours(self, width: float | None = None) -> Floats:
        """Waking hours around a middle of one's own."""
        middle = self.rng.uniform(0, 24)
        width = self.rng.uniform(3, 9) if width is None else width
        away = np.abs((np.arange(24) - middle + 12) % 24 - 12)
        return np.asarray(np.exp(-0.5 * (away / width) ** 2) + 0.01)

    def _hold(self, books: Books, place: int, moment: float) -> None:
        """Buy, and mostly sell some time later."""
        number = int(self.numbers(place))
        if number in books.rows:
            return
        books.buy(number, moment)
        if self.rng.random() < 0.8:
            books.sell(number, moment + self.rng.exponential(0.3) * self.life[place] + 30)

    def _snipe(self, books: Books, habits: Habits, count: int) -> None:
        """Buy launches, by how much is expected of them."""
        seen = np.flatnonzero(self.launch >= self.begin)
        hour = ((self.launch[seen] - self.begin) % DAY // HOUR).astype(int)
        day = ((self.launch[seen] - self.begin) // DAY).astype(int)
        force = self.weight[seen] * habits.hours[hour] * habits.days[day]
        chosen = self.rng.choice(seen, min(count, len(seen)), replace=False, p=force / force.sum())
        for place in chosen.tolist():
            late = self.rng.exponential(habits.sniper_s)
            self._hold(books, place, self.launch[place] + 1 + late)
