"""Rent: what accounts keep is no price, whoever paid it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.core.chain.solana import LIKELY_RENTS, TOKEN_ACCOUNT_RENTS
from streamproc.core.chain.tips import TIP_ACCOUNTS, tips_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.core.ledger.wallet_view import WalletView


def rent_of(view: WalletView) -> int:
    """Lamports that the wallet paid for others or tied up (+), that others paid for it or that were released (-)."""
    rent = 0
    if view.has_opened or not view.is_payer:
        rent = _opened(view)
    if view.still:
        rent += sum(_own_still(view))
    if view.held:
        rent += sum(_holders(view))
    return rent + _empty(view) if view.is_payer else rent


def may_be_rent(view: WalletView) -> bool:
    """Whether an account that nobody names moved as a token account does: where owners are not named, that is doubt.

    One without a token change, neither the wallet, the fee payer nor a tip account, that moves by the rent of 165 to
    182 bytes, or by the difference of two rates for 165.
    """
    known = {view.wallet, view.transaction.payer}
    return any(
        abs(change) in LIKELY_RENTS
        and account not in known
        and account not in view.own
        and account not in view.foreign
        and account not in TIP_ACCOUNTS
        for account, change in view.lamports.items()
    )


def _opened(view: WalletView) -> int:
    """What token accounts whose amount changes were opened with: their lamports beyond their WSOL.

    The wallet paid and the account is foreign: added. Somebody else paid and the account is the wallet's: subtracted.
    """
    sign, side = (1, view.foreign) if view.is_payer else (-1, view.own)
    rent = 0
    for account, opened in side.items():
        if opened > 0 and _paid_by_payer(view, account, opened):
            rent += sign * opened
    return rent


def _paid_by_payer(view: WalletView, account: str, opened: int) -> bool:
    """Whether the fee payer paid for an account that was opened, and not the account's owner.

    The owner did when its own lamports fell by at least that much: in a bundle each signer funds its own account, and
    a relayed trader too. The payer did all the same when what it lost beyond fee and tips is exactly the sum of all
    such accounts of others.
    """
    owner = _owner(view, account)
    if owner == view.transaction.payer:
        return True
    return -view.lamports.get(owner, 0) < opened or _payer_paid_all(view)


def _owner(view: WalletView, account: str) -> str:
    """Whose a token account is, "" when nobody says; goods of the wallet's are the wallet's."""
    for change in view.transaction.tokens:
        if change.account == account:
            return view.wallet if view.is_own(change) else change.owner
    return ""


def _payer_paid_all(view: WalletView) -> bool:
    """Whether the fee payer lost exactly what all accounts of others were opened with, beyond fee and tips.

    Accounts that were opened empty count too, or not: only the raw form names them.
    """
    transaction = view.transaction
    lost = -view.lamports.get(transaction.payer, 0) - transaction.fee - tips_in(transaction)
    changed = sum(_opened_for_others(view, view.own, view.foreign))
    empty = sum(
        max(0, view.lamports.get(each.account, 0))
        for each in view.still
        if each.owner != transaction.payer
    )
    return lost > 0 and lost in {changed, changed + empty}


def _opened_for_others(view: WalletView, *sides: dict[str, int]) -> Iterator[int]:
    """What each token account that changed and is not the fee payer's was opened with."""
    for side in sides:
        for account, opened in side.items():
            if opened > 0 and _owner(view, account) != view.transaction.payer:
                yield opened


def _own_still(view: WalletView) -> Iterator[int]:
    """What each own account gained or lost that kept its amount: opened empty, closed, topped up, freed of a surplus.

    Of whatever size; nothing when somebody else paid to open it.
    """
    for change in view.still:
        lamports = view.lamports.get(change.account, 0)
        if not view.is_own(change) or change.account == view.wallet:
            continue
        is_gift = (
            lamports > 0 and not view.is_payer and _paid_by_payer(view, change.account, lamports)
        )
        if not is_gift:
            yield lamports


def _holders(view: WalletView) -> Iterator[int]:
    """What each holder of the wallet's goods itself and its other accounts gained or lost, WSOL apart."""
    lamports, held, own = view.lamports, view.held, view.own
    for account, change in lamports.items():
        if account in held and account not in own:
            yield change
    others = {each.account for each in view.changes if each.owner in held}
    for account in others - held.keys():
        opened = view.foreign[account]
        # Above, the payer of the fee was charged already.
        is_counted = opened > 0 and view.is_payer and _paid_by_payer(view, account, opened)
        if not is_counted:
            yield opened
    for each in view.still:
        if each.owner in held and not view.is_own(each) and each.account not in held:
            yield lamports.get(each.account, 0)


def _empty(view: WalletView) -> int:
    """What accounts without a token change moved by exactly the rent of a token account, the wallet paying the fee.

    Neither the wallet nor a tip account, and none whose owner is named and paid for it or got it back.
    """
    if TOKEN_ACCOUNT_RENTS.isdisjoint(view.lamports.values()):
        return 0
    rent = 0
    apart: set[str] | None = None
    for account, change in view.lamports.items():
        if (
            change in TOKEN_ACCOUNT_RENTS
            and account != view.wallet
            and account not in view.own
            and account not in view.foreign
            and account not in TIP_ACCOUNTS
        ):
            apart = set(_settled(view)) if apart is None else apart
            if account not in apart:
                rent += change
    return rent


def _settled(view: WalletView) -> Iterator[str]:
    """Accounts that are no question of size: counted by their owner, or between a foreign owner and its own account."""
    for change in view.still:
        lamports = view.lamports.get(change.account, 0)
        got = view.lamports.get(change.owner, 0)
        if view.is_own(change) or change.owner in view.held:
            yield change.account
        elif lamports and got * lamports < 0 and abs(got) >= abs(lamports):
            yield from (change.account, change.owner)
    for account in view.lamports:
        if account in view.held:
            yield account
