"""Who is no member of a cohort although it holds or buys the token: exchanges, pools, programs, the operator's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from solders.pubkey import Pubkey

from streamproc.core.chain.exchanges import exchange_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamproc.events import OutsiderKind

SYSTEM_PROGRAM: Final = "11111111111111111111111111111111"  # owns every wallet's account


class WhyNot(NamedTuple):
    """Why an address is left out of a cohort: the kind, and in words."""

    kind: OutsiderKind
    reason: str


def by_address(address: str, operators: Collection[str]) -> WhyNot | None:
    """Why an address is no member, from the address alone; None when that says nothing against it.

    `operators` are the addresses that the operator has analyzed never. An address off the curve has no private key: it
    is derived by a program, as those of pools, escrows and vaults are.
    """
    if address in operators:
        return WhyNot("operator", "on the operator's list")
    if exchange := exchange_of(address):
        return WhyNot("exchange", f"a hot wallet of {exchange}")
    if not Pubkey.from_string(address).is_on_curve():
        return WhyNot("program", "no private key: an address that a program derives")
    return None


def by_account(owner: str | None, *, is_executable: bool, is_odd: bool) -> WhyNot | None:
    """Why an address is no member, from its account now; None for a wallet, funded or not.

    `owner` is the program that owns the account, None when it was never funded.
    """
    if is_odd:
        return WhyNot("unreadable", "its account cannot be read")
    if is_executable:
        return WhyNot("program", "a program")
    if owner not in {None, SYSTEM_PROGRAM}:
        return WhyNot("program", f"its account is owned by the program {owner}")
    return None
