"""What is to be said about a state: progress, healing, the hand-over, a failure; and the state that has said it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.join.end_draft import EndDraft
from streamproc.core.join.fan_out import balances_asked, cohort_asked, wallet_asked
from streamproc.core.join.outcome import (
    FailureReason,
    done_wallets,
    failed_wallets,
    failure_of,
    outcomes_of,
)
from streamproc.core.join.progress import percent_of, progressed
from streamproc.core.join.state import decided, handed_over, is_whole, replace, shortened
from streamproc.events import (
    AnalysisFailed,
    AnalysisReady,
    Cohort,
    Event,
    FailedWallet,
    Options,
    PublicError,
    ReadyWallet,
)

if TYPE_CHECKING:
    from streamproc.core.join.end_draft import Publisher
    from streamproc.core.join.state import JoinState, Opened, WalletOutcome
    from streamproc.events import AnalysisProgressed, Stage


def is_urgent(state: JoinState) -> bool:
    """Whether this state has more to say than progress: it is whole, hopeless, cancelled or late."""
    if state.opened is None or state.phase in {"ended", "forgotten"}:
        return False
    if failure_of(state) is not None:
        return not state.is_decided
    return state.phase == "waiting" and (not _is_greeted(state) or is_whole(state))


def _is_resolving(state: JoinState) -> bool:
    """Whether the request's wallets are still being chosen."""
    return state.opened is not None and state.opened.resolving is not None


def _is_greeted(state: JoinState) -> bool:
    """Whether the first progress record was said; of a cohort there is one before its wallets are known, too."""
    if state.opened is None or _is_resolving(state):
        return state.seq > 0
    return state.percent >= limits.PERCENT_ACCEPTED


def emit(state: JoinState, *, now: int) -> tuple[JoinState, list[Event | EndDraft]]:
    """What is to be said about this state now, and the state that remembers having said it.

    An end is a draft, and the last of what is said: it counts only once the store has decided the outcome. After
    AnalysisReady the similarity agent speaks, and the join waits to hear that the end is published: `_awaiting_end`.
    """
    if state.opened is None or state.phase in {"ended", "forgotten"}:
        return state, []
    if state.phase == "ready":
        return _awaiting_end(state, now)
    failure = failure_of(state)
    state, events = _accepted_progress(state, now)
    if failure is not None:
        return _ended(state, failure, events, now)
    if not _is_resolving(state):
        state, progress = _syncing_progress(state, now)
        events += progress
    if is_whole(state):
        return handed_over(state, now), [*events, _ready(state, now)]
    state, asked = _reasked(state)
    return state, [*events, *asked]


def give_up(state: JoinState, *, now: int) -> tuple[JoinState, list[Event | EndDraft]]:
    """The end of a request about which `emit` fails, which would be a bug: failed, rather than never."""
    failure: FailureReason = "failed", "internal", "a bug; the worker's log says more"
    if state.phase == "ready":
        return shortened(state, "ended"), [_draft(state, failure, "stand_in", now)]
    return _ended(state, failure, [], now)


def _ended(
    state: JoinState, failure: FailureReason, events: list[Event], now: int
) -> tuple[JoinState, list[Event | EndDraft]]:
    """What was said, then the draft of the end, which the join publishes."""
    draft = _draft(state, failure, "join", now)
    return shortened(_advanced(state, state.percent), "ended"), [*events, draft]


def _awaiting_end(state: JoinState, now: int) -> tuple[JoinState, list[Event | EndDraft]]:
    """After the hand-over: decide a cancel or deadline silently, hand over again what is overdue, or end it.

    The similarity agent publishes what is decided. When even a decided end stays unsaid, the join stands in for it.
    """
    failure = failure_of(state)
    if failure is not None and not state.is_decided:
        return decided(state, now), [_draft(state, failure, "similarity", now)]
    if state.reask_at <= state.reasked_at:
        return state, []
    state = replace(state, reasked_at=state.reask_at, reasks=state.reasks + 1)
    if failure is not None and state.reasks >= limits.UNSAID_HEALS_MAX:
        return shortened(state, "ended"), [_draft(state, failure, "stand_in", now)]
    return state, [_ready(state, state.ready_at)] if is_whole(state) else []


def _draft(state: JoinState, failure: FailureReason, publisher: Publisher, now: int) -> EndDraft:
    """The draft of this end, with the last progress record unless the similarity agent makes it.

    Where the join stands in only the store knows the record's `seq`: this one is the least that it can be.
    """
    status, _, message = failure
    failed = _failed(state, failure, now)
    if publisher == "similarity":
        return EndDraft(failed, publisher, None)
    last = _progress(_advanced(state, state.percent), status, message, now)
    return EndDraft(failed, publisher, last)


def _progress(state: JoinState, stage: Stage, message: str, now: int) -> AnalysisProgressed:
    """The progress record of this state; its `seq` is the state's."""
    assert state.opened is not None  # noqa: S101 - nothing is published of an unopened request
    return progressed(
        request_id=state.request_id,
        seq=state.seq,
        stage=stage,
        percent=state.percent,
        wallets_total=len(state.opened.wallets),
        wallets_done=done_wallets(state),
        wallets_failed=len(failed_wallets(state)),
        balances_done=state.balances is not None,
        message=message,
        at=now,
    )


def _advanced(state: JoinState, percent: float) -> JoinState:
    """The state with the next `seq` and a percent that never falls."""
    return replace(state, seq=state.seq + 1, percent=max(percent, state.percent))


def _accepted_progress(state: JoinState, now: int) -> tuple[JoinState, list[Event]]:
    """The first record of a request, once; of a cohort one before, which says what is being resolved."""
    opened = state.opened
    if opened is None or _is_greeted(state):
        return state, []
    if opened.resolving is not None:
        state, rule = _advanced(state, 0.0), Cohort.model_validate_json(opened.resolving)
        return state, [_progress(state, "accepted", f"resolving the cohort: {rule.in_words}", now)]
    state = _advanced(state, limits.PERCENT_ACCEPTED)
    first = f"{len(opened.wallets)} wallets accepted"
    message = _progress(replace(state, outcomes={}, balances=None), "accepted", first, now)
    return state, [message]


def _syncing_progress(state: JoinState, now: int) -> tuple[JoinState, list[Event]]:
    """One record for all that has come since the last one, none when nothing has."""
    assert state.opened is not None  # noqa: S101 - the caller asked
    total, outcomes = len(state.opened.wallets), outcomes_of(state)
    percent = percent_of(
        wallets_total=total,
        wallets_finished=len(outcomes),
        fractions=[state.fractions.get(each, 0.0) for each in state.opened.wallets],
        balances_done=state.balances is not None,
    )
    progress = (done_wallets(state), len(failed_wallets(state)), state.balances is not None)
    at, notice = state.notice
    if progress == state.last_progress and percent <= state.percent and at <= state.noticed_at:
        return state, []
    news = f"; {notice}" if at > state.noticed_at else ""
    state = _advanced(replace(state, last_progress=progress, noticed_at=at), percent)
    return state, [_progress(state, "syncing", f"{len(outcomes)} of {total} wallets{news}", now)]


def _failed(state: JoinState, failure: FailureReason, now: int) -> AnalysisFailed:
    """The draft of the terminal record."""
    status, code, message = failure
    failed = failed_wallets(state)
    return AnalysisFailed(
        request_id=state.request_id,
        status=status,
        code=code,
        message=message[: limits.ERROR_TEXT_MAX_CHARACTERS],
        wallets_failed=[
            FailedWallet(wallet=wallet, code=code, message=message)
            for wallet, (code, message) in failed.items()
        ],
        at=now,
    )


def _ready(state: JoinState, now: int) -> AnalysisReady:
    """Everything the similarity agent needs to know; it speaks from `next_seq` on."""
    opened, balances = state.opened, state.balances
    assert opened is not None  # noqa: S101 - the state is whole
    assert balances is not None  # noqa: S101 - the state is whole
    failed = failed_wallets(state)
    wallets = {}
    for wallet in opened.wallets:
        outcome = state.outcomes[wallet]
        error = failed.get(wallet)
        wallets[wallet] = ReadyWallet(
            outcome="failed" if error else outcome.outcome,
            watermark_slot=outcome.watermark_slot,
            error=_public(error or _reason(outcome)),
            balances=balances.wallets.get(wallet),
        )
    return AnalysisReady(
        request_id=state.request_id,
        wallets=wallets,
        options=Options.model_validate_json(opened.options),
        excludes_mints=opened.excludes_mints,
        requested_at_ms=opened.requested_at_ms,
        deadline_at=opened.deadline_at,
        next_seq=state.seq + 1,
        tenant=opened.tenant,
        is_cohort=opened.is_cohort,
        wallets_done=done_wallets(state),
        wallets_failed=len(failed),
        at=now,
    )


def _reason(outcome: WalletOutcome) -> tuple[str, str] | None:
    """Why a wallet was excluded, if it says so."""
    return (outcome.code, outcome.message or "") if outcome.code else None


def _public(error: tuple[str, str] | None) -> PublicError | None:
    """A code and message as the contract's record."""
    return PublicError(code=error[0], message=error[1]) if error else None


def _reasked(state: JoinState) -> tuple[JoinState, list[Event]]:
    """Ask again for what is overdue, in the words of the first time; who has the answer stored gives it at once."""
    if state.reask_at <= state.reasked_at or state.opened is None:
        return state, []
    opened = state.opened
    state = replace(state, reasked_at=state.reask_at, reasks=state.reasks + 1)
    if opened.resolving is not None:
        return state, [_cohort_again(state.request_id, opened, opened.resolving)]
    return state, _wallets_again(state, opened)


def _cohort_again(request_id: str, opened: Opened, resolving: str) -> Event:
    """The question which wallets a rule chooses."""
    return cohort_asked(
        request_id,
        Cohort.model_validate_json(resolving),
        Options.model_validate_json(opened.options),
        requested_at_ms=opened.requested_at_ms,
        deadline_at=opened.deadline_at,
        tenant=opened.tenant,
    )


def _wallets_again(state: JoinState, opened: Opened) -> list[Event]:
    """The questions about wallets without an outcome, and about balances when they are missing."""
    request_id, options = state.request_id, Options.model_validate_json(opened.options)
    asked: list[Event] = [
        wallet_asked(
            request_id,
            wallet,
            options,
            requested_at_ms=opened.requested_at_ms,
            deadline_at=opened.deadline_at,
            tenant=opened.tenant,
        )
        for wallet in _asked_again(state, opened)
    ]
    if state.balances is None:
        wallets = list(opened.wallets)
        asked.append(
            balances_asked(
                request_id,
                wallets,
                options,
                deadline_at=opened.deadline_at,
                tenant=opened.tenant,
            )
        )
    return asked


def _asked_again(state: JoinState, opened: Opened) -> list[str]:
    """The wallets to ask for: all that are missing, or so many of them in turn as one write may hold."""
    missing = [wallet for wallet in opened.wallets if wallet not in state.outcomes]
    each_bytes = len(opened.options) + limits.HEAL_FRAME_BYTES
    most = max(1, limits.HEAL_MAX_BYTES // each_bytes)
    if len(missing) <= most:
        return missing
    first = (state.reasks - 1) * most % len(missing)
    return [*missing, *missing][first : first + most]
