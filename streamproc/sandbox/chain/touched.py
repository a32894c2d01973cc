"""The accounts that a draft has touched, as they were before it: what it changed, and how all of it is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain.chain import TokenAccount, TokenRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.sandbox.chain.chain import Chain

PROGRAM_LAMPORTS: Final = 1  # shown of an account that is named and not touched


class Touched:
    """Accounts with what was in them when they were first touched."""

    def __init__(self, chain: Chain) -> None:
        """Nothing is touched yet."""
        self.lamports: dict[str, int] = {}  # before, of every account
        self.shapes: dict[str, tuple[str, str]] = {}  # token account -> owner, mint
        self._chain = chain
        self._accounts: dict[str, TokenAccount | None] = {}  # before, of every token account

    def add(self, address: str) -> None:
        """Remember an account as it is now, unless it is remembered."""
        if address in self.lamports:
            return
        self.lamports[address] = self._chain.lamports.get(address, 0)
        account = self._chain.token_accounts.get(address)
        if account is None:
            self._accounts[address] = None
        else:
            self._accounts[address] = TokenAccount(
                account.owner, account.mint, account.amount, account.frozen
            )
            self.shapes[address] = (account.owner, account.mint)

    def restore(self) -> None:
        """Put everything back."""
        for address, lamports in self.lamports.items():
            self._chain.lamports[address] = lamports
            before = self._accounts[address]
            if address in self._chain.token_accounts:
                self._chain.drop_account(address)
            if before is not None:
                self._chain.put_account(address, before)

    def before(self, key: str) -> int:
        """Return the lamports of an account before the draft."""
        return self.lamports.get(key, PROGRAM_LAMPORTS)

    def after(self, key: str) -> int:
        """Return the lamports of an account now."""
        return self._chain.lamports.get(key, 0) if key in self.lamports else PROGRAM_LAMPORTS

    def rows(self, keys: Iterable[str]) -> Iterable[TokenRow]:
        """Yield what these token accounts held before and hold now, in this order."""
        for key in keys:
            shape = self.shapes.get(key)
            before, after = self._accounts.get(key), self._chain.token_accounts.get(key)
            if shape is None or (before is None and after is None):
                continue
            held = [None if each is None else each.amount for each in (before, after)]
            heir = after.owner if after is not None and after.owner != shape[0] else None
            yield TokenRow(key, shape[0], shape[1], held[0], held[1], heir)

    def tracked(self) -> set[str]:
        """Return the wallets of the chain's histories among the accounts, their owners and heirs."""
        owners = {owner for owner, _ in self.shapes.values()}
        heirs = {
            self._chain.token_accounts[each].owner
            for each in self.shapes
            if each in self._chain.token_accounts
        }
        return (self.lamports.keys() | owners | heirs) & self._chain.tracked
