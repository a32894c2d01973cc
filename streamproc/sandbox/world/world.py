"""A generated world: seeded, deterministic, and certain of what everybody in it did."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions.scene import Scene, Wallet
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import Chain, TokenAccount, Transaction
from streamproc.sandbox.chain.market import Market
from streamproc.sandbox.world.habits import CAST
from streamproc.sandbox.world.story import Story

COINS_MIN: Final = 240
COINS_PER_WALLET: Final = 12
COINS_MAX: Final = 2_400  # more would only cost time
KEEPS_WSOL_EVERY: Final = 4
if TYPE_CHECKING:
    from streamproc.sandbox.chain.intent import TrueEntry

SIZES: Final[dict[str, tuple[int, tuple[int, int]]]] = {
    "tiny": (3, (20, 40)),
    "demo": (10, (50, 300)),
    "medium": (25, (300, 900)),
    "large": (50, (1_500, 2_500)),
}
OVERSIZED_ACCOUNTS: Final = 10_050  # of the wallet that owns too many token accounts


class World:
    """Wallets, market, chain and truth. Two worlds of the same arguments are equal to the last byte."""

    def __init__(
        self,
        *,
        seed: int = 1,
        wallets: int = 10,
        transactions: int | tuple[int, int] = (50, 300),
        only_raw: bool = False,
        odd: int = 0,
    ) -> None:
        """Generate it; `transactions` per wallet is a number or a range, and is met roughly.

        With `only_raw` also happens what only the raw form shows as it is: accounts that change hands, lamports
        that leave or enter accounts of one's own. So many of each wallet's transactions are `odd`: their raw form
        has a null where everybody else has something, and nobody can read them.
        """
        self.seed = seed
        low, high = (transactions, transactions) if isinstance(transactions, int) else transactions
        self.chain = Chain(
            seed, edition=f"/{wallets}/{low}/{high}{'/raw' * only_raw}{'/odd' * bool(odd)}"
        )
        self.market = Market(self.chain, seed, _coins(wallets))
        scene = Scene(self.chain, self.market, seed)
        rng = random.Random(f"{seed}/cast")  # noqa: S311 - a simulation, nothing secret
        self.wallets = [
            _cast_wallet(self.chain, rng, n, rng.randint(low, high)) for n in range(wallets)
        ]
        _join_groups(self.chain, self.wallets)
        for wallet in self.wallets:
            self.chain.tracked.add(wallet.address)
            scene.wallets[wallet.address] = wallet
        story = Story(scene, seed, only_raw=only_raw)
        story.run()
        self.performed = story.performed
        self._freeze_something()
        self._spoil(odd, random.Random(f"{seed}/odd"))  # noqa: S311 - a simulation, nothing secret
        self.chain.endow(self.oversized, known.LAMPORTS_PER_SOL)

    @classmethod
    def sized(cls, size: str, *, seed: int = 1) -> World:
        """Return a world of a named size: tiny, demo, medium or large."""
        wallets, transactions = SIZES[size]
        return cls(seed=seed, wallets=wallets, transactions=transactions)

    @property
    def transactions(self) -> list[Transaction]:
        """All transactions, in block order."""
        return self.chain.transactions

    @property
    def addresses(self) -> list[str]:
        """The tracked wallets' addresses, in the order of their numbers."""
        return [wallet.address for wallet in self.wallets]

    @cached_property
    def _entries(self) -> dict[str, tuple[TrueEntry, ...]]:
        found: dict[str, list[TrueEntry]] = {address: [] for address in self.addresses}
        for transaction in self.transactions:
            for wallet, entry in transaction.entries.items():
                if _shows(transaction, wallet) and transaction.lacks is None:
                    found[wallet].append(entry)
        return {wallet: tuple(entries) for wallet, entries in found.items()}

    def entries(self, wallet: str) -> tuple[TrueEntry, ...]:
        """Return the wallet's true ledger in block order, failed transactions included, unreadable ones left out."""
        return self._entries[wallet]

    def unreadable(self, wallet: str) -> list[str]:
        """Return the signatures of the wallet's transactions that nobody can read, in block order."""
        return [
            each.place.signature
            for each in self.transactions
            if each.lacks is not None and wallet in each.entries and _shows(each, wallet)
        ]

    @cached_property
    def prices_usd(self) -> dict[str, str]:
        """Dollars per whole token at the world's end, as the price service says them; unpriced mints are absent."""
        prices = {coin.mint: coin.usd for coin in self.market.coins if coin.usd is not None}
        return {
            **prices,
            known.WSOL: self.market.sol_usd_now,
            **dict.fromkeys(known.STABLES, "1.0"),
        }

    @property
    def last_slot(self) -> int:
        """The slot of the last transaction."""
        return self.transactions[-1].place.slot

    @cached_property
    def never_funded(self) -> str:
        """A valid address that nothing ever happened to."""
        return self.chain.book.named("never funded")

    @cached_property
    def program(self) -> str:
        """An executable account: no wallet."""
        return known.JUPITER

    @cached_property
    def token_account(self) -> str:
        """An account owned by a token program: no wallet."""
        return self.market.coins[0].pool.token_vault

    @property
    def oversized(self) -> str:
        """A wallet with more token accounts than anybody should read, and no history."""
        return self.chain.book.named("oversized")

    def open_oversized_accounts(self) -> None:
        """Open the oversized wallet's accounts, when somebody asks for them at last."""
        if self.oversized in self.chain.owned:
            return
        mint = self.market.coins[0].mint
        for number in range(OVERSIZED_ACCOUNTS):
            address = self.chain.book.named(f"oversized/{number}")
            self.chain.put_account(address, TokenAccount(self.oversized, mint, 1))

    def _spoil(self, odd: int, rng: random.Random) -> None:
        """Make so many transactions of each wallet odd."""
        for wallet in self.wallets if odd else ():
            own = [n for n, each in enumerate(self.transactions) if wallet.address in each.entries]
            for number in rng.sample(own, min(odd, len(own))):
                transaction = self.transactions[number]
                lacks = "owner" if transaction.rows and rng.random() < 1 / 2 else "meta"
                self.transactions[number] = replace(transaction, lacks=lacks)

    def _freeze_something(self) -> None:
        """Freeze one token account of every third wallet: seen in balances."""
        for wallet in self.wallets[::3]:
            for address in list(self.chain.owned.get(wallet.address, ()))[:1]:
                self.chain.token_accounts[address].frozen = True


def _coins(wallets: int) -> int:
    """Return how many coins a market for so many wallets has."""
    return min(max(COINS_MIN, COINS_PER_WALLET * wallets), COINS_MAX)


def _cast_wallet(chain: Chain, rng: random.Random, number: int, target: int) -> Wallet:
    habit, group = CAST[number % len(CAST)]
    block = number // len(CAST)
    return Wallet(
        address=chain.book.keyed(f"wallet/{number}"),
        name=f"{habit}-{number}",
        habit=habit,
        target=target,
        group=f"{group}-{block}" if group else None,
        keeps_wsol=number % KEEPS_WSOL_EVERY == KEEPS_WSOL_EVERY - 1 or habit == "bot",
        pays_tips=habit in {"sniper", "bot", "copier"} or rng.random() < 1 / 3,
    )


def _join_groups(chain: Chain, wallets: list[Wallet]) -> None:
    """Let copiers follow their pack's sniper, families share a funder, the others have their own or an exchange."""
    leaders = {w.group: w for w in wallets if w.habit == "sniper"}
    for number, wallet in enumerate(wallets):
        leader = leaders.get(wallet.group)
        if wallet.habit == "copier" and leader is not None:
            wallet.leader = leader.address
            leader.copiers.append(wallet.address)
        family = wallet.group is not None and wallet.group.startswith("family")
        own = f"funder/{wallet.group}" if family else f"funder/{number}"
        wallet.funder = chain.book.named(own if family or number % 2 else "exchange")
        if wallet.funder not in chain.lamports:
            chain.endow(wallet.funder, 10**7 * known.LAMPORTS_PER_SOL)


def _shows(transaction: Transaction, wallet: str) -> bool:
    """Say whether the transaction is in a wallet's history: it is named, or a token account of its own changes."""
    return wallet in transaction.keys or any(row.concerns(wallet) for row in transaction.rows)
