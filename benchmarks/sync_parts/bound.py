"""The least that a synchronization can take, from the rate, the latency and the speeds measured in the same run."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from streamproc.limits import ACCOUNTS_PER_CALL
from streamproc.upstream.client.calls import PLAIN_CREDITS, full_page_credits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync_parts.speeds import Speeds

LATENCY_S: Final = 0.25  # of every call
RPS: Final = 50.0  # calls a second of a Developer plan
PAGE: Final = 1000  # transactions of the largest page


class Bound(NamedTuple):
    """Seconds that each limit takes by itself."""

    calls: float
    chain: float
    bytes: float
    reading: float
    storing: float  # reading and storing on the same cores: this machine's, not the upstream's

    @property
    def least_s(self) -> float:
        """The largest of what an upstream and a reader need; storing is apart."""
        return max(self.calls, self.chain, self.bytes, self.reading)


class Least(NamedTuple):
    """The fewest calls and credits, and how many of the calls must wait for each other."""

    calls: int
    credits: int
    chain: int


def least(lengths: Sequence[int]) -> Least:
    """Of wallets that nobody knows.

    One call a hundred wallets asks whether they are any; each wallet takes a page per 1000 transactions and one more
    below the slot from which on token accounts name their owners, which is empty here and costs as much as a hundred.
    One after the other: is it a wallet, its newest page, and, side by side, the rest when there is a rest.
    """
    kinds = math.ceil(len(lengths) / ACCOUNTS_PER_CALL)
    pages = sum(max(1, math.ceil(length / PAGE)) for length in lengths)
    credit = sum(full_page_credits(length) + full_page_credits(0) for length in lengths)
    chain = 2 + (max(lengths, default=0) > PAGE)
    return Least(kinds + pages + len(lengths), kinds * PLAIN_CREDITS + credit, chain)


def least_again(new: Sequence[int]) -> Least:
    """Of wallets that are stored and have so many new transactions each; the newest stored one comes again."""
    pages = sum(math.ceil((length + 1) / PAGE) for length in new)
    return Least(pages, sum(full_page_credits(length + 1) for length in new), chain=1)


def bound(lengths: Sequence[int], fewest: Least, speeds: Speeds) -> Bound:
    """The least time: what nobody could go below with these calls, bytes and cores."""
    transactions, cores = sum(lengths), os.cpu_count() or 1
    return Bound(
        fewest.calls / RPS,
        fewest.chain * LATENCY_S,
        transactions * speeds.size / speeds.bytes_s,
        transactions / speeds.read / cores,
        transactions / speeds.read_and_stored / cores,
    )
