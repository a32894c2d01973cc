"""Which transactions the enhanced form leaves in doubt: it names no owner of an account whose amount stays the same.

An account that moves by what a token account keeps, or by what one frees, may be anybody's. A reader of that form
alone can go by the size only, and has to say so.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.tip_accounts import TIP_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.sandbox.chain.chain import TokenRow

SIZES: Final = range(min(rents.TOKEN_ACCOUNT_SIZES), max(rents.TOKEN_ACCOUNT_SIZES) + 1)
LIKELY: Final = {rents.rent(size, rate) for size in SIZES for rate in rents.EVER} | {
    rents.rent(known.TOKEN_ACCOUNT_BYTES, abs(one - other))
    for one, other in combinations(rents.EVER, 2)
}
TIPS: Final = frozenset(TIP_ACCOUNTS)


def doubtful_accounts(
    changes: Iterable[tuple[str, int]], rows: Iterable[TokenRow], payer: str
) -> set[str]:
    """Return the accounts, of these lamport changes, that may be a token account and of which only the size is seen."""
    moved = {account for account, change in changes if abs(change) in LIKELY}
    if not moved:
        return moved
    return moved - TIPS - {payer} - {row.account for row in rows if row.change}
