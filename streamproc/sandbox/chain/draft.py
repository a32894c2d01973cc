"""A transaction while it is being made: moves change the chain at once, and can all be undone."""

from __future__ import annotations

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import (
    Chain,
    ImpossibleError,
    Label,
    TokenAccount,
    TokenTransfer,
    Transaction,
)
from streamproc.sandbox.chain.doubt import doubtful_accounts
from streamproc.sandbox.chain.intent import Intent, Place, TrueEntry, entry_from_intent
from streamproc.sandbox.chain.keys import ordered_keys
from streamproc.sandbox.chain.touched import Touched


class Draft:
    """One transaction in the making; ends with `commit`, `fail` then `commit`, or `undo`."""

    def __init__(
        self,
        chain: Chain,
        payer: str,
        label: Label,
        *,
        rate: int = rents.OLDEST_RATE,
        priority: int = 0,
        version: int | None = 0,
    ) -> None:
        """`rate` is lamports a byte that accounts keep which are opened now; `version` None = legacy."""
        self.chain = chain
        self.payer = payer
        self.label = label
        self.rate = rate
        self.tips = 0
        self.failed = False
        self.rent_for: dict[
            str, int
        ] = {}  # owner -> rent of accounts that the fee payer opened for it
        self._priority = priority
        self._version = version
        self._signers: dict[str, None] = {payer: None}
        self._touched = Touched(chain)
        self._token_transfers: list[TokenTransfer] = []
        self._native_transfers: list[tuple[str, str, int]] = []
        self._intents: dict[str, Intent] = {}
        self._touched.add(payer)

    # --- moves ---

    def sign(self, *signers: str) -> None:
        """Name accounts that sign beside the fee payer."""
        for signer in signers:
            self._touched.add(signer)
            self._signers[signer] = None

    def mention(self, *addresses: str) -> None:
        """Name accounts that the transaction touches without a change."""
        for address in addresses:
            self._touched.add(address)

    def pay(self, source: str, target: str, lamports: int, *, listed: bool = True) -> None:
        """Move SOL; programs that move their own lamports leave no listed transfer."""
        self._touched.add(source)
        self._touched.add(target)
        if self.chain.lamports.get(source, 0) < lamports:
            raise ImpossibleError(f"{source} lacks lamports")
        self.chain.lamports[source] -= lamports
        self.chain.endow(target, lamports)
        if listed and lamports:
            self._native_transfers.append((source, target, lamports))

    def open(self, owner: str, mint: str, *, funder: str, address: str | None = None) -> str:
        """Return the owner's token account, opened (rent from the funder) when it is not there."""
        address = address or self.chain.associated_account(owner, mint)
        self._touched.add(address)
        if address not in self.chain.token_accounts:
            self._touched.shapes[address] = (owner, mint)
            rent = rents.rent(self.chain.account_bytes[mint], self.rate)
            self.pay(funder, address, rent)
            if funder == self.payer != owner:
                self.rent_for[owner] = self.rent_for.get(owner, 0) + rent
            self.chain.put_account(address, TokenAccount(owner, mint, 0))
        return address

    def close(self, address: str, *, to: str) -> None:
        """Close a token account: all its lamports (wrapped SOL too) go to `to`."""
        account = self._account(address)
        if account.mint != known.WSOL and account.amount:
            raise ImpossibleError(f"{address} still holds tokens")
        self.chain.drop_account(address)
        self.pay(address, to, self.chain.lamports[address])

    def wrap(self, address: str, lamports: int, *, source: str) -> None:
        """Put SOL into an open wrapped-SOL account."""
        account = self._account(address)
        self.pay(source, address, lamports)
        account.amount += lamports

    def record(self, payer: str, address: str, size: int) -> int:
        """Open a program's account of so many bytes; return the rent that the payer puts into it."""
        rent = rents.rent(size, self.rate)
        self.pay(payer, address, rent)
        return rent

    def release(self, address: str, *, to: str) -> int:
        """Close a program's account; return the lamports that it kept."""
        self._touched.add(address)
        lamports = self.chain.lamports.get(address, 0)
        self.pay(address, to, lamports, listed=False)
        return lamports

    def hand_over(self, address: str, heir: str) -> None:
        """Give a token account, with all that is in it, to another owner."""
        account = self._account(address)
        self.chain.drop_account(address)
        self.chain.put_account(address, TokenAccount(heir, account.mint, account.amount))

    def transfer(self, source: str, target: str, amount: int, *, listed: bool = True) -> int:
        """Move tokens between two open accounts of one mint; return what arrives.

        Wrapped SOL moves its lamports along; a mint with a transfer fee withholds its part from the taker.
        """
        giver, taker = self._account(source), self._account(target)
        if giver.mint != taker.mint or amount <= 0 or giver.amount < amount:
            raise ImpossibleError(f"{source} lacks tokens of that mint")
        withheld = -(-amount * self.chain.transfer_fees.get(giver.mint, 0) // 10_000)
        giver.amount -= amount
        taker.amount += amount - withheld
        if giver.mint == known.WSOL:
            self.pay(source, target, amount, listed=False)
        if listed:
            move = TokenTransfer(
                source, target, giver.owner, taker.owner, giver.mint, amount, withheld
            )
            self._token_transfers.append(move)
        return amount - withheld

    def mint_to(self, target: str, amount: int) -> None:
        """Create tokens."""
        taker = self._account(target)
        taker.amount += amount
        self._token_transfers.append(TokenTransfer("", target, "", taker.owner, taker.mint, amount))

    def burn(self, source: str, amount: int) -> None:
        """Destroy tokens."""
        giver = self._account(source)
        if amount <= 0 or giver.amount < amount:
            raise ImpossibleError(f"{source} lacks tokens to burn")
        giver.amount -= amount
        self._token_transfers.append(TokenTransfer(source, "", giver.owner, "", giver.mint, amount))

    def tip(self, account: str, lamports: int) -> None:
        """Pay a block engine's tip account; only a fee payer does that here."""
        self.pay(self.payer, account, lamports)
        self.tips += lamports

    # --- meaning ---

    def intend(self, wallet: str, intent: Intent) -> None:
        """State what this transaction is for a wallet."""
        self._intents[wallet] = intent

    def fail(self) -> None:
        """Undo every move; the fee stays, and listed native transfers stay listed, as really seen."""
        self._touched.restore()
        self.failed = True
        self.tips = 0
        self._token_transfers.clear()

    def undo(self) -> None:
        """Undo everything, as if it had never been drafted."""
        self._touched.restore()

    def commit(self, time_s: float) -> Transaction:
        """Charge the fee, give the transaction its place and append it to the chain."""
        fee = known.LAMPORTS_PER_SIGNATURE * len(self._signers) + self._priority
        if self.chain.lamports.get(self.payer, 0) < fee:
            raise ImpossibleError(f"{self.payer} cannot pay the fee")
        self.chain.lamports[self.payer] -= fee
        place = self.chain.next_place(time_s)
        transaction = self._finished(place, fee)
        self.chain.transactions.append(transaction)
        return transaction

    # --- inside ---

    def _account(self, address: str) -> TokenAccount:
        self._touched.add(address)
        account = self.chain.token_accounts.get(address)
        if account is None or account.frozen:
            raise ImpossibleError(f"{address} is not open")
        return account

    def _finished(self, place: Place, fee: int) -> Transaction:
        keys, readonly, loaded = ordered_keys(
            self._signers, self._touched.lamports, self.label.programs, self._version
        )
        before = tuple(map(self._touched.before, keys))
        after = tuple(map(self._touched.after, keys))
        rows = tuple(self._touched.rows(keys))
        changes = [(key, b - a) for key, a, b in zip(keys, before, after, strict=True)]
        return Transaction(
            place=place,
            fee=fee,
            failed=self.failed,
            label=self.label,
            version=self._version,
            priority=self._priority,
            signers=len(self._signers),
            keys=keys,
            readonly=readonly,
            loaded=loaded,
            before=before,
            after=after,
            rows=rows,
            token_transfers=tuple(self._token_transfers),
            native_transfers=tuple(self._native_transfers),
            entries=self._entries(place, fee, doubtful_accounts(changes, rows, self.payer)),
        )

    def _entries(self, place: Place, fee: int, doubtful: set[str]) -> dict[str, TrueEntry]:
        return {
            wallet: entry_from_intent(
                wallet,
                intent,
                place,
                fee=fee if wallet == self.payer else None,
                tips=self.tips,
                estimated=bool(doubtful - {wallet}),
            )
            for wallet, intent in self._meant().items()
        }

    def _meant(self) -> dict[str, Intent]:
        """Return the intents; raise RuntimeError when an action forgot a wallet whose history shows it."""
        if self.failed:
            return {wallet: Intent("failed") for wallet in sorted(self._touched.tracked())}
        missing = self._touched.tracked() - self._intents.keys()
        if missing:
            raise RuntimeError(f"{self.label} says nothing about {sorted(missing)}")
        return self._intents
