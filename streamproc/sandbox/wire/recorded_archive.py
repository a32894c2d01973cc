"""Recorded enhanced transactions as the server sees them: as they lie in the enhanced form, rebuilt in the raw one.

Every account that a record names has the history of the records that name it. Balances are what the records add up
to (never below zero), prices are unknown. *Trimmed* records (no fee, payer, slot or time, or native changes that do
not add up to the fee) are served in the enhanced form only; `trimmed` says which, and `wallets` names the accounts
whose records are all whole, for which both forms tell the same.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import orjson

from streamproc.errors import ConfigurationError, Fault
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.wire.archive import (
    AccountState,
    Asset,
    Index,
    MintState,
    Record,
    TokenState,
)
from streamproc.sandbox.wire.holdings import ListedHoldings
from streamproc.sandbox.wire.recorded_form import (
    is_whole,
    raw_from_recorded,
    token_changes,
    token_program,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamproc.json_types import JsonView
    from streamproc.sandbox.wire.archive import Holdings


TOKEN_ACCOUNT_RENT: Final = rents.rent(known.TOKEN_ACCOUNT_BYTES, rents.OLDEST_RATE)


class RecordedArchive:
    """Serves a folder of `*.json` files, each one enhanced transaction or a list of them, the newest first."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raise ConfigurationError when it holds no transactions."""
        self._transactions = _ordered(_read(folder))
        if not self._transactions:
            raise ConfigurationError(
                [Fault("data", str(folder), "must hold recorded transactions")]
            )
        self._index = Index()
        self._records: list[Record] = []
        self._lamports: Counter[str] = Counter()
        self._tokens: dict[str, TokenState] = {}
        self.trimmed: set[str] = set()
        for number, transaction in enumerate(self._transactions):
            self._add(number, transaction)

    @property
    def tip_slot(self) -> int:
        """The newest slot there is."""
        return max(record.slot for record in self._records)

    @property
    def wallets(self) -> list[str]:
        """Fee payers all of whose records are whole, most records first."""
        payers = {t["feePayer"] for t in self._transactions if t.get("feePayer")}
        histories = {payer: self.history(payer, "balanceChanged") for payer in payers}
        whole = [p for p, h in histories.items() if not any(r.signature in self.trimmed for r in h)]
        return sorted(whole, key=lambda payer: (-len(histories[payer]), payer))

    def history(self, address: str, token_accounts: str) -> Sequence[Record]:
        """Return an address's transactions, oldest first."""
        return self._index.history(address, token_accounts)

    def find(self, signature: str) -> Record | None:
        """Return the transaction with this signature."""
        return self._index.by_signature.get(signature)

    def raw(self, record: Record) -> bytes | None:
        """Return it as JSON-RPC would show it, None for a trimmed one."""
        if record.signature in self.trimmed:
            return None
        return orjson.dumps(raw_from_recorded(self._transactions[record.number], record.index))

    def enhanced(self, record: Record) -> bytes:
        """Return it as it was recorded."""
        return orjson.dumps(self._transactions[record.number])

    def account(self, address: str) -> AccountState | None:
        """Return an account as far as the records tell."""
        if address in known.PROGRAMS:
            return AccountState(1, known.BPF_LOADER, 36, executable=True)
        if address in self._tokens:
            return AccountState(TOKEN_ACCOUNT_RENT, self._tokens[address].program, 165)
        if (mint := self.mint(address)) is not None:
            return AccountState(TOKEN_ACCOUNT_RENT, mint.program, known.MINT_BYTES)
        if address not in self._index.named and address not in self._index.changed:
            return None
        return AccountState(max(0, self._lamports[address]), known.SYSTEM)

    def token_accounts(self, owner: str, program: str) -> Sequence[TokenState]:
        """Return the owner's token accounts with what the records add up to."""
        states = self._tokens.values()
        return [state for state in states if state.owner == owner and state.program == program]

    def token_account(self, address: str) -> TokenState | None:
        """Return the token account at this address."""
        return self._tokens.get(address)

    def mint(self, address: str) -> MintState | None:
        """Return the mint at this address, with a supply of what the records add up to."""
        states = [state for state in self._tokens.values() if state.mint == address]
        if not states:
            return None
        return MintState(states[0].program, states[0].decimals, sum(s.amount for s in states))

    def holdings(self, mint: str) -> Holdings:
        """Return the token accounts of a mint."""
        return ListedHoldings(state for state in self._tokens.values() if state.mint == mint)

    def asset(self, mint: str) -> Asset | None:
        """Return the quotes; of other mints nothing was recorded."""
        if mint == known.WSOL:
            return Asset(mint, "SOL", "SOL", 9, 0, known.TOKEN)
        symbol = known.STABLE_SYMBOLS.get(mint)
        if symbol is None:
            return None
        program = known.TOKEN_2022 if mint in known.STABLES_OF_TOKEN_2022 else known.TOKEN
        return Asset(mint, symbol, symbol, 6, 0, program)

    def pairs(self, mint: str) -> Sequence[JsonView]:  # noqa: ARG002 - no prices were recorded
        """Return nothing: no prices were recorded."""
        return []

    def about(self) -> JsonView:
        """Return whose records these are."""
        wallets = [
            {"address": wallet, "transactions": len(self.history(wallet, "balanceChanged"))}
            for wallet in self.wallets
        ]
        return {
            "kind": "recorded",
            "transactions": len(self._transactions),
            "trimmed": len(self.trimmed),
            "tip_slot": self.tip_slot,
            "wallets": wallets,
        }

    def _add(self, number: int, transaction: JsonView) -> None:
        record = Record(
            number,
            transaction["signature"],
            transaction.get("slot") or 0,
            number,  # rises with the order, which is all that is known inside a block
            transaction.get("timestamp"),
            failed=bool(transaction.get("transactionError")),
        )
        if not is_whole(transaction):
            self.trimmed.add(record.signature)
        rows = transaction["accountData"]
        owners = {change["userAccount"] for change in token_changes(transaction)}
        mints = {change["mint"] for change in token_changes(transaction)}
        self._index.add(record, {*(row["account"] for row in rows), *mints}, owners, owners)
        self._records.append(record)
        for row in rows:
            self._lamports[row["account"]] += row["nativeBalanceChange"]
        for change in token_changes(transaction):
            self._add_tokens(change, token_program(transaction))

    def _add_tokens(self, change: JsonView, program: str) -> None:
        address, amount = change["tokenAccount"], change["rawTokenAmount"]
        before = self._tokens[address].amount if address in self._tokens else 0
        self._tokens[address] = TokenState(
            address=address,
            mint=change["mint"],
            owner=change["userAccount"],
            program=program,
            amount=max(0, before + int(amount["tokenAmount"])),
            decimals=amount["decimals"],
            lamports=TOKEN_ACCOUNT_RENT,
        )


def _read(folder: Path) -> list[JsonView]:
    """Return the folder's transactions, each signature once, every file's oldest first."""
    found: dict[str, JsonView] = {}
    for path in sorted(folder.glob("*.json")):
        content = orjson.loads(path.read_bytes())
        for transaction in reversed(content if isinstance(content, list) else [content]):
            if (
                isinstance(transaction, dict)
                and "signature" in transaction
                and "accountData" in transaction
            ):
                found.setdefault(transaction["signature"], transaction)
    return list(found.values())


def _ordered(transactions: list[JsonView]) -> list[JsonView]:
    """Return them by slot; those without one come first, and a block's keep their order."""
    return sorted(transactions, key=lambda transaction: transaction.get("slot") or 0)
