"""A recorded enhanced transaction as JSON-RPC would show it, from its `accountData` alone.

Only changes are recorded, so balances before and after are the smallest that fit them; token programs are guessed.
Where the native changes do not add up to the fee (a record trimmed by its source) there is no honest raw form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known
from streamproc.sandbox.wire.raw_form import token_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.json_types import Json, JsonView

NEEDED: Final = ("fee", "feePayer", "slot", "timestamp")


def is_whole(transaction: JsonView) -> bool:
    """Say whether nothing is missing and the lamports of all accounts change by exactly -fee."""
    if any(transaction.get(name) is None for name in NEEDED):
        return False
    total = sum(row["nativeBalanceChange"] for row in transaction["accountData"])
    return bool(total == -transaction["fee"])


def token_changes(transaction: JsonView) -> Iterator[JsonView]:
    """Yield every recorded change of a token account."""
    for row in transaction["accountData"]:
        yield from row["tokenBalanceChanges"]


def token_program(transaction: JsonView) -> str:
    """Return the token program that the transaction names, the older one when it names both or none."""
    named = {row["account"] for row in transaction["accountData"]}
    return (
        known.TOKEN_2022 if known.TOKEN_2022 in named and known.TOKEN not in named else known.TOKEN
    )


def raw_from_recorded(transaction: JsonView, index: int) -> JsonView:
    """Return a whole record as `getTransactionsForAddress` would list it in full."""
    keys = [row["account"] for row in transaction["accountData"]]
    changes = [row["nativeBalanceChange"] for row in transaction["accountData"]]
    before = [max(0, -change) for change in changes]
    error = transaction.get("transactionError")
    return {
        "slot": transaction["slot"],
        "transactionIndex": index,
        "blockTime": transaction["timestamp"],
        "transaction": {
            "signatures": [transaction["signature"]],
            "message": {
                "header": {
                    "numRequiredSignatures": 1,
                    "numReadonlySignedAccounts": 0,
                    "numReadonlyUnsignedAccounts": 0,
                },
                "accountKeys": keys,
                "recentBlockhash": known.SYSTEM,
                "instructions": [],
            },
        },
        "meta": {
            "err": error,
            "status": {"Err": error} if error else {"Ok": None},
            "fee": transaction["fee"],
            "preBalances": before,
            "postBalances": [b + change for b, change in zip(before, changes, strict=True)],
            "preTokenBalances": _token_balances(transaction, keys, after=False),
            "postTokenBalances": _token_balances(transaction, keys, after=True),
            "innerInstructions": [],
            "logMessages": [],
            "rewards": [],
        },
        "version": "legacy",
    }


def _token_balances(transaction: JsonView, keys: list[str], *, after: bool) -> list[Json]:
    program = token_program(transaction)
    shown = []
    for change in token_changes(transaction):
        units = int(change["rawTokenAmount"]["tokenAmount"])
        amount = max(0, units) if after else max(0, -units)
        balance = {
            "accountIndex": keys.index(change["tokenAccount"]),
            "mint": change["mint"],
            "uiTokenAmount": token_amount(amount, change["rawTokenAmount"]["decimals"]),
            "owner": change["userAccount"],
            "programId": program,
        }
        shown.append(balance)
    return shown
