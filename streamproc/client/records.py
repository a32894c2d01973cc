"""What a client says and hears, as plain dictionaries with types."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class RequestOptions(TypedDict, total=False):
    """What a request asks for beside its wallets; docs/events.md says what each means and what its default is."""

    max_transactions: int | None
    since: int | None
    until: int | None
    min_success_ratio: float
    deadline_s: int
    max_age_s: int
    excluded_mints: list[str] | None
    include_oversized: bool
    rank_by: str
    enrich: bool
    credit_budget: int | None
    max_pairs: int
    max_tokens_per_wallet: int
    tenant: str


class CohortRule(TypedDict):
    """Wallets by a rule in place of a list; docs/cohorts.md says whom each kind chooses."""

    mint: str
    kind: Literal["holders", "first_buyers"]
    count: int  # 1 to 1000
    before: NotRequired[int | None]  # of first_buyers, unix seconds


class Progress(TypedDict):
    """Where a request stands: `seq` has no gaps, `percent` never falls, nothing follows `terminal`."""

    request_id: str
    seq: int
    stage: str
    percent: float
    wallets_total: int
    wallets_done: int
    wallets_failed: int
    balances_done: bool
    message: str
    terminal: bool
    at: int


class FailedWallet(TypedDict):
    """A wallet that could not be analyzed."""

    wallet: str
    code: str
    message: str


class FaultNote(TypedDict):
    """One fault of a rejected request."""

    field: str
    value: str
    rule: str


class Failure(TypedDict):
    """The request ended without a result."""

    request_id: str
    status: Literal["failed", "cancelled", "expired", "rejected"]
    code: str
    message: str
    wallets_failed: list[FailedWallet]
    faults: list[FaultNote]
    faults_omitted: int
    at: int


class AnalysisEndedError(Exception):
    """The request ended without a result; `failure` is its terminal record."""

    def __init__(self, failure: Failure) -> None:
        """Keep the record."""
        super().__init__(
            f"{failure['request_id']} {failure['status']} ({failure['code']}): {failure['message']}"
        )
        self.failure = failure
