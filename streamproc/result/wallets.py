"""`wallets[]`: what is known of each wallet of the request."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from streamproc.events import BalanceState, Outcome
from streamproc.result.behavior import Behavior
from streamproc.result.pnl import Pnl
from streamproc.units import BaseUnits, Count, Decimals, Lamports, Slot, UnixSeconds, Usd


class ErrorRecord(TypedDict):
    """Why a wallet failed or is excluded."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""


class CoverageRecord(TypedDict):
    """Which part of a wallet's history the figures rest on.

    An *estimated* entry is one of which the upstream's list does not say all; only the enhanced API's lists are so.
    Either the balances were trimmed, and the entry is put together from the transfers that its record names. Or the
    owner of an account is not named that moved by just what a token account keeps, and its size alone decides that
    this is rent and no price. Such entries count in every figure like all others; amounts, prices and profits that
    rest on them may be off by what the list left out.
    """

    state: Literal["complete", "capped", "partial"]
    """Whole, cut by `max_transactions`, or with something missing that was asked for."""

    transactions: Count
    """Distinct signatures, failed ones included."""

    failed_transactions: Count
    """Failed ones."""

    estimated_entries: Count
    """Estimates, because a list did not say all: counted in every figure, which may be off."""

    first_slot: Slot | None
    """Of these transactions; null without any."""

    last_slot: Slot | None
    """Of these transactions; null without any."""

    first_time: UnixSeconds | None
    """Of these transactions; null without one that has a time."""

    last_time: UnixSeconds | None
    """Of these transactions; null without one that has a time."""

    unreadable: NotRequired[Count]
    """Transactions of the used slots that could not be read; with one the state is `partial`."""

    gaps: list[Annotated[list[Slot], Field(min_length=2, max_length=2)]]
    """`[from_slot, to_slot]`, both included: what is not known or not used."""

    token_accounts: NotRequired[Literal["all", "known"]]
    """`known` where histories are listed by standard methods: closed token accounts may be missing."""


class KeptToken(TypedDict):
    """One mint that the wallet holds, as the store keeps it."""

    mint: str
    """The token."""

    amount: BaseUnits
    """How much."""

    decimals: Decimals | None
    """Base units in a whole token, as a power of ten; null when nobody knows."""

    accounts: Count
    """How many accounts hold some."""

    frozen: bool
    """One of these is frozen."""


class HeldToken(KeptToken):
    """One mint that the wallet holds: the sum over its accounts."""

    price_usd: Usd | None
    """Of one whole token; null when it is not known."""

    value_usd: Usd | None
    """Of all that is held; null without a price or decimals."""


class KeptBalances(TypedDict):
    """What a wallet held when it was fetched, as the store keeps it."""

    state: BalanceState
    lamports: Lamports | None
    tokens: list[KeptToken]
    fetched_at: UnixSeconds


class Balances(TypedDict):
    """What a wallet holds now."""

    state: BalanceState
    """oversized: more token accounts than are fetched unasked."""

    lamports: Lamports | None
    """SOL held; null when it is not known."""

    tokens: list[HeldToken]
    """By mint."""

    fetched_at: UnixSeconds
    """When."""


class WalletResult(TypedDict):
    """One wallet."""

    wallet: str
    """The address."""

    outcome: Outcome
    """What became of it."""

    error: ErrorRecord | None
    """Null, or why it failed or is excluded."""

    coverage: CoverageRecord | None
    """What the figures rest on; null where unknown."""

    balances: Balances | None
    """What it holds; null where unknown."""

    pnl: Pnl | None
    """What it gained and lost; null where unknown."""

    behavior: Behavior | None
    """How it trades; null where unknown."""
