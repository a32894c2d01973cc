"""What a call is to those who pay for it: its bucket, its method, its price, and the permit that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

Bucket = Literal["rpc", "enhanced", "prices"]

PLAIN_CREDITS: Final = 1
DAS_CREDITS: Final = 10
ENHANCED_CREDITS: Final = 100
FULL_CREDITS: Final = 10  # for each started FULL_CREDIT_TRANSACTIONS of full transactions
FULL_CREDIT_TRANSACTIONS: Final = 100


class Call(NamedTuple):
    """One call: the bucket whose rate it counts against, its method's name, and the most credits it can cost.

    A batch counts against the rate as often as it holds calls.
    """

    bucket: Bucket
    method: str
    credits: int
    weight: int = 1


@dataclass
class Spending:
    """What a permitted call has cost; nothing unless it was answered."""

    credits: int = 0


class Permit(Protocol):
    """Asked before every call on behalf of one request; the call is made inside the block.

    Entering waits for the rate and raises RequestEndedError or CreditBudgetExceededError when there must be no call.
    """

    @property
    def waits_until_s(self) -> float:
        """How long a service that answers nobody is waited for, by `Timing.now_s`."""

    def __call__(self, call: Call, /) -> AbstractAsyncContextManager[Spending]:
        """The block in which the call may be made."""


def full_page_credits(transactions: int) -> int:
    """What a page of so many full transactions costs; an empty one costs as much as one with a single transaction.

    >>> [full_page_credits(n) for n in (0, 1, 100, 101, 500)]
    [10, 10, 10, 20, 50]
    """
    return FULL_CREDITS * max(1, -(-transactions // FULL_CREDIT_TRANSACTIONS))
