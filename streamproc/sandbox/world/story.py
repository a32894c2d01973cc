"""The story of a world: events in the order of time, each an action of one wallet, each able to cause later ones."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import moves
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.market import END_TIME
from streamproc.sandbox.world import repertoire
from streamproc.sandbox.world.chores import REPERTOIRE
from streamproc.sandbox.world.commitments import FOLLOWED_BY
from streamproc.sandbox.world.habits import (
    COPY_SHARE,
    DAY_S,
    HABITS,
    HOUR_S,
    LIFE_ENDS,
    LIFE_STARTS,
    SAME_SLOT_SHARE,
    Habit,
)
from streamproc.sandbox.world.only_raw import ONLY_RAW

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.chain.market import Coin

RETRIES_MAX: Final = 10  # an action that is impossible now is tried again this often, later
TOUR_AT_LEAST: Final = 3  # times every action is tried by somebody in every world
TOP_UP_BELOW_LAMPORTS: Final = 2 * known.LAMPORTS_PER_SOL
FUNDING_SOL: Final = {"sniper": 60, "bot": 90, "holder": 120, "swing": 80}
FUNDING_SOL_OTHERS: Final = 30
ANY_CHORE: Final = tuple(name for name in REPERTOIRE if name not in {"buy", "buy a giant amount"})
PARTIAL_EXIT_SHARE: Final = 0.3
DOUBLE_SHARE: Final = 0.04  # of acts are followed by another within the same slot


@dataclass(order=True)
class Event:
    """Something due: at what time, of which wallet, what; `coin` is what it is about."""

    at: float
    number: int
    wallet: str = field(compare=False)
    verb: str = field(compare=False)
    coin: Coin | None = field(default=None, compare=False)
    retries: int = field(default=0, compare=False)
    deed: str | None = field(default=None, compare=False)


class Story:
    """Runs a scene from the first funding to the last event."""

    def __init__(self, scene: Scene, seed: int, *, only_raw: bool = False) -> None:
        """With `only_raw` also happens what only the raw form shows as it is."""
        self.scene = scene
        self._deeds = {**REPERTOIRE, **ONLY_RAW} if only_raw else REPERTOIRE
        self.rng = random.Random(f"{seed}/story")  # noqa: S311 - a simulation, nothing secret
        self.performed: Counter[str] = Counter()  # actions of the repertoire, by name
        self._events: list[Event] = []
        self._count = 0

    def run(self) -> None:
        """Fund everybody, let everybody live, and see to it that every action is tried."""
        for wallet in self.scene.wallets.values():
            self._plan(wallet)
        self._plan_tour()
        while self._events:
            event = heapq.heappop(self._events)
            self.scene.now = event.at
            self._happen(event)

    def _add(self, at: float, wallet: Wallet, verb: str, **about: object) -> None:
        """Plan it; what would happen after the world's end does not."""
        self._count += 1
        if at >= END_TIME:
            return
        event = Event(at, self._count, wallet.address, verb)
        for name, value in about.items():
            setattr(event, name, value)
        heapq.heappush(self._events, event)

    def _plan(self, wallet: Wallet) -> None:
        habit = HABITS[wallet.habit]
        times = habit.rhythm(self.rng, max(1, int(wallet.target * habit.decisions)))
        self._add(LIFE_STARTS - self.rng.uniform(1, 20) * HOUR_S, wallet, "fund")
        for at in times:
            self._add(at, wallet, "decide")
            if self.rng.random() < DOUBLE_SHARE:
                self._add(at + 0.01, wallet, "decide")

    def _plan_tour(self) -> None:
        """Give every action of the repertoire to some wallets, at any time of their lives."""
        guests = [w for w in self.scene.wallets.values() if w.habit != "dormant"]
        rounds = max(TOUR_AT_LEAST, len(guests) // 4)
        for name in list(self._deeds) * rounds:
            wallet = self.rng.choice(guests or list(self.scene.wallets.values()))
            if name in {"wrap", "unwrap"}:
                wallet = next((w for w in guests if w.keeps_wsol), wallet)
            self._add(
                self.rng.uniform(LIFE_STARTS + 20 * HOUR_S, LIFE_ENDS), wallet, "do", deed=name
            )

    def _happen(self, event: Event) -> None:
        wallet = self.scene.wallets[event.wallet]
        try:
            if event.verb != "fund":
                self._top_up(wallet)
            getattr(self, f"_{event.verb}")(wallet, event)
        except ImpossibleError:
            if event.verb == "do" and event.retries < RETRIES_MAX:
                later = self.rng.uniform(event.at, (event.at + LIFE_ENDS) / 2 + HOUR_S)
                self._add(later, wallet, "do", deed=event.deed, retries=event.retries + 1)

    def _fund(self, wallet: Wallet, event: Event) -> None:  # noqa: ARG002 - every verb takes its event
        whole = FUNDING_SOL.get(wallet.habit, FUNDING_SOL_OTHERS) * known.LAMPORTS_PER_SOL
        lamports = int(whole * self.rng.uniform(0.6, 1.6)) | 1
        moves.send_sol(self.scene, wallet.funder, wallet.address, lamports)

    def _top_up(self, wallet: Wallet) -> None:
        if self.scene.chain.lamports.get(wallet.address, 0) < TOP_UP_BELOW_LAMPORTS:
            lamports = int(self.rng.uniform(5, 40) * known.LAMPORTS_PER_SOL) | 1
            moves.send_sol(self.scene, self.scene.hub, wallet.address, lamports)

    def _decide(self, wallet: Wallet, event: Event) -> None:
        habit = HABITS[wallet.habit]
        if self.rng.random() < habit.chores:
            self._do(wallet, event)
            return
        coin = self.scene.market.newest(self.rng, event.at) if habit.newest else None
        if coin is self.scene.market.giant:
            coin = None
        self._bought(wallet, habit, repertoire.buy(self.scene, wallet, coin))

    def _do(self, wallet: Wallet, event: Event) -> None:
        likes = HABITS[wallet.habit].likes
        name = event.deed
        if name is None and likes and self.rng.random() < 1 / 2:
            name = self.rng.choices(list(likes), weights=list(likes.values()))[0]
        name = name or self.rng.choice(ANY_CHORE)
        self._deeds[name](self.scene, wallet)
        self.performed[name] += 1
        later = self.scene.now + self.rng.uniform(HOUR_S, 5 * DAY_S)
        for deed in self.rng.choice(FOLLOWED_BY.get(name, ((),))):
            self._add(later, wallet, "do", deed=deed)
            later += self.rng.uniform(HOUR_S, 2 * DAY_S)
        if name == "buy a giant amount":
            self._add(later, wallet, "leave", coin=self.scene.market.giant)

    def _bought(self, wallet: Wallet, habit: Habit, coin: Coin) -> None:
        """Plan the exit, and let the copiers see it."""
        rng, now = self.rng, self.scene.now
        if rng.random() < habit.exits:
            held_s = rng.uniform(*habit.hold_s)
            if rng.random() < PARTIAL_EXIT_SHARE:
                self._add(now + held_s / 2, wallet, "leave", coin=coin, deed="part")
            self._add(now + held_s, wallet, "leave", coin=coin)
        for address in wallet.copiers:
            if rng.random() < COPY_SHARE:
                lag_s = 0.0 if rng.random() < SAME_SLOT_SHARE else rng.uniform(1, 60)
                self._add(now + lag_s, self.scene.wallets[address], "copy", coin=coin)

    def _leave(self, wallet: Wallet, event: Event) -> None:
        repertoire.sell(self.scene, wallet, event.coin, everything=event.deed is None)

    def _copy(self, wallet: Wallet, event: Event) -> None:
        coin = repertoire.buy(self.scene, wallet, event.coin)
        self._bought(wallet, HABITS[wallet.habit], coin)
