"""A transaction as one wallet sees it: what is its own, what is foreign, and the sums that rules ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamproc.core.chain.solana import WSOL, is_rent
from streamproc.core.chain.transactions import TokenChange, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    # Who holds goods of the wallet's for an order, and of which mints: their accounts of these mints are the wallet's.
    Held = Mapping[str, AbstractSet[str]]

NOTHING_HELD: Final[Held] = {}
_WENT_ROUND: Final = 10  # times what the wallet gained or lost, each way


class WalletView(msgspec.Struct, gc=False):
    """Own and foreign token accounts apart; of a transaction that did not fail."""

    transaction: Transaction
    lamports: dict[str, int]  # account -> change
    wallet: str
    held: Held
    is_payer: bool
    own: dict[str, int]  # own token accounts whose amount changes -> lamports gained beyond WSOL
    foreign: dict[str, int]  # the same of all others
    changes: list[TokenChange]  # of foreign accounts whose amount changes
    deltas: dict[str, int]  # mint -> sum over own accounts, none of them 0, without WSOL
    goods: tuple[TokenChange, ...]  # of own accounts at somebody who holds them for an order
    still: tuple[TokenChange, ...]  # that kept their amount; only the raw form names them
    has_indivisible: bool  # whether an own account of a token without decimals changed
    has_opened: bool  # whether lamports of a foreign token account moved beyond its WSOL
    forwarded: tuple[str, int] | None = None  # see `forwarded`
    trade_sol: int = 0
    legs: dict[str, int] = {}  # quote mint -> signed units, from dust upwards

    def is_own(self, change: TokenChange) -> bool:
        """Whether the account is the wallet's, or holds its goods."""
        return change.owner == self.wallet or is_held(change, self.held)

    def supply(self, mint: str) -> int:
        """How many units were minted (+) or burnt (-)."""
        return sum([change.units for change in self.transaction.tokens if change.mint == mint])

    def decimals(self, mint: str) -> int:
        """The decimals of a mint that moved."""
        return next(each.decimals for each in self.transaction.tokens if each.mint == mint)

    def is_destroyed(self, mint: str) -> bool:
        """Whether of this token, which left the wallet, at least half as much went out of existence.

        The sum over all accounts falls too when a fee is withheld from a transfer, but by less.
        """
        return 2 * self.supply(mint) <= self.deltas[mint]

    def moved(self, mint: str) -> Iterator[int]:
        """What each foreign account of this mint gained or lost."""
        return (change.units for change in self.changes if change.mint == mint)

    def mirrors(self, lamports: int) -> bool:
        """Whether a foreign WSOL account gains just that much."""
        return any(units == lamports for units in self.moved(WSOL))

    def went_round(self, mint: str) -> bool:
        """Whether this mint entered foreign token accounts and left others, each way ten times the wallet's own."""
        own = self.trade_sol if mint == WSOL else self.deltas.get(mint, 0)
        units = list(self.moved(mint))
        into, out = sum(filter(_is_gain, units)), -sum(each for each in units if each < 0)
        return min(into, out) >= max(1, _WENT_ROUND * abs(own))

    def reserves_paid(self) -> int:
        """Lamports that foreign accounts without a token change lost, the payer's and rents left out."""
        known = {self.wallet, self.transaction.payer}
        return -sum(
            change
            for account, change in self.lamports.items()
            if change < 0
            and account not in known
            and account not in self.own
            and account not in self.foreign
            and not is_rent(-change)
        )


def is_held(change: TokenChange, held: Held) -> bool:
    """Whether the account holds goods of the wallet's for an order."""
    return change.mint in held.get(change.owner, ())


def _is_gain(units: int) -> bool:
    """Whether something came in."""
    return units > 0


def view_of(transaction: Transaction, wallet: str, held: Held) -> WalletView:
    """Own and foreign token accounts apart, and what the wallet's own gained."""
    lamports = transaction.lamports
    own: dict[str, int] = {}
    foreign: dict[str, int] = {}
    deltas: dict[str, int] = {}
    changes: list[TokenChange] = []
    still: list[TokenChange] = []
    has_indivisible = False
    for change in transaction.tokens:
        if not change.units:
            still.append(change)
            continue
        account, mint, beyond = change.account, change.mint, own
        if change.owner == wallet or (held and is_held(change, held)):
            if mint != WSOL:
                deltas[mint] = deltas.get(mint, 0) + change.units
            has_indivisible |= not change.decimals
        else:
            beyond = foreign
            changes.append(change)
        if account not in beyond:
            beyond[account] = lamports.get(account, 0)
        if mint == WSOL:
            beyond[account] -= change.units
    return WalletView(
        transaction,
        lamports,
        wallet,
        held,
        transaction.payer == wallet,
        own,
        foreign,
        changes,
        _not_zero(deltas) if 0 in deltas.values() else deltas,
        _goods(transaction, wallet, held) if held else (),
        tuple(still),
        has_indivisible,
        any(foreign.values()),
    )


def _not_zero(deltas: dict[str, int]) -> dict[str, int]:
    """What changed by something."""
    return {mint: units for mint, units in deltas.items() if units}


def _goods(transaction: Transaction, wallet: str, held: Held) -> tuple[TokenChange, ...]:
    """What moved at others who hold it for an order."""
    moved = [change for change in transaction.tokens if change.units and change.owner != wallet]
    return tuple([change for change in moved if is_held(change, held)])
