"""Token accounts of a mint: those that a world has, or a crowd so large that it is made as it is asked for."""

from __future__ import annotations

from bisect import bisect_left
from math import gcd
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.wire.archive import MintState, TokenState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamproc.sandbox.chain.addresses import AddressBook

CROWD_LARGEST: Final = 180_000_000 * 10**6  # base units: what the first of a crowd holds
CROWD_EXPONENT: Final = 1.05  # of the power law by rank
CROWD_DECIMALS: Final = 6
CROWD_STEP: Final = 104_729  # a prime: between the ranks of neighbouring accounts
POOL_RANK: Final = 0  # an address that a program derives
EXCHANGE_RANK: Final = 1
PROGRAM_RANK: Final = 3  # has a key, and its account is a program's
DOUBLE_RANKS: Final = (5, 9)  # accounts of one owner


class ListedHoldings:
    """The token accounts that there are."""

    def __init__(self, states: Iterable[TokenState]) -> None:
        self._states = sorted(states, key=lambda state: state.address)

    def numbers(self, low: int, high: int) -> Sequence[int]:
        """Return the accounts that hold `low` to below `high` base units."""
        return [n for n, state in enumerate(self._states) if low <= state.amount < high]

    def state(self, number: int) -> TokenState:
        """Return one account."""
        return self._states[number]

    def largest(self, count: int) -> Sequence[TokenState]:
        """Return the accounts that hold most."""
        return sorted(self._states, key=lambda state: (-state.amount, state.address))[:count]


class Crowd:
    """A mint with as many holders as wanted: amounts by a power law, nothing in memory.

    Of the largest one is a pool, one an exchange, one a program's account, and two accounts have the same owner.
    """

    def __init__(self, book: AddressBook, size: int) -> None:
        self.mint = book.named("crowd")
        self.size = size
        self.program_account = book.keyed(f"crowd/{PROGRAM_RANK}")
        self._book = book
        self._step = next(s for s in range(CROWD_STEP, CROWD_STEP + size) if gcd(s, size) == 1)
        self._back = pow(self._step, -1, size)

    def state_of_mint(self) -> MintState:
        """Return the mint."""
        return MintState(known.TOKEN, CROWD_DECIMALS, 10**9 * 10**CROWD_DECIMALS)

    def numbers(self, low: int, high: int) -> Sequence[int]:
        """Return the accounts that hold `low` to below `high` base units."""
        if low <= 0 and high > CROWD_LARGEST:
            return range(self.size)
        ranks = range(self.size)
        first = bisect_left(ranks, -(high - 1), key=lambda rank: -_amount(rank))
        last = bisect_left(ranks, -low + 1, key=lambda rank: -_amount(rank))
        return sorted(rank * self._back % self.size for rank in range(first, last))

    def state(self, number: int) -> TokenState:
        """Return one account."""
        rank = number * self._step % self.size
        return TokenState(
            address=self._book.named(f"crowd/account/{rank}"),
            mint=self.mint,
            owner=self.owner(rank),
            program=known.TOKEN,
            amount=_amount(rank),
            decimals=CROWD_DECIMALS,
            lamports=rents.rent(known.TOKEN_ACCOUNT_BYTES, rents.OLDEST_RATE),
        )

    def largest(self, count: int) -> Sequence[TokenState]:
        """Return the accounts that hold most."""
        return [self.state(rank * self._back % self.size) for rank in range(min(count, self.size))]

    def owner(self, rank: int) -> str:
        """Return whose the account of this rank is, 0 being the largest."""
        if rank == POOL_RANK:
            return self._book.derived("crowd/pool")
        if rank == EXCHANGE_RANK:
            return known.EXCHANGE
        return self._book.keyed(f"crowd/{DOUBLE_RANKS[0] if rank in DOUBLE_RANKS else rank}")


def _amount(rank: int) -> int:
    return int(CROWD_LARGEST / (rank + 1) ** CROWD_EXPONENT)
