"""The chain of a generated world: who holds what now, and every transaction so far."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.addresses import AddressBook
from streamproc.sandbox.chain.intent import Place, TrueEntry

# A world does not depend on today's date; it lies around September 2026, when the chain changed.
FIRST_SLOT: Final = 435_348_000
FIRST_TIME: Final = 1_784_764_800  # 2026-07-23 00:00 UTC
SLOT_S: Final = 0.4
VERSION_1_SLOT: Final = (
    447_012_000  # 15 September 2026 on this clock: from here on some transactions are of version 1
)
FIRST_INDEX_MAX: Final = 400  # a block's first transaction of interest stands somewhere among these
INDEX_STEP_MAX: Final = 7


class ImpossibleError(Exception):
    """The action cannot happen now (no funds, nothing to sell); the draft is undone."""


@dataclass(slots=True)
class TokenAccount:
    """A token account as it stands now; `amount` in base units."""

    owner: str
    mint: str
    amount: int
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token account in a transaction; None where it does not exist before or after.

    `heir` is the owner after it, when the account changes hands.
    """

    account: str
    owner: str
    mint: str
    before: int | None
    after: int | None
    heir: str | None = None

    @property
    def change(self) -> int:
        """Base units gained (+) or lost (-)."""
        return (self.after or 0) - (self.before or 0)

    @property
    def owners(self) -> tuple[str, ...]:
        """Who owns it before and after."""
        return (self.owner,) if self.heir is None else (self.owner, self.heir)

    def change_of(self, owner: str) -> int:
        """Return what one owner gained (+) or lost (-): who hands an account over loses all that is in it."""
        before = (self.before or 0) if owner == self.owner else 0
        after = (self.after or 0) if owner == self.owners[-1] else 0
        return after - before

    def concerns(self, owner: str) -> bool:
        """Say whether an owner has more or fewer units by it."""
        return owner in self.owners and self.change_of(owner) != 0


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """A token move as an indexer lists it; empty strings for the missing side of a mint or burn."""

    source: str
    target: str
    source_owner: str
    target_owner: str
    mint: str
    amount: int
    withheld: int = 0  # of it, as the mint's transfer fee


@dataclass(frozen=True, slots=True)
class Label:
    """What the enhanced API calls the transaction, rightly or wrongly, and the programs it runs."""

    type: str
    source: str
    programs: tuple[str, ...]
    swap_event: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """A finished transaction. `keys` are all accounts, fee payer first, table-loaded ones last."""

    place: Place
    fee: int
    failed: bool
    label: Label
    version: int | None  # None = legacy
    priority: int  # lamports of the fee that are no signature's
    signers: int
    keys: tuple[str, ...]
    readonly: int  # how many of the static keys, at their end, are programs
    loaded: int  # how many of the keys, at their end, came from a lookup table
    before: tuple[int, ...]  # lamports per key
    after: tuple[int, ...]
    rows: tuple[TokenRow, ...]
    token_transfers: tuple[TokenTransfer, ...]
    native_transfers: tuple[tuple[str, str, int], ...]
    entries: dict[str, TrueEntry] = field(default_factory=dict)
    lacks: str | None = (
        None  # what its raw form has null: its `meta`, or the `owner` of a token balance
    )


class Chain:
    """Balances now, mints, and the transactions in block order."""

    def __init__(self, seed: int, *, edition: str = "") -> None:
        """`edition` keeps worlds of one seed but another size apart: they share no address and no signature."""
        self.book = AddressBook(f"{seed}{edition}")
        self.lamports: dict[str, int] = {}
        self.token_accounts: dict[str, TokenAccount] = {}
        self.owned: dict[str, dict[str, None]] = {}
        self.decimals: dict[str, int] = {}
        self.programs: dict[str, str] = {}
        self.account_bytes: dict[str, int] = {}  # what a token account of the mint occupies
        self.transfer_fees: dict[
            str, int
        ] = {}  # mint -> units of ten thousand that a transfer withholds
        self.orders: dict[
            str, str
        ] = {}  # an order's own account -> the wallet whose goods it holds
        self.tracked: set[str] = set()
        self.transactions: list[Transaction] = []
        self._random = random.Random(f"{seed}/chain")  # noqa: S311 - a simulation, nothing secret
        self._slot = FIRST_SLOT
        self._index = 0

    def add_mint(
        self, mint: str, decimals: int, program: str = known.TOKEN, account_bytes: int | None = None
    ) -> None:
        """Make a mint known; its accounts are as large as is usual for the program when nothing else is said."""
        usual = {known.TOKEN_2022: known.TOKEN_2022_ACCOUNT_BYTES}
        self.decimals[mint] = decimals
        self.programs[mint] = program
        self.account_bytes[mint] = account_bytes or usual.get(program, known.TOKEN_ACCOUNT_BYTES)

    def endow(self, address: str, lamports: int) -> None:
        """Give lamports from before the world began."""
        self.lamports[address] = self.lamports.get(address, 0) + lamports

    def endow_tokens(self, owner: str, mint: str, amount: int) -> str:
        """Give tokens from before the world began; return the owner's associated token account."""
        account = self.associated_account(owner, mint)
        self.put_account(account, TokenAccount(owner, mint, amount))
        wrapped = amount if mint == known.WSOL else 0
        self.lamports[account] = rents.rent(self.account_bytes[mint], rents.OLDEST_RATE) + wrapped
        return account

    def associated_account(self, owner: str, mint: str) -> str:
        """Return the address of the owner's standard account for this mint, open or not."""
        return self.book.named(f"associated/{owner}/{mint}")

    def put_account(self, address: str, account: TokenAccount) -> None:
        """Open a token account, or replace what stands there."""
        self.token_accounts[address] = account
        self.owned.setdefault(account.owner, {})[address] = None

    def drop_account(self, address: str) -> None:
        """Close a token account."""
        account = self.token_accounts.pop(address)
        del self.owned[account.owner][address]

    def amount(self, owner: str, mint: str) -> int:
        """Return what the owner holds of a mint over all accounts, in base units."""
        accounts = (self.token_accounts[address] for address in self.owned.get(owner, ()))
        return sum(account.amount for account in accounts if account.mint == mint)

    def in_custody(self, owner: str, mint: str) -> int:
        """Return what orders hold of a mint for this owner, in base units."""
        return sum(self.amount(order, mint) for order, of in self.orders.items() if of == owner)

    def slot_at(self, time_s: float) -> int:
        """Return the slot of a transaction that lands at this time, never before the last one's."""
        return max(self._slot, FIRST_SLOT + int((time_s - FIRST_TIME) / SLOT_S))

    def next_place(self, time_s: float) -> Place:
        """Return the place of a transaction that lands at this time."""
        slot = self.slot_at(time_s)
        if slot == self._slot and self.transactions:
            self._index += self._random.randint(1, INDEX_STEP_MAX)
        else:
            self._index = self._random.randint(0, FIRST_INDEX_MAX)
        self._slot = slot
        signature = self.book.signature(len(self.transactions))
        return Place(signature, slot, self._index, FIRST_TIME + int((slot - FIRST_SLOT) * SLOT_S))
