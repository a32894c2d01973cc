"""What is to be said about a state: progress, healing, the hand-over, a failure; and the state that has said it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.join import is_whole, replace, shortened
from streamproc.core.progress import percent_of, progressed
from streamproc.core.verdict import Verdict, failed_wallets, verdict_on
from streamproc.events import (
    AnalysisFailed,
    AnalysisReady,
    BalanceFetchRequested,
    Event,
    FailedWallet,
    Options,
    PublicError,
    ReadyWallet,
    WalletSyncRequested,
)

if TYPE_CHECKING:
    from streamproc.core.join import JoinState, Seen
    from streamproc.events import Stage


def is_urgent(state: JoinState) -> bool:
    """Whether this state has more to say than progress: it is whole, hopeless, cancelled or late."""
    if state.opened is None or state.phase in {"ended", "forgotten"}:
        return False
    return verdict_on(state) is not None or (
        state.phase == "waiting" and (state.seq == 0 or is_whole(state))
    )


def tell(state: JoinState, *, now: int) -> tuple[JoinState, list[Event]]:
    """What is to be said about this state now, and the state that remembers having said it.

    A terminal AnalysisFailed is a *draft*: it counts only once the store has decided the outcome. After AnalysisReady
    the similarity agent speaks; a cancel or deadline is then still drafted here, but without a progress record.
    """
    if state.opened is None or state.phase in {"ended", "forgotten"}:
        return state, []
    verdict = verdict_on(state)
    if state.phase == "ready":
        return (
            (state, [])
            if verdict is None
            else (shortened(state, "ended"), [_failed(state, verdict, now)])
        )
    state, events = _accepted_told(state, now)
    if verdict is not None:
        state = _advanced(state, state.percent)
        status, _, message = verdict
        last = _progress(state, status, message, now)
        return shortened(state, "ended"), [*events, _failed(state, verdict, now), last]
    state, told = _syncing_told(state, now)
    events += told
    if is_whole(state):
        return shortened(state, "ready"), [*events, _ready(state, now)]
    state, asked = _healed(state)
    return state, [*events, *asked]


def _done(state: JoinState) -> int:
    """How many wallets are analyzed or excluded; what failed is counted apart."""
    failed = failed_wallets(state)
    return sum(
        seen.outcome != "failed" and wallet not in failed for wallet, seen in state.seen.items()
    )


def _progress(state: JoinState, stage: Stage, message: str, now: int) -> Event:
    """The progress record of this state; its `seq` is the state's."""
    assert state.opened is not None  # noqa: S101 - nothing is told of an unopened request
    return progressed(
        request_id=state.request_id,
        seq=state.seq,
        stage=stage,
        percent=state.percent,
        wallets_total=len(state.opened.wallets),
        wallets_done=_done(state),
        wallets_failed=len(failed_wallets(state)),
        balances_done=state.fetched is not None,
        message=message,
        at=now,
    )


def _advanced(state: JoinState, percent: float) -> JoinState:
    """The state with the next `seq` and a percent that never falls."""
    return replace(state, seq=state.seq + 1, percent=max(percent, state.percent))


def _accepted_told(state: JoinState, now: int) -> tuple[JoinState, list[Event]]:
    """The first record of a request, once."""
    if state.seq > 0 or state.opened is None:
        return state, []
    state = _advanced(state, limits.PERCENT_ACCEPTED)
    first = f"{len(state.opened.wallets)} wallets accepted" if state.opened else ""
    message = _progress(replace(state, seen={}, fetched=None), "accepted", first, now)
    return state, [message]


def _syncing_told(state: JoinState, now: int) -> tuple[JoinState, list[Event]]:
    """One record for all that has come since the last one, none when nothing has."""
    assert state.opened is not None  # noqa: S101 - the caller asked
    total = len(state.opened.wallets)
    percent = percent_of(
        wallets_total=total,
        wallets_finished=len(state.seen),
        fractions=state.fractions.values(),
        balances_done=state.fetched is not None,
    )
    told = (_done(state), len(failed_wallets(state)), state.fetched is not None)
    if told == state.told and percent <= state.percent:
        return state, []
    state = _advanced(replace(state, told=told), percent)
    return state, [_progress(state, "syncing", f"{len(state.seen)} of {total} wallets", now)]


def _failed(state: JoinState, verdict: Verdict, now: int) -> AnalysisFailed:
    """The draft of the terminal record."""
    status, code, message = verdict
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
    opened, fetched = state.opened, state.fetched
    assert opened is not None  # noqa: S101 - the state is whole
    assert fetched is not None  # noqa: S101 - the state is whole
    failed = failed_wallets(state)
    wallets = {}
    for wallet in opened.wallets:
        seen = state.seen[wallet]
        error = failed.get(wallet)
        wallets[wallet] = ReadyWallet(
            outcome="failed" if error else seen.outcome,
            watermark_slot=seen.watermark_slot,
            error=_public(error or _reason(seen)),
            balances=fetched.wallets.get(wallet),
        )
    return AnalysisReady(
        request_id=state.request_id,
        wallets=wallets,
        options=Options.model_validate_json(opened.options),
        requested_at_ms=opened.requested_at_ms,
        deadline_at=opened.deadline_at,
        next_seq=state.seq + 1,
        wallets_done=_done(state),
        wallets_failed=len(failed),
        at=now,
    )


def _reason(seen: Seen) -> tuple[str, str] | None:
    """Why a wallet was excluded, if it says so."""
    return (seen.code, seen.message or "") if seen.code else None


def _public(error: tuple[str, str] | None) -> PublicError | None:
    """A code and message as the contract's record."""
    return PublicError(code=error[0], message=error[1]) if error else None


def _healed(state: JoinState) -> tuple[JoinState, list[Event]]:
    """Ask again for the parts that are overdue; whoever has the answer in the store gives it at once."""
    if state.heal_at <= state.healed_at or state.opened is None:
        return state, []
    state = replace(state, healed_at=state.heal_at, heals=state.heals + 1)
    opened = state.opened
    assert opened is not None  # noqa: S101 - as above
    options, attempt = Options.model_validate_json(opened.options), state.heals + 1
    asked: list[Event] = [
        WalletSyncRequested(
            request_id=state.request_id,
            wallet=wallet,
            options=options,
            requested_at_ms=opened.requested_at_ms,
            deadline_at=opened.deadline_at,
            attempt=attempt,
        )
        for wallet in opened.wallets
        if wallet not in state.seen
    ]
    if state.fetched is None:
        asked.append(
            BalanceFetchRequested(
                request_id=state.request_id,
                wallets=list(opened.wallets),
                options=options,
                deadline_at=opened.deadline_at,
                attempt=attempt,
            )
        )
    return state, asked
