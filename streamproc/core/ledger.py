"""Transaction -> ledger entry of one wallet. Only balances are evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamproc.core.entries import TRANSFER_KINDS, Entry, Kind, quote_legs
from streamproc.core.kinds import Evidence, kind_of
from streamproc.core.solana import QUOTES, TOKEN_ACCOUNT_RENTS, WSOL
from streamproc.core.tips import TIP_ACCOUNTS

if TYPE_CHECKING:
    from streamproc.core.transactions import TokenChange, Transaction

_ROUTED_APART = 100  # two ends of a route differ by at most one part in so many (fees of the pools)


class _Accounts(msgspec.Struct, gc=False):
    """The token accounts that changed, seen from the wallet."""

    own: dict[str, int]  # own token accounts -> their change of WSOL
    foreign: dict[str, int]  # the same of all others
    deltas: dict[str, int]  # mint -> sum over own accounts, without WSOL


def entry_of(transaction: Transaction, wallet: str) -> Entry:
    """The books' view of one transaction; a transaction without anything of the wallet's is `other` with zeros."""
    payer = transaction.payer == wallet
    network_fee = transaction.fee if payer else 0
    if transaction.failed:
        return _failed(transaction, network_fee)
    accounts = _accounts(transaction.tokens, wallet)
    lamports = transaction.lamports
    sol_delta = lamports.get(wallet, 0) + sum([lamports.get(own, 0) for own in accounts.own])
    tips = _tips(lamports, wallet) if payer else 0
    rent = (
        _paid_rent(transaction, wallet, accounts)
        if payer
        else _received_rent(lamports, accounts.own)
    )
    trade_sol = sol_delta + network_fee + tips + rent
    moved = {mint: units for mint, units in accounts.deltas.items() if units}
    legs = quote_legs(trade_sol, moved.items())
    kind = kind_of(Evidence(wallet, trade_sol, moved, legs, payer, transaction.tokens))
    deltas = tuple(sorted(moved.items()))
    return Entry(
        transaction.signature,
        transaction.slot,
        transaction.index,
        transaction.time,
        False,
        transaction.estimated,
        transaction.payer,
        network_fee,
        sol_delta,
        tips,
        rent,
        kind,
        deltas,
        _routed_quote(transaction.tokens, wallet) if kind is Kind.TOKEN_SWAP else None,
        _counterparty(transaction, wallet, kind, deltas) if kind in TRANSFER_KINDS else None,
    )


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


def _accounts(tokens: list[TokenChange], wallet: str) -> _Accounts:
    """Own and foreign token accounts apart, and what the wallet's own gained."""
    own: dict[str, int] = {}
    foreign: dict[str, int] = {}
    deltas: dict[str, int] = {}
    for change in tokens:
        account, mint = change.account, change.mint
        is_own = change.owner == wallet
        side = own if is_own else foreign
        if mint == WSOL:
            side[account] = side.get(account, 0) + change.units
            continue
        side.setdefault(account, 0)
        if is_own:
            deltas[mint] = deltas.get(mint, 0) + change.units
    return _Accounts(own, foreign, deltas)


def _tips(lamports: dict[str, int], wallet: str) -> int:
    """Lamports gained by tip accounts."""
    if TIP_ACCOUNTS.isdisjoint(lamports):
        return 0
    return sum(max(0, lamports.get(tip, 0)) for tip in TIP_ACCOUNTS if tip != wallet)


def _paid_rent(transaction: Transaction, wallet: str, accounts: _Accounts) -> int:
    """Lamports that the wallet, paying the fee, put into accounts of others; what empty accounts gave back is negative.

    A token account that changed was opened for what its lamports grew beyond its WSOL. An account without a token
    change is known as a token account by moving exactly what an empty one keeps.
    """
    lamports = transaction.lamports
    rent = 0
    for account, wsol in accounts.foreign.items():
        opened = lamports.get(account, 0) - wsol
        if opened > 0:
            rent += opened
    for account, change in lamports.items():
        if (
            abs(change) in TOKEN_ACCOUNT_RENTS
            and account != wallet
            and account not in accounts.own
            and account not in accounts.foreign
            and account not in TIP_ACCOUNTS
        ):
            rent += change
    return rent


def _received_rent(lamports: dict[str, int], own: dict[str, int]) -> int:
    """Minus the lamports that others put into the wallet's own token accounts."""
    return -sum([max(0, lamports.get(account, 0) - wsol) for account, wsol in own.items()])


def _routed_quote(tokens: list[TokenChange], wallet: str) -> tuple[str, int] | None:
    """The one quote that leaves exactly one foreign account and reaches exactly one other, at most 1 % apart.

    Its smaller amount; None when no quote, or more than one, does.
    """
    foreign: dict[str, list[int]] = {}
    for change in tokens:
        if change.mint in QUOTES and change.owner != wallet:
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
