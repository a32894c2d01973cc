"""Transaction -> ledger entry of one wallet. Only balances are evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.chain.solana import QUOTES, SMALL_COST_LAMPORTS, STABLES, WSOL, is_rent
from streamproc.core.chain.tips import TIP_ACCOUNTS, tips_in
from streamproc.core.ledger.entries import TRANSFER_KINDS, Entry, Kind, quote_legs
from streamproc.core.ledger.kinds import kind_of
from streamproc.core.ledger.orders import kept_moves, possible_holders
from streamproc.core.ledger.rents import may_be_rent, rent_of
from streamproc.core.ledger.wallet_view import NOTHING_HELD, view_of

if TYPE_CHECKING:
    from streamproc.core.chain.transactions import Transaction
    from streamproc.core.ledger.wallet_view import Held, WalletView

_ROUTED_APART = 100  # two ends of a route differ by at most one part in so many (fees of the pools)


def entry_of(transaction: Transaction, wallet: str) -> Entry:
    """The books' view of one transaction; a transaction without anything of the wallet's is `other` with zeros."""
    return read_transaction(transaction, wallet, NOTHING_HELD)[0]


def read_transaction(
    transaction: Transaction, wallet: str, held: Held
) -> tuple[Entry, tuple[str, str] | None]:
    """The entry when these hold goods of the wallet's for orders, and who holds which mint from here on, if new."""
    if transaction.failed:
        return _failed(transaction, transaction.fee if transaction.payer == wallet else 0), None
    view = view_of(transaction, wallet, held)
    entry = _entry(view)
    if entry.kind in _MAY_BE_PLACED:
        for holder in possible_holders(view):
            placed = _placed(view, *holder)
            if placed.kind is Kind.ORDER_PLACED:
                return placed, holder
    return entry, None


_MAY_BE_PLACED = frozenset({Kind.TRANSFER_OUT, Kind.OTHER})


def _placed(view: WalletView, owner: str, mint: str) -> Entry:
    """The entry when what was given stays the wallet's at this owner."""
    held = {**view.held, owner: {*view.held.get(owner, ()), mint}}
    return _entry(view_of(view.transaction, view.wallet, held))


def _entry(view: WalletView) -> Entry:
    """The entry; what it costs to get a transaction through joins the tips, whatever is left is the trade."""
    transaction, wallet = view.transaction, view.wallet
    network_fee = tips = 0
    if view.is_payer:
        network_fee, tips = transaction.fee, tips_in(transaction, wallet)
    sol_delta, rent = _sol_delta(view), rent_of(view)
    trade_sol = view.trade_sol = sol_delta + network_fee + tips + rent
    looks_like_rent = is_rent(-trade_sol)
    is_mirrored = looks_like_rent and view.mirrors(-trade_sol)
    stables = () if STABLES.isdisjoint(view.deltas) else view.deltas.items()
    is_price = is_mirrored or not looks_like_rent
    view.legs = quote_legs(trade_sol, stables, is_mirrored=is_price)
    if len(view.legs) > 1 and (small := _small_cost(view)):
        tips += small
        del view.legs[WSOL]
    kind = kind_of(view)
    is_swap = kind is _TOKEN_SWAP or (kind is _ORDER_FILLED and _swaps_goods(view))
    moved = view.deltas.items()
    deltas = tuple(sorted(moved) if len(moved) > 1 else moved)
    return Entry(
        transaction.signature,
        transaction.slot,
        transaction.index,
        transaction.time,
        False,
        transaction.estimated or (not transaction.names_owners and may_be_rent(view)),
        transaction.payer,
        network_fee,
        sol_delta,
        tips,
        rent,
        kind,
        deltas,
        _routed_quote(view) if is_swap else view.forwarded,
        _counterparty(transaction, wallet, kind, deltas) if kind in TRANSFER_KINDS else None,
        kind is _QUOTE_SWAP and _is_remainder(view),
        is_mirrored,
        kept_moves(view, kind),
    )


# A look-up in an Enum is a call into Python.
_QUOTE_SWAP: Final = Kind.QUOTE_SWAP
_TOKEN_SWAP: Final = Kind.TOKEN_SWAP
_ORDER_FILLED: Final = Kind.ORDER_FILLED


def _sol_delta(view: WalletView) -> int:
    """What the wallet and its own accounts whose amount changed gained, in lamports."""
    lamports, wallet = view.lamports, view.wallet
    gained = lamports.get(wallet, 0)
    for own in view.own:
        if own != wallet:
            gained += lamports.get(own, 0)
    return gained


def _failed(transaction: Transaction, network_fee: int) -> Entry:
    """A failed transaction: the fee and nothing else, whatever transfers it lists."""
    return Entry(
        signature=transaction.signature,
        slot=transaction.slot,
        index=transaction.index,
        time=transaction.time,
        failed=True,
        estimated=False,
        fee_payer=transaction.payer,
        network_fee=network_fee,
        sol_delta=-network_fee,
        tips=0,
        rent=0,
        kind=Kind.FAILED,
        deltas=(),
        routed_quote=None,
        counterparty=None,
    )


def _small_cost(view: WalletView) -> int:
    """SOL that is a cost of getting the transaction through, in lamports: beside a stable, small, and at no pool.

    If a token of the wallet's moves, a stable goes out or went round; with nothing but a stable coming in it may be a
    small exchange.
    """
    lamports = -view.legs.get(WSOL, 0)
    if not 0 < lamports <= SMALL_COST_LAMPORTS:
        return 0
    stables = [(mint, units) for mint, units in view.legs.items() if mint != WSOL]
    is_cost = (
        any(mint not in QUOTES for mint in view.deltas)
        or any(units < 0 for _, units in stables)
        or any(view.went_round(mint) for mint, _ in stables)
    )
    return lamports if is_cost and not view.mirrors(lamports) else 0


def _is_remainder(view: WalletView) -> bool:
    """Whether a foreign account moved the stable the opposite way by more than 5 / 4 of what the wallet did.

    A bridge that keeps 34.85 of 34.96 leaves a remainder of 0.11, which is no price of the SOL that went for it.
    """
    return any(
        units * own < 0 and 4 * abs(units) > 5 * abs(own)
        for mint, own in view.legs.items()
        if mint in STABLES
        for units in view.moved(mint)
    )


def _swaps_goods(view: WalletView) -> bool:
    """Whether tokens went for tokens, out of an order's goods."""
    return len({units > 0 for mint, units in view.deltas.items() if mint not in QUOTES}) > 1


def _routed_quote(view: WalletView) -> tuple[str, int] | None:
    """The one quote that leaves exactly one foreign account and reaches exactly one other, at most 1 % apart.

    Its smaller amount; None when no quote, or more than one, does.
    """
    foreign: dict[str, list[int]] = {}
    for change in view.changes:
        if change.mint in QUOTES:
            foreign.setdefault(change.mint, []).append(change.units)
    routed = []
    for mint, changes in foreign.items():
        if len(changes) != 2 or min(changes) > 0 or max(changes) < 0:  # noqa: PLR2004 - two ends
            continue
        larger, smaller = max(map(abs, changes)), min(map(abs, changes))
        if (larger - smaller) * _ROUTED_APART <= larger:
            routed.append((mint, smaller))
    return routed[0] if len(routed) == 1 else None


def _counterparty(
    transaction: Transaction, wallet: str, kind: Kind, deltas: tuple[tuple[str, int], ...]
) -> str | None:
    """The foreign owner (an account whose owner is not known stands for itself) that moved the opposite way most.

    Of the first mint by address that moved, SOL without any; ties go to the smaller address; None when nobody did, as
    with tokens that were minted or burnt on the way.
    """
    moved = _token_moves(transaction, deltas[0][0]) if deltas else _sol_moves(transaction)
    sign = -1 if kind is Kind.TRANSFER_IN else 1
    others = [
        (-sign * units, who) for who, units in moved.items() if who != wallet and sign * units > 0
    ]
    return min(others)[1] if others else None


def _token_moves(transaction: Transaction, mint: str) -> dict[str, int]:
    """Owner -> units of this mint."""
    moved: dict[str, int] = {}
    for change in transaction.tokens:
        if change.mint == mint:
            who = change.owner or change.account
            moved[who] = moved.get(who, 0) + change.units
    return moved


def _sol_moves(transaction: Transaction) -> dict[str, int]:
    """Owner -> lamports, the network fee given back; tip accounts left out."""
    owners = {change.account: change.owner for change in transaction.tokens if change.owner}
    moved: dict[str, int] = {transaction.payer: transaction.fee}
    for account, lamports in transaction.lamports.items():
        if account not in TIP_ACCOUNTS:
            who = owners.get(account, account)
            moved[who] = moved.get(who, 0) + lamports
    return moved
