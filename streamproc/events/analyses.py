"""A request as a whole: due, ready, under way, and its two ends."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from streamproc.events.base import (
    DEFAULT_TENANT,
    BalanceState,
    Event,
    Outcome,
    PublicError,
    Sequence,
    Stage,
)
from streamproc.events.requests import PartOptions
from streamproc.json_types import Json
from streamproc.units import (
    Count,
    Credits,
    Milliseconds,
    Percent,
    Slot,
    UnixMilliseconds,
    UnixSeconds,
)


class AnalysisDue(Event):
    """A timer says that a request's parts are overdue (heal), its deadline has passed (expire), or a bug (broken).

    The agent that publishes the end after the hand-over says so (ended): from then on nothing is due.
    """

    kind: Literal["heal", "expire", "ended", "broken"]
    """heal: parts are overdue; expire: the deadline has passed; ended: nothing is due; broken: a bug."""

    at: UnixSeconds
    """When it was due."""


class ReadyWallet(BaseModel):
    """How one wallet entered the comparison."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    """analyzed, failed or excluded."""

    watermark_slot: Slot | None = None
    """Up to which slot it is compared; null unless analyzed."""

    error: PublicError | None = None
    """Why it failed or is excluded, else null."""

    balances: BalanceState | None = None
    """Of an analyzed or failed one, else null."""


class AnalysisReady(Event):
    """Every wallet and the balances are accounted for; `next_seq` hands the progress over.

    `options` come without `excluded_mints`: `excludes_mints` says that the store has the request's own.
    """

    wallets: dict[str, ReadyWallet]
    """By address."""

    options: PartOptions
    """Of the request; those with their default are left out."""

    excludes_mints: bool = False
    """The store has the request's own list of excluded mints."""

    requested_at_ms: UnixMilliseconds
    """The request's record time."""

    deadline_at: UnixSeconds
    """When it expires."""

    next_seq: Sequence
    """Of the next progress record."""

    tenant: str = DEFAULT_TENANT
    """Whose quotas and share of the places count."""

    is_cohort: bool = False
    """The wallets were chosen by a rule; the store has how."""

    wallets_done: Count
    """Analyzed and excluded ones."""

    wallets_failed: Count
    """Failed ones."""

    at: UnixSeconds
    """When."""


class AnalysisProgressed(Event):
    """Where a request stands. `seq` has no gaps, `percent` never falls, nothing follows `terminal`."""

    seq: Sequence
    """1, 2, 3 ... without gaps; a repeat has the same content."""

    stage: Stage
    """Where the request stands; the last one is its end."""

    percent: Percent
    """Never falls."""

    wallets_total: Count
    """Different wallets of the request."""

    wallets_done: Count
    """Analyzed and excluded ones."""

    wallets_failed: Count
    """Failed ones."""

    balances_done: bool
    """The balances of all wallets are there."""

    message: str
    """In words."""

    terminal: bool
    """True: nothing follows."""

    at: UnixSeconds
    """When."""


class FailedWallet(BaseModel):
    """A wallet that could not be analyzed, and why."""

    model_config = ConfigDict(frozen=True)

    wallet: str
    """The address."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""


class FaultNote(BaseModel):
    """One fault of a rejected request."""

    model_config = ConfigDict(frozen=True)

    field: str
    """Which field."""

    value: str
    """What stood there, shortened."""

    rule: str
    """The rule that it breaks, in words."""


class AnalysisFailed(Event):
    """The request ended without a result: failed, cancelled, expired, or rejected as invalid."""

    status: Literal["failed", "cancelled", "expired", "rejected"]
    """How it ended."""

    code: str
    """A word for machines."""

    message: str
    """A sentence for people."""

    wallets_failed: list[FailedWallet] = Field(default=[])
    """The wallets that could not be analyzed."""

    faults: list[FaultNote] = Field(default=[])
    """Of a rejected request, at most 100."""

    faults_omitted: Count = 0
    """How many more there were."""

    at: UnixSeconds
    """When."""


class AnalysisCompleted(Event):
    """The result. Composed by `core.result`; its parts are described in docs/result.md."""

    status: Literal["completed"] = "completed"
    completed_at: UnixSeconds
    duration_ms: Milliseconds
    engine_version: str
    inputs_digest: str
    cohort: Json | None = None
    wallets: list[Json]
    pairs: list[Json]
    pairs_total: Count
    set: Json
    clusters: list[Json]
    tokens: dict[str, Json]
    missing: list[Json]
    truncated: dict[str, Count] | None
    credits_spent: Credits
    timings_ms: dict[str, Milliseconds]
