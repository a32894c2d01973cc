"""What a request will ask of the upstream, from what is known of its wallets: calls, credits and seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = 1000  # transactions of a full page
CREDITS_PER_HUNDRED: Final = 10
# Per wallet whatever its history: is it a wallet (1 call), what lies below the oldest filter (1 page), and its
# balances (an account and two token programs).
KIND_CALLS: Final = 1
OLD_PART_CALLS: Final = 1
BALANCE_CALLS: Final = 3
# Transactions that one core unpacks, reads and stores in a second: assumed, about half of what part a of `./run bench
# sync` reads on one, because storing costs about as much again.
STORED_PER_CORE_S: Final = 10_000
LONGEST_CHAIN_CALLS: Final = 4  # kind, newest page, the rest side by side, the old part


class Extent(NamedTuple):
    """How many transactions of a wallet are to be listed; `is_new` when nothing of it is stored."""

    wallet: str
    transactions: int
    is_exact: bool
    is_new: bool = True


class Estimate(NamedTuple):
    """What it will take; `is_exact` is false as soon as one wallet's length is an extrapolation."""

    transactions: int
    calls: int
    credits: int
    seconds: float
    is_exact: bool


def extrapolated(listed: int, newest: int, oldest_listed: int, first: int) -> int:
    """How many transactions there are from slot `first` on, if all are as dense as the newest ones.

    >>> extrapolated(1000, 200_000, 100_000, 0)
    2000
    >>> extrapolated(1000, 5, 5, 5)
    1000
    """
    span = newest - oldest_listed
    return max(listed, listed * (newest - first) // span) if span > 0 else listed


def estimate(extents: Iterable[Extent], *, rate: float, latency_s: float, cores: int) -> Estimate:
    """The sum over all wallets; `rate` is calls a second, of all of them, by the bucket of plain calls.

    Names and prices are not counted: they are kept for long, and shared by all requests.
    """
    wallets = list(extents)
    pages = [max(1, -(-each.transactions // PAGE)) for each in wallets]
    new = sum(each.is_new for each in wallets)
    calls = sum(pages) + new * (KIND_CALLS + OLD_PART_CALLS) + BALANCE_CALLS * len(wallets)
    hundreds = sum(max(1, -(-each.transactions // 100)) for each in wallets) + new * OLD_PART_CALLS
    transactions = sum(each.transactions for each in wallets)
    by_rate_s = calls / rate
    by_reading_s = transactions / (STORED_PER_CORE_S * cores)
    chain_s = LONGEST_CHAIN_CALLS * latency_s
    return Estimate(
        transactions,
        calls,
        CREDITS_PER_HUNDRED * hundreds + new * KIND_CALLS + BALANCE_CALLS * len(wallets),
        round(max(by_rate_s, by_reading_s) + chain_s, 1),
        all(each.is_exact for each in wallets),
    )
