"""What wallets do together, planted into a market: copying, splitting, evading, washing, following a caller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from gate_parts.worlds import DAY, HOUR, Books

if TYPE_CHECKING:
    from gate_parts.worlds import Habits, Market


def copier(market: Market, leader: Books, name: str) -> Books:
    """Half and more of what the leader buys, seconds or minutes later, and some things of its own."""
    rng = market.rng
    books = Books(name)
    late, share = float(np.exp(rng.uniform(np.log(5), np.log(150)))), rng.uniform(0.5, 0.9)
    for mint, at in leader.bought():
        if rng.random() < share:
            moment = at + 1 + rng.exponential(late)
            books.buy(mint, moment)
            if rng.random() < 0.7:
                books.sell(mint, moment + rng.exponential(6 * HOUR))
    own = replace(market.habits(), tokens=max(5, int(len(books.rows) * rng.uniform(0.2, 0.7))))
    return _with(market, books, own)


def owners(market: Market, names: list[str]) -> list[Books]:
    """One person's wallets: each of its purchases is split among most of them within minutes."""
    rng = market.rng
    whole = market.trade(Books("whole"), market.habits())
    width, share = rng.uniform(60, 480), rng.uniform(0.55, 0.95)
    wallets = [Books(name) for name in names]
    for mint, at in whole.bought():
        for wallet in wallets:
            if rng.random() < share:
                wallet.buy(mint, at + rng.uniform(0, width))
                if rng.random() < 0.7:
                    wallet.sell(mint, at + width + rng.exponential(8 * HOUR))
    for wallet in wallets:
        own = replace(
            market.habits(), tokens=max(3, int(len(wallet.rows) * rng.uniform(0.05, 0.3)))
        )
        _with(market, wallet, own)
    return wallets


def crew(market: Market, names: list[str]) -> list[Books]:
    """One person's wallets, of which two or three at a time share a purchase within minutes: each pair seldom meets."""
    rng = market.rng
    pairs, meetings = len(names) * (len(names) - 1) // 2, rng.uniform(1.0, 3.0)
    whole = market.trade(
        Books("whole"), replace(market.habits(), tokens=max(12, int(pairs * meetings / 2)))
    )
    width = rng.uniform(40, 300)
    wallets = [Books(name) for name in names]
    for mint, at in whole.bought():
        for place in rng.choice(len(names), int(rng.integers(2, 4)), replace=False).tolist():
            wallets[place].buy(mint, at + rng.uniform(0, width))
            if rng.random() < 0.7:
                wallets[place].sell(mint, at + width + rng.exponential(8 * HOUR))
    for wallet in wallets:
        own = replace(market.habits(), tokens=max(10, int(len(wallet.rows) * rng.uniform(0.5, 2))))
        _with(market, wallet, own)
    return wallets


def evader(market: Market, leader: Books, name: str) -> Books:
    """Half of its tokens are the leader's, hours later; the other half is noise."""
    rng = market.rng
    books = Books(name)
    for mint, at in leader.bought():
        if rng.random() < rng.uniform(0.3, 0.75):
            books.buy(mint, at + rng.uniform(1, 20) * HOUR)
    return _with(market, books, replace(market.habits(), tokens=max(5, len(books.rows))))


def washers(market: Market, name_a: str, name_b: str) -> tuple[Books, Books]:
    """Two wallets that pass tokens between each other: one sells while the other buys, then back."""
    rng = market.rng
    a, b = Books(name_a), Books(name_b)
    washed = market.trade(
        Books("washed"), replace(market.habits(), tokens=int(rng.integers(7, 45)))
    )
    for mint, at in washed.bought():
        if rng.random() < 0.5:
            b.buy(mint, at - rng.uniform(0.2, 12) * HOUR)
        b.sell(mint, at + rng.uniform(0, 40))
        a.buy(mint, at + rng.uniform(0, 40))
        if rng.random() < 0.6:
            again = at + rng.uniform(0.1, 3) * HOUR
            a.sell(mint, again)
            b.buy(mint, again + rng.uniform(0, 40))
    for wallet in (a, b):
        own = replace(market.habits(), tokens=max(8, int(len(wallet.rows) * rng.uniform(0.5, 2.5))))
        _with(market, wallet, own)
    return a, b


def followers(market: Market, names: list[str]) -> list[Books]:
    """A caller says a token's name to many; each of them buys a part of what is called within minutes."""
    rng = market.rng
    at = np.sort(market.begin + rng.uniform(0, 1, int(rng.integers(30, 90))) * 28 * DAY)
    called = market.pick(at, replace(market.habits(), taste=1 / np.sqrt(market.weight)))
    wallets = []
    for name in names:
        books, share, late = Books(name), rng.uniform(0.35, 0.8), rng.uniform(20, 150)
        for place, moment in zip(called.tolist(), at.tolist(), strict=True):
            if place >= 0 and rng.random() < share:
                books.buy(int(market.numbers(place)), moment + 3 + rng.exponential(late))
        own = replace(market.habits(), tokens=max(8, int(len(books.rows) * rng.uniform(0.3, 1.2))))
        wallets.append(_with(market, books, own))
    return wallets


def cohort(
    market: Market, names: list[str], pairs: int
) -> tuple[list[Books], list[tuple[int, int]]]:
    """Wallets chosen because they bought one token early, some of them with a copier that did so too."""
    rng = market.rng
    place = int(rng.choice(np.argsort(-market.weight)[:80]))
    mint, launch = int(market.numbers(place)), float(market.launch[place])
    wallets = [market.trade(Books(name), market.habits()) for name in names]
    true = [(2 * n, 2 * n + 1) for n in range(pairs)]
    for a, b in true:
        wallets[b] = copier(market, wallets[a], names[b])
    for wallet in wallets:
        wallet.rows.pop(mint, None)
        wallet.buy(mint, launch + rng.exponential(400))
    return wallets, true


def _with(market: Market, books: Books, own: Habits) -> Books:
    """The wallet with what it trades by itself beside."""
    added = market.trade(Books("own"), own)
    for mint, (bought, sold) in added.rows.items():
        if mint not in books.rows:
            books.rows[mint] = [bought, sold]
    return books
