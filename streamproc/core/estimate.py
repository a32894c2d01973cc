"""What a request will ask of the upstream, from what is known of its wallets: calls, credits and seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = 1000  # transactions of a full page
CREDITS_PER_HUNDRED: Final = 10
ACCOUNTS_PER_CALL: Final = 100  # asked about at once, by kinds and by balances
TOKEN_PROGRAMS: Final = 2  # each wallet's accounts are listed once for each
# Transactions that one core unpacks, reads and stores in a second, Postgres' share included: the row "reading and
# storing" of part a of `./run bench sync` says 16 000 and more.
STORED_PER_CORE_S: Final = 16_000
LONGEST_CHAIN_CALLS: Final = 4  # kind, newest page, the rest side by side, the old part


class Extent(NamedTuple):
    """How many transactions of a wallet are to be listed, and what is known of it.

    `is_new`: nothing of it is stored. `is_capped`: only its newest transactions are wanted, and it has more.
    `is_fresh`: its history is not asked for at all. `is_outdated`: what is stored of it is of an older format, and is
    listed anew as that of a new one. `listing_calls`: it is listed by the standard methods, with so many calls and one
    more for each transaction; None: in full pages.
    """

    wallet: str
    transactions: int
    is_exact: bool
    is_new: bool = True
    is_capped: bool = False
    is_fresh: bool = False
    is_outdated: bool = False
    listing_calls: int | None = None


class Estimate(NamedTuple):
    """What it will take; `is_exact` is false as soon as one wallet's length is an extrapolation, or a lower bound.

    `is_least`: a lower bound it is, for standard methods tell of closed token accounts in transactions only.
    """

    transactions: int
    calls: int
    credits: int
    seconds: float
    is_exact: bool
    outdated_wallets: int = (
        0  # stored in an older format: what listing them anew costs is in the sums
    )
    is_least: bool = False
    cohort_wallets: int | None = None  # how many the rule chooses now; None for a list
    cohort_credits: int = 0  # of choosing them; in the sum


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

    Calls are the fewest: full pages, and wallets of a request asked about together. Fetchers that share a long history
    end with part of a page: a few percent more. Names and prices are not counted: they are kept for long, and shared
    by all requests.
    """
    wallets = list(extents)
    singly = sum(
        each.listing_calls + each.transactions for each in wallets if each.listing_calls is not None
    )
    listed = [each for each in wallets if not each.is_fresh and each.listing_calls is None]
    new = [each for each in wallets if each.is_new]
    # What lies below the oldest filter is a page of its own, once a whole history is wanted.
    old_parts = sum(not each.is_capped for each in new if each.listing_calls is None)
    kinds, balances = _accounts_calls(len(new)), _accounts_calls(len(wallets))
    balances += TOKEN_PROGRAMS * len(wallets)
    pages = sum(_started(each.transactions, PAGE) for each in listed)
    hundreds = sum(_started(each.transactions, 100) for each in listed)
    calls = kinds + pages + old_parts + balances + singly
    transactions = sum(each.transactions for each in wallets)
    longest_s = max(calls / rate, transactions / (STORED_PER_CORE_S * cores))
    return Estimate(
        transactions,
        calls,
        CREDITS_PER_HUNDRED * (hundreds + old_parts) + kinds + balances + singly,
        round(longest_s + LONGEST_CHAIN_CALLS * latency_s, 1),
        all(each.is_exact for each in wallets),
        sum(each.is_outdated for each in wallets),
        any(each.listing_calls is not None for each in wallets),
    )


def _accounts_calls(wallets: int) -> int:
    """How many calls tell the accounts of so many wallets."""
    return -(-wallets // ACCOUNTS_PER_CALL)


def _started(transactions: int, size: int) -> int:
    """How many pages, or hundreds, are begun; an empty history takes one."""
    return max(1, -(-transactions // size))
