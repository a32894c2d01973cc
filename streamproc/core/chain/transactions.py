"""The neutral transaction that both wire forms are read into: who gained and lost what, and nothing else."""

from __future__ import annotations

import msgspec


class TokenChange(msgspec.Struct, frozen=True, gc=False):
    """A token account whose amount changed. Its lamports stand in `Transaction.lamports`.

    The raw form also names accounts whose lamports changed alone: their units are 0. An account that changed its owner
    is two: the old owner's, which loses all its units (of WSOL as many lamports), and the new one's.
    """

    account: str
    owner: str  # "" when the record does not say
    mint: str
    units: int  # base units
    decimals: int


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One transaction, whoever looks at it."""

    signature: str
    slot: int
    index: int | None
    time: int | None
    failed: bool
    fee: int  # lamports
    payer: str
    lamports: dict[
        str, int
    ]  # account -> change, the fee included; unchanged accounts may be left out
    tokens: list[TokenChange]  # at most one for each account and mint
    estimated: bool = False  # put together from transfers
    names_owners: bool = True  # also of token accounts that kept their amount, as only the raw form
