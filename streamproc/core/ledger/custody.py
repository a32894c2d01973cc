"""Orders in a history: goods that somebody holds for the wallet stay its own until they are given for something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.entries import Kind
from streamproc.core.ledger.ledger import read_transaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.ledger.entries import Entry, Moves


def resolved(entries: Iterable[Entry], wallet: str) -> list[Entry]:
    """The entries of a history, given in chain order, with its orders read: placed, cancelled, filled.

    From the transaction that places an order, its holder's accounts of the goods' mint are the wallet's own, and what
    the holder itself gains or loses in lamports is rent. All rules hold unchanged then: a limit order's placing and
    cancelling are costs, a fill is the trade of what the holder lost against what the wallet gained. A fill whose
    placing is not in the history stays what it looks like. No entry that is returned has `moves`; entries that were
    returned are returned as they are.
    """
    held: dict[str, set[str]] = {}
    return [entry if entry.moves is None else _read_again(entry, wallet, held) for entry in entries]


def _read_again(entry: Entry, wallet: str, held: dict[str, set[str]]) -> Entry:
    """The entry as it is with these holders; `held` learns of a new one."""
    moves = entry.moves
    if moves is None or not (entry.kind is Kind.ORDER_PLACED or _touches(moves, held)):
        return structs.replace(entry, moves=None)
    found, holder = read_transaction(_transaction(entry, moves), wallet, held)
    if holder is not None:
        owner, mint = holder
        held.setdefault(owner, set()).add(mint)
    return structs.replace(found, moves=None)


def _touches(moves: Moves, held: dict[str, set[str]]) -> bool:
    """Whether a holder owns an account that moved, or moved itself."""
    return any(owner in held for _, owner, _, _, _ in moves.tokens) or any(
        account in held for account, _ in moves.lamports
    )


def _transaction(entry: Entry, moves: Moves) -> Transaction:
    """The transaction that the entry was made of."""
    return Transaction(
        entry.signature,
        entry.slot,
        entry.index,
        entry.time,
        entry.failed,
        moves.fee,
        entry.fee_payer,
        dict(moves.lamports),
        [TokenChange(*each) for each in moves.tokens],
        entry.estimated,
        moves.names_owners,
    )
