"""The parts of a request: the sync of each wallet, and the balances of all."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from streamproc.events.base import DEFAULT_TENANT, BalanceState, Event, Outcome, PublicError
from streamproc.events.requests import PartOptions
from streamproc.units import (
    Count,
    Share,
    Slot,
    Unit,
    UnixMilliseconds,
    UnixSeconds,
)


class WalletSyncRequested(Event):
    """One wallet of a request is to be brought up to date and analyzed.

    Asked again it is the same record; `options` come without `excluded_mints`, which no single wallet needs.
    """

    wallet: str
    """The address."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    requested_at_ms: UnixMilliseconds
    """A wallet synced later than this is fresh."""

    deadline_at: UnixSeconds
    """When the request expires."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""


class BalanceFetchRequested(Event):
    """The present balances of all wallets of a request are to be fetched. As above."""

    wallets: list[str]
    """The addresses."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    deadline_at: UnixSeconds
    """When the request expires."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""


class WalletProgressed(Event):
    """How far one wallet's sync has come; at most one a second and wallet.

    `notice` says what it waits for ("upstream answers 503 since 40 s"), `notice_at` when, in tens of seconds: so all
    wallets of a request say the same.
    """

    wallet: str
    """The address."""

    transactions: Count
    """Read so far."""

    fraction: Share | None
    """Of its history; null when nobody can say."""

    notice: str | None = None
    """What it waits for, in words; null when for nothing."""

    notice_at: UnixSeconds = 0
    """When that was, in tens of seconds; 0 without a notice."""


class Coverage(BaseModel):
    """Which part of a wallet's history the figures rest on.

    An *estimated* entry is one of which the upstream's list does not say all; only the enhanced API's lists are so.
    Either the balances were trimmed, and the entry is put together from the transfers that its record names. Or the
    owner of an account is not named that moved by just what a token account keeps, and its size alone decides that
    this is rent and no price. Such entries count in every figure like all others; amounts, prices and profits that
    rest on them may be off by what the list left out.
    """

    model_config = ConfigDict(frozen=True)

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

    first_time: Annotated[int, Unit("unix seconds")] | None
    """Of these transactions; null without one that has a time."""

    last_time: Annotated[int, Unit("unix seconds")] | None
    """Of these transactions; null without one that has a time."""

    unreadable: Count = 0
    """Transactions that could not be read; with one the state is `partial`."""

    gaps: list[tuple[Slot, Slot]]
    """`[from_slot, to_slot]`, both included: what is not known or not used."""

    token_accounts: Literal["all", "known"] = "all"  # noqa: S105 - a word
    """`known`: token accounts that were opened, used and closed without the wallet being named may be missing."""


class Counts(BaseModel):
    """How much one wallet's analysis found."""

    model_config = ConfigDict(frozen=True)

    transactions: Count
    """Distinct signatures."""

    trades: Count
    """Buys and sells."""

    tokens: Count
    """Different tokens traded."""


class WalletAnalyzed(Event):
    """One wallet of a request is done: analyzed, failed or excluded.

    At least once per wallet; the join counts a wallet once. Everything up to `watermark_slot` is in the store.
    """

    wallet: str
    """The address."""

    outcome: Outcome
    """analyzed, failed or excluded."""

    error: PublicError | None = None
    """Why it failed or is excluded, else null."""

    watermark_slot: Slot | None = None
    """Everything up to this slot is in the store; null unless analyzed."""

    coverage: Coverage | None = None
    """What the figures rest on; null unless analyzed."""

    counts: Counts | None = None
    """How much was found; null unless analyzed."""

    fatal: bool = False
    """True: the error ends the whole request, whatever `min_success_ratio` says."""


class BalancesFetched(Event):
    """The balances of a request are in the store, per wallet ok, failed or oversized."""

    wallets: dict[str, BalanceState]
    """By address."""

    errors: dict[str, PublicError] = Field(default={})
    """Of the failed ones, by address."""

    fatal: PublicError | None = None
    """Ends the whole request, whatever `min_success_ratio` says; else null."""
