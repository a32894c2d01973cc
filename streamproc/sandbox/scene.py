"""The stage on which actions happen: chain, market, cast and the moment, and how an action begins and ends."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamproc.sandbox import known
from streamproc.sandbox.chain import ImpossibleError
from streamproc.sandbox.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.chain import Chain, Label, Transaction
    from streamproc.sandbox.intent import Intent
    from streamproc.sandbox.market import Coin, Market

STRANGERS: Final = 40
HUB_LAMPORTS: Final = 50_000_000 * known.LAMPORTS_PER_SOL
STRANGER_LAMPORTS: Final = 5_000 * known.LAMPORTS_PER_SOL
LEGACY_SHARE: Final = 0.35
TIP_SHARE: Final = 0.25
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
        self.strangers = [chain.book.named(f"stranger/{n}") for n in range(STRANGERS)]
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
        version = None if rng.random() < LEGACY_SHARE else 0
        draft = Draft(self.chain, payer, label, priority=priority, version=version)
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

    def _maybe_tip(self, draft: Draft) -> None:
        wallet = self.wallets.get(draft.payer)
        if draft.failed or wallet is None or not wallet.pays_tips or self.rng.random() > TIP_SHARE:
            return
        draft.tip(
            self.rng.choice(known.TIP_ACCOUNTS), int(self.rng.lognormvariate(12, 1.5)) + 1_000
        )

    def _fund_the_cast(self) -> None:
        self.chain.endow(self.hub, HUB_LAMPORTS)
        self.chain.endow(self.platform, known.LAMPORTS_PER_SOL)
        self.chain.endow(self.router, known.LAMPORTS_PER_SOL)
        for tip_account in known.TIP_ACCOUNTS:
            self.chain.endow(tip_account, known.LAMPORTS_PER_SOL)
        for stranger in (self.relayer, *self.strangers):
            self.chain.endow(stranger, STRANGER_LAMPORTS)
        for quote in known.STABLES:
            self.chain.endow_tokens(self.hub, quote, 10**15)
        self.chain.endow(self.dropper, STRANGER_LAMPORTS)
        for coin in self.market.coins:
            self.chain.endow_tokens(self.dropper, coin.mint, coin.supply // 50)
