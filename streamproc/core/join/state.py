"""The join's state: everything that has arrived of one request, and what has been published about it.

`fold` makes it of parts, `emit` says what is to be published about it, `outcome` whether it can still complete.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from streamproc.events import (
    DEFAULT_TENANT,
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisDue,
    BalancesFetched,
    BalanceState,
    CohortFailed,
    CohortRequested,
    Outcome,
    WalletAnalyzed,
    WalletProgressed,
)

OrdinaryPart = (
    AnalysisAccepted
    | AnalysisCancelRequested
    | CohortRequested
    | CohortFailed
    | WalletProgressed
    | WalletAnalyzed
    | BalancesFetched
)
Part = OrdinaryPart | AnalysisDue
PARTS: Final = (
    AnalysisAccepted,
    AnalysisCancelRequested,
    CohortRequested,
    CohortFailed,
    WalletProgressed,
    WalletAnalyzed,
    BalancesFetched,
    AnalysisDue,
)


class WalletOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one wallet's WalletAnalyzed said."""

    outcome: Outcome
    watermark_slot: int | None = None
    code: str | None = None
    message: str | None = None
    fatal: bool = False


class BalancesOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What BalancesFetched said: per wallet its state, and why for the failed ones."""

    wallets: dict[str, BalanceState]
    errors: dict[str, tuple[str, str]] = {}
    fatal: tuple[str, str] | None = None


class Opened(msgspec.Struct, frozen=True, omit_defaults=True):
    """What AnalysisAccepted said; of a cohort that is still resolved, what CohortRequested said."""

    wallets: tuple[str, ...]
    options: str  # JSON, handed on as it came but for the excluded mints: they stay in the store
    min_success_ratio: float
    requested_at_ms: int
    deadline_at: int
    excludes_mints: bool = False  # the request names mints of its own
    tenant: str = DEFAULT_TENANT
    is_cohort: bool = False
    resolving: str | None = None  # the rule of a cohort whose wallets are not known yet, as JSON


class JoinState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that has arrived of one request, and what has been said about it.

    The names in `field` are those of the stored JSON, which stay.
    """

    request_id: str
    phase: Literal["waiting", "ready", "ended", "forgotten"] = "waiting"
    opened: Opened | None = None
    outcomes: dict[str, WalletOutcome] = msgspec.field(default_factory=dict, name="seen")
    balances: BalancesOutcome | None = msgspec.field(default=None, name="fetched")
    fractions: dict[str, float] = {}
    cancelled: str | None = None  # the reason, "" when none was given
    expired_at: int = 0  # the latest time at which a timer found the deadline passed
    # When the last due re-asking was noticed, and the one that was acted on.
    reask_at: int = msgspec.field(default=0, name="heal_at")
    reasked_at: int = msgspec.field(default=0, name="healed_at")
    # How often was asked again since the opening, the hand-over or the decision, whichever came last.
    reasks: int = msgspec.field(default=0, name="heals")
    ready_at: int = 0  # when the request was handed over
    is_decided: bool = False  # its end was decided after the hand-over, and is not known to be said
    touched_at: int = 0  # when a part last said something new, unix seconds
    seq: int = 0
    percent: float = 0
    # Done, failed, and whether balances were there, as the last progress record said.
    last_progress: tuple[int, int, bool] = msgspec.field(default=(0, 0, False), name="told")
    notice: tuple[int, str] = (0, "")  # the newest one, with its time
    noticed_at: int = 0  # the one that was published
    is_broken: bool = False  # a bug keeps it from being looked at
    unresolved: tuple[str, str] | None = None  # why the cohort cannot be resolved: code and message
    more: dict[str, str] = {}  # of a later version: JSON by field, see core.carried


def is_whole(state: JoinState) -> bool:
    """Whether every requested wallet and the balances are accounted for."""
    return (
        state.opened is not None
        and state.opened.resolving is None
        and state.balances is not None
        and len(state.outcomes) >= len(state.opened.wallets)
        and all(wallet in state.outcomes for wallet in state.opened.wallets)
    )


# --- folding ---


def replace(state: JoinState, **changes: object) -> JoinState:
    """The state with these fields, touched or not."""
    return msgspec.structs.replace(state, **changes)


def touched(state: JoinState, now: int) -> JoinState:
    """The state, marked as having heard something at this time."""
    return replace(state, touched_at=max(now, state.touched_at))


def handed_over(state: JoinState, now: int) -> JoinState:
    """The state after AnalysisReady; it keeps the parts, to hand them over again if nobody answers."""
    return replace(
        state,
        phase="ready",
        ready_at=now,
        touched_at=max(now, state.touched_at),
        fractions={},
        reasks=0,
        reasked_at=state.reask_at,
    )


def decided(state: JoinState, now: int) -> JoinState:
    """The state after an end was decided that another agent is to publish."""
    touched_at = max(now, state.touched_at)
    return replace(
        state, is_decided=True, touched_at=touched_at, reasks=0, reasked_at=state.reask_at
    )


def shortened(state: JoinState, phase: Literal["ended", "forgotten"]) -> JoinState:
    """What is still needed of a request that has ended."""
    opened = state.opened
    if opened is not None:
        opened = msgspec.structs.replace(opened, wallets=(), options="{}")
    return JoinState(
        request_id=state.request_id,
        phase=phase,
        opened=opened,
        touched_at=state.touched_at,
        seq=state.seq,
        percent=state.percent,
    )
