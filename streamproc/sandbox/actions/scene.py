"""The stage on which actions happen: chain, market, cast and the moment, and how an action begins and ends."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import VERSION_1_SLOT, ImpossibleError
from streamproc.sandbox.chain.draft import Draft
from streamproc.sandbox.chain.tip_accounts import TIP_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.actions.orders import Order
    from streamproc.sandbox.actions.positions import Position
    from streamproc.sandbox.chain.chain import Chain, Label, Transaction
    from streamproc.sandbox.chain.intent import Intent
    from streamproc.sandbox.chain.market import Coin, Market

STRANGERS: Final = 40
HUB_LAMPORTS: Final = 50_000_000 * known.LAMPORTS_PER_SOL
STRANGER_LAMPORTS: Final = 5_000 * known.LAMPORTS_PER_SOL
LEGACY_SHARE: Final = 0.35
VERSION_1_SHARE: Final = 0.25  # of transactions since there are such
TIP_SHARE: Final = 0.25
TWO_TIPS_SHARE: Final = 0.1  # of tipped transactions go to two services at once
PRIORITY_SHARE: Final = 0.6


@dataclass(slots=True)
class Wallet:
    """A tracked wallet: who it is, how it lives and whom it copies."""

    address: str
    name: str
    habit: str
    target: int  # transactions it is meant to make
    group: str | None = None
    leader: str | None = None
    funder: str = ""
    keeps_wsol: bool = False
    pays_tips: bool = False
    done: int = 0
    copiers: list[str] = field(default_factory=list)


class Scene:
    """What an action may touch; one at a time, in the order of time."""

    def __init__(self, chain: Chain, market: Market, seed: int) -> None:
        self.chain = chain
        self.market = market
        self.rng = random.Random(f"{seed}/scene")  # noqa: S311 - a simulation, nothing secret
        self.now = 0.0
        self.wallets: dict[str, Wallet] = {}
        self.hub = chain.book.named("exchange")
        self.relayer = chain.book.named("relayer")
        self.router = chain.book.named("router")
        self.platform = chain.book.named("platform")
        self.dropper = chain.book.named("dropper")
        self.keeper = chain.book.named("keeper")
        self.bridge = chain.book.named("bridge")
        self.reserve = chain.book.named("reserve")
        self.lender = chain.book.named("lender")
        self.orders: list[Order] = []  # the open ones
        self.positions: list[Position] = []  # the open ones
        self.strangers = [chain.book.keyed(f"stranger/{n}") for n in range(STRANGERS)]
        self._fund_the_cast()
        self._count = 0

    def fresh(self, what: str) -> str:
        """Return an address that nobody has used."""
        self._count += 1
        return self.chain.book.named(f"{what}/{self._count}")

    def stranger(self) -> str:
        """Return somebody who is not tracked."""
        return self.rng.choice(self.strangers)

    def play(self, payer: str, label: Label, act: Callable[[Draft], None]) -> Transaction:
        """Run one action to its end, or undo it and raise ImpossibleError."""
        rng = self.rng
        priority = int(rng.lognormvariate(9.5, 1.5)) if rng.random() < PRIORITY_SHARE else 0
        slot = self.chain.slot_at(self.now)
        draft = Draft(
            self.chain,
            payer,
            label,
            rate=rents.rate_at(slot),
            priority=priority,
            version=self._version(slot),
        )
        try:
            act(draft)
            self._maybe_tip(draft)
            transaction = draft.commit(self.now)
        except ImpossibleError:
            draft.undo()
            raise
        for wallet in transaction.entries:
            self.wallets[wallet].done += 1
        return transaction

    def intend(self, draft: Draft, who: str, intent: Intent) -> None:
        """State what the draft is for somebody; only tracked wallets have a truth."""
        if who in self.chain.tracked:
            draft.intend(who, intent)

    def held(self, owner: str) -> list[tuple[Coin, int]]:
        """Return the coins that somebody holds in standard accounts, with amounts, in a stable order."""
        found: dict[str, int] = {}
        for address in self.chain.owned.get(owner, ()):
            account = self.chain.token_accounts[address]
            standard = address == self.chain.associated_account(owner, account.mint)
            if (
                standard
                and account.mint in self.market.by_mint
                and account.amount
                and not account.frozen
            ):
                found[account.mint] = account.amount
        return [(self.market.by_mint[mint], amount) for mint, amount in found.items()]

    def lending_vaults(self, stable: str) -> tuple[str, str]:
        """Return a lender's accounts of wrapped SOL and of a stable."""
        named = self.chain.associated_account
        return named(self.lender, known.WSOL), named(self.lender, stable)

    def _version(self, slot: int) -> int | None:
        """Return a transaction's version, None for a legacy one; 1 comes only since the chain has it."""
        drawn = self.rng.random()
        if slot >= VERSION_1_SLOT and drawn < VERSION_1_SHARE:
            return 1
        return None if drawn > 1 - LEGACY_SHARE else 0

    def _maybe_tip(self, draft: Draft) -> None:
        wallet = self.wallets.get(draft.payer)
        if draft.failed or wallet is None or not wallet.pays_tips or self.rng.random() > TIP_SHARE:
            return
        for account in self.rng.sample(
            TIP_ACCOUNTS, 2 if self.rng.random() < TWO_TIPS_SHARE else 1
        ):
            draft.tip(account, int(self.rng.lognormvariate(12, 1.5)) + 1_000)

    def _fund_the_cast(self) -> None:
        self.chain.endow(self.hub, HUB_LAMPORTS)
        self.chain.endow(self.platform, known.LAMPORTS_PER_SOL)
        self.chain.endow(self.router, known.LAMPORTS_PER_SOL)
        for tip_account in TIP_ACCOUNTS:
            self.chain.endow(tip_account, known.LAMPORTS_PER_SOL)
        for stranger in (self.relayer, *self.strangers):
            self.chain.endow(stranger, STRANGER_LAMPORTS)
        for quote in known.STABLES:
            self.chain.endow_tokens(self.hub, quote, 10**15)
            self.chain.endow_tokens(self.lender, quote, 10**15)
        self.chain.endow_tokens(self.lender, known.WSOL, 10**15)
        self.chain.add_mint(known.JITOSOL, 9)
        for somebody in (self.keeper, self.bridge, self.reserve):
            self.chain.endow(somebody, HUB_LAMPORTS)
        self.chain.endow(self.dropper, STRANGER_LAMPORTS)
        for coin in self.market.coins:
            self.chain.endow_tokens(self.dropper, coin.mint, coin.supply // 50)
