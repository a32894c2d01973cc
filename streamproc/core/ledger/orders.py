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
    from streamproc.core.ledger.wallet_view import WalletView


def possible_holders(view: WalletView) -> Iterator[tuple[str, str]]:
    """Who may hold the goods of an order placed here, and which mint they are; WSOL for SOL.

    The wallet, paying the fee, gets nothing and gives one token or stable, or SOL. All of it reaches a token account
    opened in this transaction, whose owner is opened in it too: its lamports rise by exactly a rent of one byte or more
    (sending to a friend opens no friend). Or that owner holds goods of the wallet's already. What the wallet's lamports
    lose beside is for the entry to say that is made with this holder.
    """
    if not view.is_payer or view.trade_sol > 0 or len(view.deltas) > 1:
        return
    if view.deltas:
        ((mint, units),) = view.deltas.items()
        yield from _reached(view, mint, -units)
        return
    gains = [units for units in view.moved(WSOL) if units > 0]
    if len(gains) == 1:  # SOL that goes as WSOL, and to nobody else
        yield from _reached(view, WSOL, gains[0])


def _reached(view: WalletView, mint: str, units: int) -> Iterator[tuple[str, str]]:
    """The owners, with the mint, of foreign accounts that gained just these units and may hold goods."""
    for change in view.changes:
        is_all = change.mint == mint and change.units == units > 0
        if is_all and change.owner and (change.owner in view.held or _is_opened(view, change)):
            yield change.owner, mint


def _is_opened(view: WalletView, change: TokenChange) -> bool:
    """Whether the token account and its owner are both opened here."""
    rise = view.lamports.get(change.owner, 0)
    return (
        view.foreign[change.account] > 0
        and change.account != change.owner
        and is_rent(rise, least_bytes=1)
    )


def kept_moves(view: WalletView, kind: Kind) -> Moves | None:
    """All that the transaction moved, where goods of an order may have moved; None for nearly all transactions.

    Whether they did, only the history before it can tell. The holder is an account of a program: it pays no fee.
    """
    if not view.has_opened and (  # most of all
        kind in _PLAIN or (kind is _BUY and view.trade_sol < -SERVICE_LAMPORTS)
    ):
        return None
    if kind is not _ORDER_PLACED and not _may_move_goods(view, kind):
        return None
    return moves_of(view.transaction)


def _may_move_goods(view: WalletView, kind: Kind) -> bool:
    """Whether a foreign owner may have held goods of the wallet's, from what it and the wallet gained and lost.

    It closes or opens a token account beside what the wallet does; or it loses while the wallet gains for nothing but a
    service's SOL (filled, taken back in part); or it gains while the wallet gives for nothing (topped up); or it is
    closed itself where the wallet gets nothing but SOL.
    """
    if kind in _EXCHANGES and not view.has_opened:
        return _may_be_filled(view)
    if not (view.is_payer or view.deltas or view.trade_sol):
        return False
    changes = _of_holders(view)
    if _may_be_closed(view, changes):
        return True
    if kind is _ROUND_TRIP:
        return False
    moved = [units for mint, units in view.deltas.items() if mint not in QUOTES]
    moved += view.legs.values()
    if not moved:  # what is worthless is sold for less than dust
        moved = [units for units in (*view.deltas.values(), view.trade_sol) if units > 0]
    is_one_way = bool(moved) and not min(moved) < 0 < max(moved)
    if is_one_way and any(each.units * moved[0] < 0 for each in changes):
        return True
    return _may_be_filled(view)


_EXCHANGES: Final = frozenset({Kind.BUY, Kind.QUOTE_SWAP})
_PLAIN: Final = frozenset({Kind.SELL, Kind.TOKEN_SWAP})
# A look-up in an Enum is a call into Python.
_BUY: Final = Kind.BUY
_ORDER_PLACED: Final = Kind.ORDER_PLACED
_ROUND_TRIP: Final = Kind.ROUND_TRIP


def _may_be_closed(view: WalletView, changes: list[TokenChange]) -> bool:
    """Whether one of these accounts is opened or closed, or what has no tokens gives back what it was opened with.

    As who held goods does at last; where tokens of the wallet's move, that alone says nothing.
    """
    if view.has_opened and any(view.foreign[each.account] for each in changes):
        return True
    if view.deltas:
        return False
    known = {view.wallet, view.transaction.payer}
    return any(
        is_rent(-change, least_bytes=1) and account not in view.foreign
        for account, change in view.lamports.items()
        if -RENT_LARGEST_LAMPORTS <= change < 0 and account not in known
    )


def _of_holders(view: WalletView) -> list[TokenChange]:
    """Changes at foreign owners who may hold goods: named, and not the fee payer."""
    payer = view.transaction.payer
    return [each for each in view.changes if each.owner and each.owner != payer]


def _may_be_filled(view: WalletView) -> bool:
    """Whether the wallet gains something for a service's SOL alone, and one who loses something else gains nothing."""
    if view.legs.get(WSOL, 0) >= 0 or view.trade_sol < -SERVICE_LAMPORTS:
        return False
    if any(units < 0 for units in view.deltas.values()):
        return False
    return any(_gives_alone(view, each) for each in _of_holders(view))


def _gives_alone(view: WalletView, change: TokenChange) -> bool:
    """Whether this account loses something and its owner gains nothing, neither units nor lamports: no pool does."""
    return (
        change.units < 0
        and view.lamports.get(change.owner, 0) <= 0
        and not any(each.units > 0 and each.owner == change.owner for each in view.changes)
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
