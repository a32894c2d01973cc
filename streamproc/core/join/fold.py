"""The join's fold: a request's parts, in any order and with repeats, become one state.

`step` is commutative and idempotent because every field only grows: a better outcome, a larger fraction, a
flag that was set.
"""

from __future__ import annotations

from typing import Final, Literal

from streamproc import limits
from streamproc.core.join.state import (
    BalancesOutcome,
    JoinState,
    Opened,
    OrdinaryPart,
    Part,
    WalletOutcome,
    replace,
    shortened,
)
from streamproc.events import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisDue,
    BalancesFetched,
    CohortFailed,
    CohortRequested,
    WalletAnalyzed,
    WalletProgressed,
)

_OUTCOME_RANK: Final = {"failed": 0, "analyzed": 1, "excluded": 2}  # who is done stays done


_BALANCE_RANK: Final = {"failed": 0, "oversized": 1, "ok": 2}


def step(state: JoinState, part: Part) -> JoinState:
    """Fold one part into a request's state; the same part twice changes nothing, in any order."""
    if isinstance(part, AnalysisDue):
        return _end_heard(state) if part.kind == "ended" else _timer_heard(state, part)
    if state.phase in {"ended", "forgotten"}:
        return state
    return _heard(state, part)


def _heard(state: JoinState, part: OrdinaryPart) -> JoinState:
    """Fold a part of a request that has not ended."""
    if isinstance(part, AnalysisAccepted | CohortRequested | CohortFailed):
        return _opening_heard(state, part)
    if isinstance(part, AnalysisCancelRequested):
        reason = min(filter(None, (part.reason, state.cancelled)), default="")
        return state if reason == state.cancelled else replace(state, cancelled=reason)
    if isinstance(part, WalletProgressed):
        return _notice_heard(_fraction_grown(state, part), part)
    if isinstance(part, WalletAnalyzed):
        return _wallet_seen(state, part)
    return _balances_seen(state, part)


def _opening_heard(
    state: JoinState, part: AnalysisAccepted | CohortRequested | CohortFailed
) -> JoinState:
    """Fold an opening: a cohort's wallets, once known, take the place of its rule, and an error that of both."""
    if isinstance(part, CohortFailed):
        found = part.code, part.message
        unresolved = min(found, state.unresolved or found)
        return state if unresolved == state.unresolved else replace(state, unresolved=unresolved)
    if isinstance(part, CohortRequested):
        return state if state.opened else replace(state, opened=_resolving(part))
    is_known = state.opened is not None and state.opened.resolving is None
    return state if is_known else replace(state, opened=_opened(part))


def due(state: JoinState, *, now: int) -> Literal["heal", "expire"] | None:
    """What a timer has to put on the join's own topic for this state at this time, if anything."""
    if state.phase == "ended":
        return "expire" if now > state.touched_at + limits.ENDED_KEPT_S else None
    if state.opened is None:
        return "expire" if now > state.touched_at + limits.UNOPENED_KEPT_S else None
    if now >= state.opened.deadline_at and not state.is_decided:
        return "expire"
    wait_s, most = _patience(state)
    is_silent = now >= max(state.touched_at, state.reask_at) + wait_s
    return "heal" if is_silent and state.reasks < most else None


def _patience(state: JoinState) -> tuple[int, int]:
    """After how many seconds of silence what is missing is asked for again, and how often at most."""
    if state.is_decided:
        return limits.UNSAID_S, limits.UNSAID_HEALS_MAX
    if state.phase == "ready":
        return limits.READY_OVERDUE_S, limits.READY_HEALS_MAX
    return limits.HEAL_AFTER_S, limits.HEALS_MAX


def _timer_heard(state: JoinState, part: AnalysisDue) -> JoinState:
    """Remember the latest time; what has ended or never opened is forgotten once it has been kept long enough."""
    if part.kind == "broken":
        return state if state.phase in {"ended", "forgotten"} else replace(state, is_broken=True)
    if part.kind == "heal":
        is_awaited = state.opened is not None and state.phase in {"waiting", "ready"}
        return replace(state, reask_at=max(state.reask_at, part.at)) if is_awaited else state
    if state.phase == "ended":
        kept = part.at <= state.touched_at + limits.ENDED_KEPT_S
        return state if kept else shortened(state, "forgotten")
    if state.opened is None and part.at > state.touched_at + limits.UNOPENED_KEPT_S:
        return shortened(state, "forgotten")
    return replace(state, expired_at=max(state.expired_at, part.at))


def _end_heard(state: JoinState) -> JoinState:
    """The end is published: nothing is due any more; of a request that is not known nothing is kept."""
    if state.phase in {"ended", "forgotten"}:
        return state
    return shortened(state, "forgotten" if state.opened is None else "ended")


def _opened(part: AnalysisAccepted) -> Opened:
    """What the join keeps of an accepted request."""
    return Opened(
        wallets=tuple(part.wallets),
        options=part.options.of_a_part().model_dump_json(exclude_defaults=True),
        min_success_ratio=part.options.min_success_ratio,
        requested_at_ms=part.requested_at_ms,
        deadline_at=part.deadline_at,
        excludes_mints=part.options.excluded_mints is not None,
        tenant=part.tenant,
        is_cohort=part.cohort is not None,
    )


def _resolving(part: CohortRequested) -> Opened:
    """What the join keeps of a request whose wallets are being chosen."""
    return Opened(
        wallets=(),
        options=part.options.model_dump_json(exclude_defaults=True),
        min_success_ratio=part.options.min_success_ratio,
        requested_at_ms=part.requested_at_ms,
        deadline_at=part.deadline_at,
        tenant=part.tenant,
        is_cohort=True,
        resolving=part.cohort.model_dump_json(),
    )


def _fraction_grown(state: JoinState, part: WalletProgressed) -> JoinState:
    """Progress inside a wallet only grows, and says nothing about a wallet that is done."""
    if state.phase != "waiting" or part.wallet in state.outcomes or part.fraction is None:
        return state
    if part.fraction <= state.fractions.get(part.wallet, 0.0):
        return state
    return replace(state, fractions={**state.fractions, part.wallet: part.fraction})


def _notice_heard(state: JoinState, part: WalletProgressed) -> JoinState:
    """Of what wallets wait for the newest counts."""
    found = (part.notice_at, part.notice or "")
    if state.phase != "waiting" or not part.notice or found <= state.notice:
        return state
    return replace(state, notice=found)


def _wallet_seen(state: JoinState, part: WalletAnalyzed) -> JoinState:
    """A wallet counts once; of two different things said about it the better one."""
    found = WalletOutcome(
        outcome=part.outcome,
        watermark_slot=part.watermark_slot,
        code=part.error.code if part.error else None,
        message=part.error.message if part.error else None,
        fatal=part.fatal,
    )
    known = state.outcomes.get(part.wallet)
    if state.phase != "waiting" or (
        known is not None and _outcome_rank(known) >= _outcome_rank(found)
    ):
        return state
    fractions = {name: value for name, value in state.fractions.items() if name != part.wallet}
    return replace(state, outcomes={**state.outcomes, part.wallet: found}, fractions=fractions)


def _outcome_rank(outcome: WalletOutcome) -> tuple[int, int, bool, str, str]:
    """A total order over what can be said of a wallet, so that any order of arrival ends the same."""
    rank = _OUTCOME_RANK[outcome.outcome]
    return (
        rank,
        outcome.watermark_slot or -1,
        outcome.fatal,
        outcome.code or "",
        outcome.message or "",
    )


def _balances_seen(state: JoinState, part: BalancesFetched) -> JoinState:
    """Of two answers about a wallet the better one counts, so that what is known good stays good."""
    if state.phase != "waiting":
        return state
    found = BalancesOutcome(
        wallets=part.wallets,
        errors={wallet: (error.code, error.message) for wallet, error in part.errors.items()},
        fatal=(part.fatal.code, part.fatal.message) if part.fatal else None,
    )
    both = found if state.balances is None else _better_of(state.balances, found)
    return state if both == state.balances else replace(state, balances=both)


def _better_of(one: BalancesOutcome, other: BalancesOutcome) -> BalancesOutcome:
    """Two answers as one, whichever came first."""
    wallets = dict(one.wallets)
    for wallet, state in other.wallets.items():
        known = wallets.get(wallet, state)
        wallets[wallet] = max(known, state, key=_BALANCE_RANK.__getitem__)
    errors = {
        wallet: min(each[wallet] for each in (one.errors, other.errors) if wallet in each)
        for wallet, state in wallets.items()
        if state == "failed" and (wallet in one.errors or wallet in other.errors)
    }
    is_fatal = one.fatal is not None and other.fatal is not None
    fatal = min(filter(None, (one.fatal, other.fatal))) if is_fatal else None
    return BalancesOutcome(wallets=wallets, errors=errors, fatal=fatal)
