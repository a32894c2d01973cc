"""A generated transaction as JSON-RPC shows it (`getTransaction`, encoding json)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from solders.pubkey import Pubkey
from solders.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.json_types import Json
    from streamproc.sandbox.chain.chain import Chain, TokenRow, Transaction

PROGRAM_ERROR: Final = {"InstructionError": [2, {"Custom": 6001}]}
COMPUTE_UNITS: Final = 91_234
COMPUTE_UNIT_LIMIT: Final = 200_000


def shown_amount(units: int, decimals: int) -> str:
    """Return base units as a decimal number without trailing zeros: `1500000, 6` is 1.5."""
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)


def token_amount(units: int, decimals: int) -> dict[str, object]:
    """Return `uiTokenAmount`; `uiAmount` is null for nothing, as the real one is."""
    return {
        "uiAmount": units / 10**decimals if units else None,
        "decimals": decimals,
        "amount": str(units),
        "uiAmountString": shown_amount(units, decimals),
    }


def _token_balances(
    transaction: Transaction, chain: Chain, *, after: bool
) -> list[dict[str, object]]:
    positions = {key: position for position, key in enumerate(transaction.keys)}
    return [
        {
            "accountIndex": positions[row.account],
            "mint": row.mint,
            "uiTokenAmount": token_amount(amount, chain.decimals[row.mint]),
            "owner": row.owners[-1] if after else row.owner,
            "programId": chain.programs[row.mint],
        }
        for row, amount in ((row, row.after if after else row.before) for row in transaction.rows)
        if amount is not None
    ]


def _loaded(transaction: Transaction) -> tuple[list[str], list[str]]:
    """Split the table-loaded keys: the unchanged ones at the end count as read-only."""
    first = len(transaction.keys) - transaction.loaded
    last = len(transaction.keys)
    moved = {row.account for row in transaction.rows if row.change}
    while (
        last > first
        and transaction.keys[last - 1] not in moved
        and _unchanged(transaction, last - 1)
    ):
        last -= 1
    return list(transaction.keys[first:last]), list(transaction.keys[last:])


def _unchanged(transaction: Transaction, position: int) -> bool:
    return transaction.before[position] == transaction.after[position]


def _message(
    transaction: Transaction, writable: list[str], readonly: list[str]
) -> dict[str, object]:
    static = list(transaction.keys[: len(transaction.keys) - transaction.loaded])
    message: dict[str, object] = {
        "header": {
            "numRequiredSignatures": transaction.signers,
            "numReadonlySignedAccounts": 0,
            "numReadonlyUnsignedAccounts": transaction.readonly,
        },
        "accountKeys": static,
        "recentBlockhash": _hash(f"block/{transaction.place.slot}"),
        "instructions": _instructions(transaction, static),
    }
    if transaction.version == 1:
        message["transactionConfig"] = {
            "computeUnitLimit": COMPUTE_UNIT_LIMIT,
            "heapSize": None,
            "loadedAccountsDataSizeLimit": None,
            "priorityFee": transaction.priority,
        }
    if transaction.version == 0:
        table = {
            "accountKey": _hash(f"table/{transaction.label.source}"),
            "writableIndexes": list(range(len(writable))),
            "readonlyIndexes": list(range(len(writable), len(writable) + len(readonly))),
        }
        message["addressTableLookups"] = [table] if transaction.loaded else []
    return message


def _instructions(transaction: Transaction, static: list[str]) -> list[dict[str, object]]:
    programs = range(len(static) - transaction.readonly, len(static))
    everybody = list(range(len(transaction.keys)))
    return [
        {
            "programIdIndex": program,
            "accounts": everybody[:12],
            "data": "3Bxs4Z7rtoYNUV67",
            "stackHeight": 1,
        }
        for program in programs
    ]


def _inner_instructions(transaction: Transaction) -> list[dict[str, object]]:
    positions = {key: position for position, key in enumerate(transaction.keys)}
    program = len(transaction.keys) - transaction.loaded - transaction.readonly
    moves = [
        {
            "programIdIndex": program,
            "accounts": [
                positions[move.source or move.target],
                positions[move.target or move.source],
            ],
            "data": "3ipZX3KkTfko",
            "stackHeight": 2,
        }
        for move in transaction.token_transfers
    ]
    return [{"index": 0, "instructions": moves}] if moves else []


def _logs(transaction: Transaction) -> list[str]:
    lines = []
    for program in transaction.label.programs:
        verdict = "failed: custom program error: 0x1771" if transaction.failed else "success"
        lines += [
            f"Program {program} invoke [1]",
            f"Program {program} consumed {COMPUTE_UNITS} of 200000 compute units",
            f"Program {program} {verdict}",
        ]
    return lines


def _meta(transaction: Transaction, chain: Chain, writable: list[str], readonly: list[str]) -> Json:
    error = PROGRAM_ERROR if transaction.failed else None
    meta: Json = {
        "err": error,
        "status": {"Err": error} if error else {"Ok": None},
        "fee": transaction.fee,
        "preBalances": list(transaction.before),
        "postBalances": list(transaction.after),
        "innerInstructions": _inner_instructions(transaction),
        "logMessages": _logs(transaction),
        "preTokenBalances": _token_balances(transaction, chain, after=False),
        "postTokenBalances": _token_balances(transaction, chain, after=True),
        "rewards": [],
        "computeUnitsConsumed": COMPUTE_UNITS,
    }
    if transaction.version == 0 or (transaction.version is None and transaction.place.slot % 2):
        meta["loadedAddresses"] = {"writable": writable, "readonly": readonly}
    return meta


def raw_form(transaction: Transaction, chain: Chain) -> Mapping[str, object]:
    """Return the transaction as `getTransactionsForAddress` lists it in full."""
    writable, readonly = _loaded(transaction)
    place = transaction.place
    meta = None if transaction.lacks == "meta" else _meta(transaction, chain, writable, readonly)
    if meta is not None and transaction.lacks == "owner":
        (meta["preTokenBalances"] or meta["postTokenBalances"])[0]["owner"] = None
    return {
        "slot": place.slot,
        "transactionIndex": place.index,
        "blockTime": place.time,
        "transaction": {
            "signatures": [place.signature, *(_further_signatures(transaction))],
            "message": _message(transaction, writable, readonly),
        },
        "meta": meta,
        "version": "legacy" if transaction.version is None else transaction.version,
    }


def _further_signatures(transaction: Transaction) -> list[str]:
    digests = (
        hashlib.sha512(f"{transaction.place.signature}/{n}".encode()).digest()
        for n in range(1, transaction.signers)
    )
    return [str(Signature.from_bytes(digest)) for digest in digests]


def _hash(name: str) -> str:
    return str(Pubkey.from_bytes(hashlib.sha256(name.encode()).digest()))


def changed_rows(transaction: Transaction) -> list[TokenRow]:
    """Return the token accounts whose amount changes."""
    return [row for row in transaction.rows if row.change]
