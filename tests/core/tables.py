"""Transactions written as tables of accounts, in both wire forms: nothing in here knows a rule.

A line reads `account | lamports before | after | token before | token after`; a token cell `units MINT of OWNER`, `-`
is an account that does not exist then. The first account pays the fee.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from solders.signature import Signature

from streamproc.core.ledger.entries import Entry, Page
from streamproc.core.result.wallet_analysis import Analysis, History, Scope, analyze
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page

if TYPE_CHECKING:
    from streamproc.result.pnl import TokenRow

SOL: Final = 10**9
WSOL: Final = "So11111111111111111111111111111111111111112"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
MINTS: Final = {"WSOL": WSOL, "USDC": USDC}
DECIMALS: Final = {"WSOL": 9, "LST": 9, "NFT": 0}  # six of all others
AFTER_SEPTEMBER: Final = 446_256_000  # the slot from which an account keeps 5 080 lamports a byte
HOUR: Final = 3_600
_SIGNATURES: Final = 64

Json = dict[str, Any]


class Token(NamedTuple):
    """What a token account holds, and whose it is."""

    units: int
    mint: str
    owner: str | None


class Account(NamedTuple):
    """One line of a table."""

    key: str
    before: int
    after: int
    token_before: Token | None
    token_after: Token | None

    @property
    def units(self) -> int:
        """By how much its amount changes."""
        return (self.token_after.units if self.token_after else 0) - (
            self.token_before.units if self.token_before else 0
        )


@dataclass(frozen=True)
class Table:
    """One transaction; `at` is its slot after the first of September's, and hours since then."""

    text: str
    at: int = 0
    fee: int = 5_000
    slot: int | None = None
    name: int | None = None  # of its signature

    @property
    def accounts(self) -> list[Account]:
        """The lines, read."""
        return [_account(line) for line in self.text.strip().splitlines()]

    @property
    def signature(self) -> str:
        """A signature of its own."""
        number = self.at + 1 if self.name is None else self.name
        return str(Signature.from_bytes(number.to_bytes(_SIGNATURES, "big")))

    def is_whole(self) -> bool:
        """Whether lamports add up to the fee."""
        return sum(each.after - each.before for each in self.accounts) == -self.fee

    def raw(self) -> Json:
        """As getTransactionsForAddress has it."""
        accounts = self.accounts
        assert self.is_whole(), self.text
        return {
            "slot": AFTER_SEPTEMBER + self.at if self.slot is None else self.slot,
            "transactionIndex": 0,
            "blockTime": 1_790_000_000 + self.at * HOUR,
            "version": 0,
            "transaction": {
                "signatures": [self.signature],
                "message": {"accountKeys": [each.key for each in accounts]},
            },
            "meta": {
                "err": None,
                "fee": self.fee,
                "preBalances": [each.before for each in accounts],
                "postBalances": [each.after for each in accounts],
                "preTokenBalances": _listed([each.token_before for each in accounts]),
                "postTokenBalances": _listed([each.token_after for each in accounts]),
            },
        }

    def enhanced(self) -> Json:
        """As the enhanced list has it: token accounts that do not change are accounts like any other."""
        assert self.is_whole(), self.text
        return {
            "signature": self.signature,
            "slot": AFTER_SEPTEMBER + self.at if self.slot is None else self.slot,
            "timestamp": 1_790_000_000 + self.at * HOUR,
            "fee": self.fee,
            "feePayer": self.accounts[0].key,
            "transactionError": None,
            "accountData": [_changes(each) for each in self.accounts],
            "nativeTransfers": [],
            "tokenTransfers": [],
        }


class Read(Protocol):
    """Reads tables in one of the wire forms."""

    def __call__(self, *tables: Table, wallet: str = "W") -> list[Entry]:
        """The wallet's entries, in the order of the tables."""


def raw_entries(*tables: Table, wallet: str = "W") -> list[Entry]:
    """The wallet's entries, read from the raw form."""
    return list(_raw_page(tables, wallet).entries)


def enhanced_entries(*tables: Table, wallet: str = "W") -> list[Entry]:
    """The wallet's entries in the order of the tables, read from the enhanced form."""
    body = json.dumps([each.enhanced() for each in reversed(tables)]).encode()
    return list(reversed(enhanced_page(body, wallet, {}).entries))


def analyzed(entries: list[Entry], wallet: str = "W", **prices: Any) -> Analysis:  # noqa: ANN401
    """The analysis of a history that is known as a whole."""
    watermark = max(entry.slot for entry in entries)
    decimals = {mint: DECIMALS.get(mint, 6) for entry in entries for mint, _ in entry.deltas}
    history = History(wallet, entries, [(0, watermark)], watermark, decimals)
    return analyze(history, Scope(), **prices)


def row(analysis: Analysis, mint: str) -> TokenRow:
    """The row of one token."""
    return next(each for each in analysis.pnl["tokens"] if each["mint"] == mint)


def _raw_page(tables: tuple[Table, ...], wallet: str) -> Page:
    """One answer with these transactions."""
    body = {"jsonrpc": "2.0", "id": 1, "result": {"data": [each.raw() for each in tables]}}
    page = raw_page(json.dumps(body).encode(), wallet)
    assert isinstance(page, Page)
    return page


def _account(line: str) -> Account:
    """A line, read."""
    key, before, after, *tokens = [cell.strip() for cell in line.split("|")]
    cells = [*tokens, "", ""]
    return Account(key, _number(before), _number(after), _token(cells[0]), _token(cells[1]))


def _number(cell: str) -> int:
    """A number with spaces between its groups; an account that is not there has nothing."""
    return 0 if cell == "-" else int(cell.replace(" ", ""))


def _token(cell: str) -> Token | None:
    """A token cell, read."""
    if cell in {"", "-"}:
        return None
    *units, mint, _, owner = cell.split(" ")
    name = None if owner == "nobody" else owner
    return Token(int("".join(units)), MINTS.get(mint, mint), name)


def _listed(tokens: list[Token | None]) -> list[Json]:
    """One list of token balances."""
    return [
        {
            "accountIndex": index,
            "mint": token.mint,
            "owner": token.owner,
            "uiTokenAmount": {"amount": str(token.units), "decimals": _decimals(token.mint)},
        }
        for index, token in enumerate(tokens)
        if token is not None
    ]


def _changes(account: Account) -> Json:
    """One of accountData."""
    token = account.token_after or account.token_before
    changes = []
    if token is not None and account.units:
        amount = {"tokenAmount": str(account.units), "decimals": _decimals(token.mint)}
        changes = [
            {
                "userAccount": token.owner,
                "tokenAccount": account.key,
                "mint": token.mint,
                "rawTokenAmount": amount,
            }
        ]
    return {
        "account": account.key,
        "nativeBalanceChange": account.after - account.before,
        "tokenBalanceChanges": changes,
    }


def _decimals(mint: str) -> int:
    """Of a mint by address or by name."""
    return next(
        (DECIMALS.get(name, 6) for name, each in MINTS.items() if each == mint),
        DECIMALS.get(mint, 6),
    )
