"""A generated transaction as the enhanced API shows it: balances right, names and events unreliable, as really seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.chain import known
from streamproc.sandbox.wire.raw_form import PROGRAM_ERROR, changed_rows, shown_amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.sandbox.chain.chain import Chain, TokenRow, TokenTransfer, Transaction


def _change(row: TokenRow, chain: Chain) -> dict[str, object]:
    return {
        "userAccount": row.owner,
        "tokenAccount": row.account,
        "rawTokenAmount": {"tokenAmount": str(row.change), "decimals": chain.decimals[row.mint]},
        "mint": row.mint,
    }


def _account_data(transaction: Transaction, chain: Chain) -> list[dict[str, object]]:
    changes = {row.account: _change(row, chain) for row in changed_rows(transaction)}
    return [
        {
            "account": key,
            "nativeBalanceChange": after - before,
            "tokenBalanceChanges": [changes[key]] if key in changes else [],
        }
        for key, before, after in zip(
            transaction.keys, transaction.before, transaction.after, strict=True
        )
    ]


def _token_transfer(move: TokenTransfer, chain: Chain) -> dict[str, object]:
    return {
        "fromTokenAccount": move.source,
        "toTokenAccount": move.target,
        "fromUserAccount": move.source_owner,
        "toUserAccount": move.target_owner,
        "tokenAmount": move.amount / 10 ** chain.decimals[move.mint],
        "mint": move.mint,
        "tokenStandard": "Fungible" if chain.decimals[move.mint] else "NonFungible",
    }


def _swap_event(transaction: Transaction, chain: Chain) -> dict[str, object]:
    """Return `events.swap` from the fee payer's view; raw amounts only, as the real one has on this level."""
    payer = transaction.keys[0]
    rows = [row for row in changed_rows(transaction) if row.owner == payer]
    sol = transaction.after[0] - transaction.before[0] + transaction.fee
    native = {"account": payer, "amount": str(abs(sol))}
    return {
        "nativeInput": native if sol < 0 else None,
        "nativeOutput": native if sol > 0 else None,
        "tokenInputs": [_change(row, chain) for row in rows if row.change < 0],
        "tokenOutputs": [_change(row, chain) for row in rows if row.change > 0],
        "nativeFees": [],
        "tokenFees": [],
        "innerSwaps": [],
    }


def _description(transaction: Transaction, chain: Chain) -> str:
    """Return a sentence for plain transfers, nothing for most others."""
    if transaction.label.type != "TRANSFER" or transaction.failed:
        return ""
    if transaction.token_transfers:
        move = transaction.token_transfers[0]
        amount = shown_amount(move.amount, chain.decimals[move.mint])
        return f"{move.source_owner} transferred {amount} {move.mint} to {move.target_owner}."
    if transaction.native_transfers:
        source, target, lamports = transaction.native_transfers[0]
        return f"{source} transferred {shown_amount(lamports, 9)} SOL to {target}."
    return ""


def enhanced_form(transaction: Transaction, chain: Chain) -> Mapping[str, object]:
    """Return the transaction as `GET /v0/addresses/.../transactions` lists it."""
    label, place = transaction.label, transaction.place
    swapped = label.swap_event and not transaction.failed
    return {
        "description": _description(transaction, chain),
        "type": label.type,
        "source": label.source,
        "fee": transaction.fee,
        "feePayer": transaction.keys[0],
        "signature": place.signature,
        "slot": place.slot,
        "timestamp": place.time,
        "tokenTransfers": [_token_transfer(move, chain) for move in transaction.token_transfers],
        "nativeTransfers": [
            {"fromUserAccount": source, "toUserAccount": target, "amount": lamports}
            for source, target, lamports in transaction.native_transfers
        ],
        "accountData": _account_data(transaction, chain),
        "transactionError": PROGRAM_ERROR if transaction.failed else None,
        "instructions": [
            {
                "accounts": [],
                "data": "3GwzzeJm5bsd",
                "programId": known.COMPUTE_BUDGET,
                "innerInstructions": [],
            },
            *(
                {
                    "accounts": list(transaction.keys[:12]),
                    "data": "A",
                    "programId": program,
                    "innerInstructions": [],
                }
                for program in label.programs
            ),
        ],
        "events": {"swap": _swap_event(transaction, chain)} if swapped else {},
    }
