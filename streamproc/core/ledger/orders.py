"""Goods that an order holds: how they are put in, and which transactions may move them later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.chain.solana import (
    QUOTES,
    RENT_LARGEST_LAMPORTS,
    SERVICE_LAMPORTS,
    WSOL,
    is_rent,
)
from streamproc.core.ledger.entries import Kind, Moves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.core.chain.transactions import TokenChange, Transaction
    from streamproc.core.ledger.wallet_view import Evidence


def possible_holders(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Who may hold the goods of an order placed here, and which mint they are; WSOL for SOL.

    The wallet, paying the fee, gets nothing and gives one token or stable, or SOL. All of it reaches a token account
    opened in this transaction, whose owner is opened in it too: its lamports rise by exactly a rent of one byte or more
    (sending to a friend opens no friend). Or that owner holds goods of the wallet's already. What the wallet's lamports
    lose beside is for the entry to say that is made with this holder.
    """
    if not evidence.is_payer or evidence.trade_sol > 0 or len(evidence.deltas) > 1:
        return
    if evidence.deltas:
        ((mint, units),) = evidence.deltas.items()
        yield from _reached(evidence, mint, -units)
        return
    gains = [units for units in evidence.moved(WSOL) if units > 0]
    if len(gains) == 1:  # SOL that goes as WSOL, and to nobody else
        yield from _reached(evidence, WSOL, gains[0])


def _reached(evidence: Evidence, mint: str, units: int) -> Iterator[tuple[str, str]]:
    """The owners, with the mint, of foreign accounts that gained just these units and may hold goods."""
    for change in evidence.changes:
        is_all = change.mint == mint and change.units == units > 0
        if (
            is_all
            and change.owner
            and (change.owner in evidence.held or _is_opened(evidence, change))
        ):
            yield change.owner, mint


def _is_opened(evidence: Evidence, change: TokenChange) -> bool:
    """Whether the token account and its owner are both opened here."""
    opened = evidence.lamports.get(change.account, 0) - evidence.foreign[change.account]
    rise = evidence.lamports.get(change.owner, 0)
    return opened > 0 and change.account != change.owner and is_rent(rise, least_bytes=1)


def kept_moves(evidence: Evidence, kind: Kind) -> Moves | None:
    """All that the transaction moved, where goods of an order may have moved; None for nearly all transactions.

    Whether they did, only the history before it can tell. The holder is an account of a program: it pays no fee.
    """
    if not evidence.has_opened and (  # most of all
        kind in _PLAIN or (kind is _BUY and evidence.trade_sol < -SERVICE_LAMPORTS)
    ):
        return None
    if kind is not _ORDER_PLACED and not _may_move_goods(evidence, kind):
        return None
    return moves_of(evidence.transaction)


def _may_move_goods(evidence: Evidence, kind: Kind) -> bool:
    """Whether a foreign owner may have held goods of the wallet's, from what it and the wallet gained and lost.

    It closes or opens a token account beside what the wallet does; or it loses while the wallet gains for nothing but a
    service's SOL (filled, taken back in part); or it gains while the wallet gives for nothing (topped up); or it is
    closed itself where the wallet gets nothing but SOL.
    """
    if kind in _EXCHANGES and not evidence.has_opened:
        return _may_be_filled(evidence)
    if not (evidence.is_payer or evidence.deltas or evidence.legs):
        return False
    changes = _of_holders(evidence)
    if _may_be_closed(evidence, changes):
        return True
    if kind is _ROUND_TRIP:
        return False
    moved = [units for mint, units in evidence.deltas.items() if mint not in QUOTES]
    moved += evidence.legs.values()
    is_one_way = bool(moved) and not min(moved) < 0 < max(moved)
    if is_one_way and any(each.units * moved[0] < 0 for each in changes):
        return True
    return _may_be_filled(evidence)


_EXCHANGES: Final = frozenset({Kind.BUY, Kind.QUOTE_SWAP})
_PLAIN: Final = frozenset({Kind.SELL, Kind.TOKEN_SWAP})
# A look-up in an Enum is a call into Python.
_BUY: Final = Kind.BUY
_ORDER_PLACED: Final = Kind.ORDER_PLACED
_ROUND_TRIP: Final = Kind.ROUND_TRIP


def _may_be_closed(evidence: Evidence, changes: list[TokenChange]) -> bool:
    """Whether one of these accounts is opened or closed, or what has no tokens gives back what it was opened with.

    As who held goods does at last; where tokens of the wallet's move, that alone says nothing.
    """
    if evidence.has_opened:
        for each in changes:
            if evidence.lamports.get(each.account, 0) != evidence.foreign[each.account]:
                return True
    if evidence.deltas:
        return False
    known = {evidence.wallet, evidence.transaction.payer}
    return any(
        is_rent(-change, least_bytes=1) and account not in evidence.foreign
        for account, change in evidence.lamports.items()
        if -RENT_LARGEST_LAMPORTS <= change < 0 and account not in known
    )


def _of_holders(evidence: Evidence) -> list[TokenChange]:
    """Changes at foreign owners who may hold goods: named, and not the fee payer."""
    payer = evidence.transaction.payer
    return [each for each in evidence.changes if each.owner and each.owner != payer]


def _may_be_filled(evidence: Evidence) -> bool:
    """Whether the wallet gains something for a service's SOL alone, and one who loses something else gains nothing."""
    if evidence.legs.get(WSOL, 0) >= 0 or evidence.trade_sol < -SERVICE_LAMPORTS:
        return False
    if any(units < 0 for units in evidence.deltas.values()):
        return False
    return any(_gives_alone(evidence, each) for each in _of_holders(evidence))


def _gives_alone(evidence: Evidence, change: TokenChange) -> bool:
    """Whether this account loses something and its owner gains nothing, neither units nor lamports: no pool does."""
    return (
        change.units < 0
        and evidence.lamports.get(change.owner, 0) <= 0
        and not any(each.units > 0 and each.owner == change.owner for each in evidence.changes)
    )


def moves_of(transaction: Transaction) -> Moves:
    """What moved, in an order of its own."""
    return Moves(
        transaction.fee,
        transaction.names_owners,
        tuple(sorted([item for item in transaction.lamports.items() if item[1]])),
        tuple(
            sorted(
                [
                    (each.account, each.owner, each.mint, each.units, each.decimals)
                    for each in transaction.tokens
                ]
            )
        ),
    )
