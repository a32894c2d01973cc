"""What a wallet holds now: its own lamports, and its token accounts of both programs summed by mint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class TokenAccount(NamedTuple):
    """One token account as the upstream lists it."""

    mint: str
    amount: str  # base units, as written in the answer: it may pass 64 bits in sums, and floats never see it
    decimals: int | None  # None: the answer's are none
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """One mint that the wallet holds some of."""

    mint: str
    amount: int  # base units over all accounts, > 0
    decimals: int | None
    accounts: int  # that hold some
    is_frozen: bool  # any account that holds some is frozen


@dataclass(frozen=True, slots=True)
class Balances:
    """A wallet's balances. WSOL is among the holdings: it is not the native balance."""

    lamports: int
    tokens: tuple[Holding, ...]  # by mint


def balances_of(lamports: int | None, accounts: Iterable[TokenAccount]) -> Balances:
    """The sums by mint over the accounts of both token programs, empty accounts left out.

    `lamports` None is an address that was never funded: it has 0 SOL and is no error.
    """
    held: dict[str, list[TokenAccount]] = {}
    for account in accounts:
        if int(account.amount):
            held.setdefault(account.mint, []).append(account)
    tokens = tuple(
        Holding(
            mint,
            sum(int(account.amount) for account in own),
            own[0].decimals,
            len(own),
            any(account.is_frozen for account in own),
        )
        for mint, own in sorted(held.items())
    )
    return Balances(lamports or 0, tokens)
