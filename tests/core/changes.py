"""Transactions written as what moved, for tests of the ledger's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.ledger import entry_of

if TYPE_CHECKING:
    from streamproc.core.ledger.entries import Entry

FEE: Final = 5_000
SOL: Final = 10**9
ACCOUNT: Final = 2_039_280  # what a token account kept until September 2026: 293 * 6 960
WSOL: Final = "So11111111111111111111111111111111111111112"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"

Token = tuple[str, str, str, int]  # account, owner, mint, units
Whole = tuple[str, str, str, int, int]  # and decimals, 6 without


def transaction(
    lamports: dict[str, int],
    *tokens: Token | Whole,
    payer: str = "W",
    signature: str = "sig",
    slot: int = 7,
    names_owners: bool = True,
) -> Transaction:
    """A transaction that did not fail; the lamports of a WSOL account follow its units when they are not given."""
    changes = [TokenChange(*each, *(() if len(each) > 4 else (6,))) for each in tokens]
    wrapped = {each.account: each.units for each in changes if each.mint == WSOL}
    return Transaction(
        signature,
        slot,
        0,
        1_000 + slot,
        False,
        FEE,
        payer,
        {**wrapped, **lamports},
        changes,
        names_owners=names_owners,
    )


def entry(
    lamports: dict[str, int], *tokens: Token | Whole, payer: str = "W", wallet: str = "W"
) -> Entry:
    """The entry of a wallet for these changes."""
    return entry_of(transaction(lamports, *tokens, payer=payer), wallet)


def pool(token: int, quote: int, mint: str = WSOL) -> tuple[Token, Token]:
    """A pool's two accounts: COIN and a quote."""
    return ("pool.C", "pool", "COIN", token), ("pool.Q", "pool", mint, quote)
