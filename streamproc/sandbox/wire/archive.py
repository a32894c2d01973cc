"""What the server needs of a world, generated or recorded: histories, accounts, assets and prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamproc.sandbox.chain import known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.json_types import JsonView


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction as paging sees it; `number` finds it in its archive."""

    number: int
    signature: str
    slot: int
    index: int
    time: int | None
    failed: bool
    version: int | None = None  # None = legacy


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account now: lamports, the program that owns it, bytes, and whether it is a program."""

    lamports: int
    owner: str
    space: int = 0
    executable: bool = False


@dataclass(frozen=True, slots=True)
class TokenState:
    """A token account now; amounts in base units."""

    address: str
    mint: str
    owner: str
    program: str
    amount: int
    decimals: int
    lamports: int
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Asset:
    """A mint's public face."""

    mint: str
    symbol: str
    name: str
    decimals: int
    supply: int
    program: str
    image: str | None = None


@dataclass(frozen=True, slots=True)
class MintState:
    """A mint now: its token program, decimals and supply in base units."""

    program: str
    decimals: int
    supply: int


class Holdings(Protocol):
    """The token accounts of a mint, numbered from 0 on, in no order of amounts."""

    def numbers(self, low: int, high: int) -> Sequence[int]:
        """Return the accounts that hold `low` to below `high` base units, the smallest number first."""

    def state(self, number: int) -> TokenState:
        """Return one account."""

    def largest(self, count: int) -> Sequence[TokenState]:
        """Return the accounts that hold most, the largest first."""


class Archive(Protocol):
    """A world as the server sees it."""

    @property
    def tip_slot(self) -> int:
        """The newest slot there is."""

    def history(self, address: str, token_accounts: str) -> Sequence[Record]:
        """Return an address's transactions, oldest first.

        `token_accounts`: with none those that name it, balanceChanged also those that change a token account of its,
        all also those that touch one.
        """

    def find(self, signature: str) -> Record | None:
        """Return the transaction with this signature, None when there is none."""

    def raw(self, record: Record) -> bytes | None:
        """Return it as JSON-RPC shows it, None when it cannot be shown so."""

    def enhanced(self, record: Record) -> bytes:
        """Return it as the enhanced API shows it."""

    def account(self, address: str) -> AccountState | None:
        """Return an account now, None when it was never funded."""

    def token_accounts(self, owner: str, program: str) -> Sequence[TokenState]:
        """Return the token accounts of an owner under one token program."""

    def token_account(self, address: str) -> TokenState | None:
        """Return the token account at this address, None when there is none."""

    def mint(self, address: str) -> MintState | None:
        """Return the mint at this address, None when there is none."""

    def holdings(self, mint: str) -> Holdings:
        """Return the token accounts of a mint; none of what is no mint."""

    def asset(self, mint: str) -> Asset | None:
        """Return what is known of a mint, None when nothing is."""

    def pairs(self, mint: str) -> Sequence[JsonView]:
        """Return the market pairs of a mint, as the price service lists them."""

    def about(self) -> JsonView:
        """Return who is in this world, for people and tests."""


FOREIGN_RECORDS: Final = 3


def foreign_records(archive: Archive, address: str) -> list[Record]:
    """Return a few transactions that have nothing to do with an address: what a wrong answer would hold."""
    own = {record.number for record in archive.history(address, "all")}
    everybody = archive.history(known.TOKEN, "none")
    return [record for record in everybody if record.number not in own][:FOREIGN_RECORDS]


class Index:
    """Which records name an address, change a token account of its, or touch one."""

    def __init__(self) -> None:
        self.named: dict[str, list[Record]] = {}
        self.changed: dict[str, list[Record]] = {}
        self.touched: dict[str, list[Record]] = {}
        self.by_signature: dict[str, Record] = {}

    def add(self, record: Record, keys: set[str], changed: set[str], touched: set[str]) -> None:
        """Take a record into the index; records come oldest first."""
        self.by_signature[record.signature] = record
        for index, addresses in (
            (self.named, keys),
            (self.changed, changed),
            (self.touched, touched),
        ):
            for address in addresses:
                index.setdefault(address, []).append(record)

    def history(self, address: str, token_accounts: str) -> list[Record]:
        """Return the records of an address, oldest first, each once."""
        found = {record.number: record for record in self.named.get(address, ())}
        if token_accounts in {"balanceChanged", "all"}:
            found.update((record.number, record) for record in self.changed.get(address, ()))
        if token_accounts not in {"none", "balanceChanged"}:
            found.update((record.number, record) for record in self.touched.get(address, ()))
        return [found[number] for number in sorted(found)]
