"""The join: parts in any order and with repeats end in the same state, and nothing is said twice."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.join.emit import emit, give_up, is_urgent
from streamproc.core.join.end_draft import EndDraft
from streamproc.core.join.fold import due, step
from streamproc.core.join.outcome import failed_wallets
from streamproc.core.join.state import JoinState, Part, is_whole
from streamproc.core.join.state_bytes import bytes_of, state_from
from streamproc.events import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisDue,
    AnalysisProgressed,
    AnalysisReady,
    BalanceFetchRequested,
    BalancesFetched,
    Cohort,
    CohortFailed,
    CohortRequested,
    Event,
    Options,
    PublicError,
    WalletAnalyzed,
    WalletProgressed,
    WalletSyncRequested,
)

WALLETS = [f"wallet-{number}" for number in range(4)]
ERROR = PublicError(code="upstream_rejected", message="no such account")
DEADLINE = 2_000_000_000


def accepted(*, ratio: float = 1.0, wallets: list[str] = WALLETS) -> AnalysisAccepted:
    return AnalysisAccepted(
        request_id="r",
        wallets=wallets,
        repeats_dropped=0,
        requested_at_ms=1_000,
        deadline_at=DEADLINE,
        options=Options(min_success_ratio=ratio),
    )


def analyzed(wallet: str, slot: int = 7) -> WalletAnalyzed:
    return WalletAnalyzed(request_id="r", wallet=wallet, outcome="analyzed", watermark_slot=slot)


def failed(wallet: str, *, fatal: bool = False) -> WalletAnalyzed:
    return WalletAnalyzed(request_id="r", wallet=wallet, outcome="failed", error=ERROR, fatal=fatal)


def excluded(wallet: str) -> WalletAnalyzed:
    return WalletAnalyzed(request_id="r", wallet=wallet, outcome="excluded")


def balances(**states: str) -> BalancesFetched:
    known = dict.fromkeys(WALLETS, "ok") | {k.replace("_", "-"): v for k, v in states.items()}
    return BalancesFetched.model_validate({"request_id": "r", "wallets": known})


def whole() -> list[Part]:
    return [accepted(), *map(analyzed, WALLETS), balances()]


def folded(parts: list[Part]) -> JoinState:
    state = JoinState("r")
    for part in parts:
        state = step(state, part)
    return state


COHORT = Cohort(mint="So11111111111111111111111111111111111111112", kind="holders", count=4)


def resolving() -> CohortRequested:
    return CohortRequested(
        request_id="r",
        cohort=COHORT,
        options=Options(),
        requested_at_ms=1_000,
        deadline_at=DEADLINE,
    )


def unresolved(code: str = "no_holders") -> CohortFailed:
    return CohortFailed(request_id="r", code=code, message="nobody")


PARTS = st.one_of(
    st.just(accepted()),
    st.just(resolving()),
    st.builds(unresolved, st.sampled_from(["no_holders", "unknown_mint"])),
    st.builds(analyzed, st.sampled_from(WALLETS), st.integers(0, 3)),
    st.builds(failed, st.sampled_from(WALLETS), fatal=st.booleans()),
    st.builds(excluded, st.sampled_from(WALLETS)),
    st.builds(balances, wallet_1=st.sampled_from(["ok", "failed", "oversized"])),
    st.builds(
        WalletProgressed,
        request_id=st.just("r"),
        wallet=st.sampled_from(WALLETS),
        transactions=st.integers(0, 9),
        fraction=st.none() | st.floats(0, 1),
    ),
    st.builds(AnalysisCancelRequested, request_id=st.just("r"), reason=st.sampled_from(["a", "b"])),
    st.builds(
        AnalysisDue,
        request_id=st.just("r"),
        kind=st.sampled_from(["heal", "expire"]),
        at=st.integers(DEADLINE - 1, DEADLINE + 1),
    ),
)


@given(st.lists(PARTS, max_size=12), st.randoms(use_true_random=False))
def test_any_order_with_repeats_ends_in_the_same_state(parts: list[Part], random: object) -> None:
    other = [*parts, *parts]
    random.shuffle(other)  # type: ignore[attr-defined]
    # Healing counts from when the request is open; opened first, as it is in the log of a live request.
    opened = [accepted()]
    assert comparable(folded(opened + other)) == comparable(folded(opened + parts))


def comparable(state: JoinState) -> JoinState:
    """Fractions of wallets that are done depend on which came first and are dropped with them."""
    running = {k: v for k, v in state.fractions.items() if k not in state.outcomes}
    return msgspec.structs.replace(state, fractions=running)


@given(st.lists(PARTS, max_size=25), st.lists(st.booleans(), min_size=25, max_size=25))
@settings(max_examples=300)
def test_progress_has_no_gaps_never_falls_and_ends_once(
    parts: list[Part], flushes: list[bool]
) -> None:
    state = JoinState("r")
    said: list[Event | EndDraft] = []
    for part, flush in zip(parts, flushes, strict=False):
        state = step(state, part)
        if flush:
            state, events = emit(state, now=5)
            said += events
    state, events = emit(state, now=6)
    said += events
    progress = [event for event in said if isinstance(event, AnalysisProgressed)]
    assert [record.seq for record in progress] == list(range(1, len(progress) + 1))
    percents = [record.percent for record in progress]
    assert percents == sorted(percents)
    done = [record.wallets_done for record in progress]
    assert done == sorted(done)
    assert all(each.wallets_done + each.wallets_failed <= len(WALLETS) for each in progress)
    whole_at = [each.balances_done and is_whole(state) for each in progress]
    assert all(
        each.percent < 60 for each, whole in zip(progress, whole_at, strict=True) if not whole
    )
    assert not any(record.terminal for record in progress[:-1])
    hand_overs = [event for event in said if isinstance(event, AnalysisReady)]
    assert len(hand_overs) <= 1
    if hand_overs:
        assert hand_overs[0].next_seq == len(progress) + 1
        assert not progress[-1].terminal


@given(st.lists(PARTS, max_size=12))
def test_a_state_survives_its_own_bytes(parts: list[Part]) -> None:
    state = folded(parts)
    assert state_from(bytes_of(state)) == state


@given(st.lists(PARTS, max_size=12), st.lists(PARTS, max_size=6))
def test_what_a_later_version_wrote_into_a_state_is_carried_on(
    before: list[Part], after: list[Part]
) -> None:
    state = folded([accepted(), *before])
    later = msgspec.json.decode(bytes_of(state))
    later["added"] = {"of": ["a", "later", "version"]}
    later["opened"]["added_too"] = 7
    ours = state_from(msgspec.json.encode(later))
    assert msgspec.structs.replace(ours, more={}) == state
    for part in after:
        ours, _ = emit(step(ours, part), now=9)
    if ours.phase in {"waiting", "ready"}:
        again = msgspec.json.decode(bytes_of(ours))
        assert again["added"] == later["added"]
        assert again["opened"]["added_too"] == 7
        assert "more" not in again


@given(st.permutations(whole()))
def test_a_whole_request_is_handed_over_exactly_once_in_any_order(parts: list[Part]) -> None:
    state = JoinState("r")
    said: list[Event | EndDraft] = []
    for part in [*parts, *parts]:
        state, events = emit(step(state, part), now=9)
        said += events
    (ready,) = [event for event in said if isinstance(event, AnalysisReady)]
    assert set(ready.wallets) == set(WALLETS)
    assert {each.watermark_slot for each in ready.wallets.values()} == {7}
    last = [event for event in said if isinstance(event, AnalysisProgressed)][-1]
    assert (last.stage, last.percent, last.wallets_done) == ("syncing", 60, 4)


def end_of(events: list[Event | EndDraft]) -> EndDraft:
    """The draft of an end, which is the last of what is said."""
    draft = events[-1]
    assert isinstance(draft, EndDraft)
    return draft


def test_nothing_is_said_before_the_request_is_open() -> None:
    state = folded([analyzed(WALLETS[0]), balances()])
    assert emit(state, now=1) == (state, [])
    assert not is_urgent(state)


def test_the_first_record_is_accepted_at_five_percent_even_when_parts_overtook() -> None:
    _, events = emit(folded([analyzed(WALLETS[0]), accepted()]), now=1)
    first, second = events
    assert isinstance(first, AnalysisProgressed)
    assert isinstance(second, AnalysisProgressed)
    assert (first.seq, first.stage, first.percent, first.wallets_done) == (1, "accepted", 5, 0)
    assert (second.seq, second.stage, second.percent) == (2, "syncing", 17.5)


def test_one_failed_wallet_fails_the_request_by_default_and_names_it() -> None:
    state, events = emit(folded([accepted(), failed(WALLETS[2])]), now=1)
    failed_draft, publisher, last = end_of(events)
    assert publisher == "join"
    assert (failed_draft.status, failed_draft.code) == ("failed", "wallets_failed")
    assert [each.wallet for each in failed_draft.wallets_failed] == [WALLETS[2]]
    assert isinstance(last, AnalysisProgressed)
    assert (last.terminal, last.stage, last.wallets_failed) == (True, "failed", 1)
    assert state.phase == "ended"
    assert emit(step(state, analyzed(WALLETS[0])), now=2)[1] == []


def test_a_wallet_is_done_once_its_balances_are_known_and_stays_done() -> None:
    state, _ = emit(folded([accepted(ratio=0.5), *map(analyzed, WALLETS)]), now=1)
    assert state.last_progress[:2] == (0, 0)
    state, events = emit(step(state, balances(wallet_1="failed")), now=2)
    progress = next(event for event in events if isinstance(event, AnalysisProgressed))
    assert (progress.wallets_done, progress.wallets_failed) == (3, 1)
    excluded_early, _ = emit(folded([accepted(), excluded(WALLETS[0])]), now=1)
    assert excluded_early.last_progress[:2] == (1, 0)


@pytest.mark.parametrize("missing", ["the last wallet", "the balances"])
def test_sixty_percent_is_told_only_when_both_operations_are_done(missing: str) -> None:
    parts = whole()
    lacking = parts[-2] if missing == "the last wallet" else parts[-1]
    running = [
        WalletProgressed(request_id="r", wallet=wallet, transactions=9, fraction=1.0)
        for wallet in WALLETS
    ]
    state, events = emit(folded([part for part in [*parts, *running] if part != lacking]), now=1)
    percents = [each.percent for each in events if isinstance(each, AnalysisProgressed)]
    assert 50 < percents[-1] < 60
    _, events = emit(step(state, lacking), now=2)
    assert [each.percent for each in events if isinstance(each, AnalysisProgressed)] == [60]


@pytest.mark.parametrize(
    ("ratio", "wallets", "good"),
    [
        (0.28, 25, 7),
        (0.07, 100, 7),
        (0.29, 100, 29),
        (0.57, 100, 57),
        (0.58, 50, 29),
        (1e-3, 1000, 1),
    ],
)
def test_the_success_ratio_counts_as_the_decimal_that_was_written(
    ratio: float, wallets: int, good: int
) -> None:
    names = [f"w{number:04}" for number in range(wallets)]
    for enough in (good, good - 1):
        parts: list[Part] = [
            accepted(ratio=ratio, wallets=names),
            *(analyzed(name) for name in names[:enough]),
            *(failed(name) for name in names[enough:]),
        ]
        draft = [e for e in emit(folded(parts), now=1)[1] if isinstance(e, EndDraft)]
        assert bool(draft) is (enough < good)


def test_what_is_said_of_wallets_that_nobody_asked_for_counts_for_nothing() -> None:
    strange: list[Part] = [failed("stranger", fatal=True), excluded("other"), analyzed("third")]
    state, events = emit(folded([accepted(), *strange]), now=1)
    assert [type(event) for event in events] == [AnalysisProgressed]
    assert failed_wallets(state) == {}


def test_one_wallet_alone_is_enough_where_no_more_were_asked_for() -> None:
    alone: list[Part] = [accepted(wallets=WALLETS[:1]), analyzed(WALLETS[0]), balances()]
    assert any(isinstance(event, AnalysisReady) for event in emit(folded(alone), now=1)[1])
    none = folded([accepted(wallets=WALLETS[:1]), excluded(WALLETS[0])])
    assert end_of(emit(none, now=1)[1]).failed.code == "too_few_wallets"


@pytest.mark.parametrize(("ratio", "completes"), [(0.75, True), (0.76, False), (0.0, True)])
def test_the_success_ratio_decides_over_one_failure_in_four(
    ratio: float, *, completes: bool
) -> None:
    parts: list[Part] = [
        accepted(ratio=ratio),
        *map(analyzed, WALLETS[:3]),
        failed(WALLETS[3]),
        balances(),
    ]
    _, events = emit(folded(parts), now=1)
    assert any(isinstance(event, AnalysisReady) for event in events) is completes


def test_failed_balances_make_a_wallet_failed_but_oversized_ones_do_not() -> None:
    parts: list[Part] = [accepted(), *map(analyzed, WALLETS), balances(wallet_1="oversized")]
    assert any(isinstance(event, AnalysisReady) for event in emit(folded(parts), now=1)[1])
    state = folded([accepted(), *map(analyzed, WALLETS), balances(wallet_1="failed")])
    assert end_of(emit(state, now=1)[1]).failed.code == "balances_failed"
    assert list(failed_wallets(state)) == ["wallet-1"]


def test_excluded_wallets_do_not_count_against_the_ratio() -> None:
    parts: list[Part] = [
        accepted(),
        *map(analyzed, WALLETS[:3]),
        excluded(WALLETS[3]),
        balances(wallet_3="failed"),
    ]
    _, events = emit(folded(parts), now=1)
    ready = next(event for event in events if isinstance(event, AnalysisReady))
    assert ready.wallets[WALLETS[3]].outcome == "excluded"
    assert (ready.wallets_done, ready.wallets_failed) == (4, 0)


def test_fewer_than_two_wallets_beside_the_excluded_fail_the_request() -> None:
    _, events = emit(folded([accepted(), *map(excluded, WALLETS[:3])]), now=1)
    assert end_of(events).failed.code == "too_few_wallets"


def test_a_fatal_error_ends_the_request_whatever_the_ratio() -> None:
    _, events = emit(folded([accepted(ratio=0.0), failed(WALLETS[0], fatal=True)]), now=1)
    assert end_of(events).failed.code == ERROR.code


def test_a_cancel_before_the_start_ends_it_as_soon_as_it_opens() -> None:
    cancel = AnalysisCancelRequested(request_id="r", reason="changed my mind")
    _, events = emit(folded([cancel, accepted()]), now=1)
    assert [type(event) for event in events] == [AnalysisProgressed, EndDraft]
    draft = end_of(events)
    assert draft.failed.status == "cancelled"
    assert "changed my mind" in draft.failed.message


def test_a_cancel_after_the_hand_over_is_drafted_without_a_progress_record() -> None:
    state, _ = emit(folded(whole()), now=1)
    state = step(state, AnalysisCancelRequested(request_id="r"))
    assert is_urgent(state)
    state, events = emit(state, now=2)
    draft = end_of(events)
    assert (len(events), draft.publisher, draft.progress) == (1, "similarity", None)
    assert not is_urgent(state)
    assert emit(state, now=3)[1] == []


def healing(state: JoinState, at: int) -> tuple[JoinState, list[Event | EndDraft]]:
    """The timer finds parts overdue at this time, and the join acts on it."""
    assert due(state, now=at) == "heal"
    return emit(step(state, AnalysisDue(request_id="r", kind="heal", at=at)), now=at)


def test_a_hand_over_that_nobody_answers_is_repeated_as_it_was() -> None:
    state, events = emit(folded(whole()), now=100)
    (first,) = [event for event in events if isinstance(event, AnalysisReady)]
    assert due(state, now=100 + limits.READY_OVERDUE_S - 1) is None
    for number in range(1, limits.READY_HEALS_MAX + 1):
        state, events = healing(state, 100 + number * limits.READY_OVERDUE_S)
        assert events == [first]
    assert due(state, now=DEADLINE - 1) is None


def test_an_end_that_is_published_leaves_nothing_due_and_a_small_mark() -> None:
    state, _ = emit(folded(whole()), now=100)
    state = step(state, AnalysisDue(request_id="r", kind="ended", at=101))
    assert state.phase == "ended"
    assert len(msgspec.json.encode(state)) < 200
    assert due(state, now=100 + limits.ENDED_KEPT_S) is None
    assert step(JoinState("r"), AnalysisDue(request_id="r", kind="ended", at=1)).phase == (
        "forgotten"
    )


def test_an_end_that_is_decided_and_not_published_is_handed_over_then_said_by_the_join() -> None:
    state, events = emit(folded(whole()), now=100)
    seq = len([event for event in events if isinstance(event, AnalysisProgressed)])
    late = AnalysisDue(request_id="r", kind="expire", at=DEADLINE)
    state, events = emit(step(state, late), now=DEADLINE)
    assert (len(events), end_of(events).publisher) == (1, "similarity")
    assert due(state, now=DEADLINE + limits.UNSAID_S - 1) is None
    state, events = healing(state, DEADLINE + limits.UNSAID_S)
    assert [type(event) for event in events] == [AnalysisReady]
    state, events = healing(state, DEADLINE + 2 * limits.UNSAID_S)
    _, publisher, last = end_of(events)
    assert (len(events), publisher) == (1, "stand_in")
    assert last is not None
    assert (last.seq, last.stage, last.terminal) == (seq + 1, "expired", True)
    assert state.phase == "ended"


def test_giving_up_ends_a_request_before_and_after_the_hand_over() -> None:
    state, _ = emit(folded([accepted(), analyzed(WALLETS[0])]), now=1)
    ended, events = give_up(state, now=2)
    assert (len(events), end_of(events).publisher) == (1, "join")
    assert ended.phase == "ended"
    state, _ = emit(folded(whole()), now=1)
    ended, events = give_up(state, now=2)
    assert (len(events), end_of(events).publisher) == (1, "stand_in")
    assert ended.phase == "ended"


def test_healing_asks_in_turn_when_all_would_be_too_much_for_one_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAL_MAX_BYTES", 3 * limits.HEAL_FRAME_BYTES)
    state, _ = emit(folded([accepted()]), now=1)
    asked: list[str] = []
    for number in range(1, 3):
        state, events = healing(state, 1 + number * limits.HEAL_AFTER_S)
        asked += [event.wallet for event in events if isinstance(event, WalletSyncRequested)]
    assert len(asked) == 4
    assert set(asked) == set(WALLETS)


def test_the_deadline_expires_a_request_and_an_early_timer_does_not() -> None:
    early = AnalysisDue(request_id="r", kind="expire", at=DEADLINE - 1)
    assert not any(isinstance(e, EndDraft) for e in emit(folded([accepted(), early]), now=1)[1])
    late = AnalysisDue(request_id="r", kind="expire", at=DEADLINE)
    draft = end_of(emit(folded([accepted(), late]), now=1)[1])
    assert (draft.failed.status, draft.failed.code) == ("expired", "deadline_passed")


def test_no_part_of_a_request_carries_the_mints_that_it_excludes() -> None:
    mints = ["So11111111111111111111111111111111111111112"] * 3
    opening = accepted()
    own = opening.model_copy(update={"options": Options(excluded_mints=mints, max_pairs=7)})
    assert mints[0].encode() not in msgspec.json.encode(folded([own]))
    _, events = emit(folded([own, *whole()[1:]]), now=1)
    (ready,) = [event for event in events if isinstance(event, AnalysisReady)]
    assert (ready.excludes_mints, ready.options.excluded_mints) == (True, None)
    assert ready.options.max_pairs == 7
    (other,) = [e for e in emit(folded(whole()), now=1)[1] if isinstance(e, AnalysisReady)]
    assert not other.excludes_mints


def test_healing_asks_once_for_exactly_what_is_missing() -> None:
    state, _ = emit(folded([accepted(), analyzed(WALLETS[0])]), now=1)
    state = step(state, AnalysisDue(request_id="r", kind="heal", at=500))
    state, events = emit(state, now=500)
    asked = [event.wallet for event in events if isinstance(event, WalletSyncRequested)]
    assert asked == WALLETS[1:]
    assert [type(event) for event in events][-1] is BalanceFetchRequested
    assert emit(state, now=501)[1] == []


def test_a_cohort_is_told_before_its_wallets_are_known_and_opens_with_them() -> None:
    state = folded([resolving()])
    assert is_urgent(state)
    state, events = emit(state, now=1)
    (told,) = events
    assert isinstance(told, AnalysisProgressed)
    assert (told.seq, told.stage, told.percent, told.wallets_total) == (1, "accepted", 0, 0)
    assert "the 4 largest holders of So1" in told.message
    assert emit(state, now=2)[1] == []
    assert not is_urgent(state)
    opened = step(state, accepted())
    assert is_urgent(opened)
    _, (then,) = emit(opened, now=3)
    assert isinstance(then, AnalysisProgressed)
    assert (then.seq, then.percent, then.wallets_total) == (2, 5, len(WALLETS))


def test_a_cohort_that_cannot_be_resolved_fails_the_request_by_its_code() -> None:
    _, events = emit(folded([unresolved(), resolving()]), now=1)
    assert end_of(events).failed.code == "no_holders"
    known = folded([resolving(), accepted(), unresolved()])
    assert [each for each in emit(known, now=1)[1] if isinstance(each, EndDraft)] == []


def test_a_cohort_is_asked_for_again_after_a_silence_in_the_same_words() -> None:
    state, _ = emit(folded([resolving()]), now=1)
    heal = AnalysisDue(request_id="r", kind="heal", at=500)
    _, events = emit(step(state, heal), now=501)
    assert events == [resolving()]


def test_a_cancel_ends_a_request_whose_cohort_is_being_resolved() -> None:
    state, _ = emit(folded([resolving()]), now=1)
    state = step(state, AnalysisCancelRequested(request_id="r"))
    assert is_urgent(state)
    assert end_of(emit(state, now=2)[1]).failed.status == "cancelled"


def test_what_is_due_follows_silence_deadline_and_retention() -> None:
    state, _ = emit(folded([accepted()]), now=1)
    assert due(state, now=limits.HEAL_AFTER_S - 1) is None
    assert due(state, now=limits.HEAL_AFTER_S) == "heal"
    assert due(state, now=DEADLINE) == "expire"
    ended, _ = emit(step(state, AnalysisCancelRequested(request_id="r")), now=1)
    assert due(ended, now=limits.ENDED_KEPT_S) is None
    assert due(ended, now=limits.ENDED_KEPT_S + 1) == "expire"


def test_an_ended_request_is_kept_as_a_mark_and_forgotten_after_the_retention() -> None:
    ended, _ = emit(folded([accepted(), AnalysisCancelRequested(request_id="r")]), now=1)
    again = AnalysisDue(request_id="r", kind="expire", at=DEADLINE)
    assert step(ended, AnalysisDue(request_id="r", kind="expire", at=10)).phase == "ended"
    assert step(ended, accepted()).phase == "ended"
    assert step(ended, again).phase == "forgotten"


def test_parts_of_a_request_that_never_opens_are_forgotten() -> None:
    state = folded([analyzed(WALLETS[0])])
    assert due(state, now=limits.UNOPENED_KEPT_S + 1) == "expire"
    late = AnalysisDue(request_id="r", kind="expire", at=limits.UNOPENED_KEPT_S + 1)
    assert step(state, late).phase == "forgotten"


def test_a_thousand_wallets_are_whole_only_with_the_last_one() -> None:
    many = [f"w{number}" for number in range(1000)]
    done = dict.fromkeys(many, "ok")
    parts: list[Part] = [
        accepted(wallets=many),
        BalancesFetched.model_validate({"request_id": "r", "wallets": done}),
        *map(analyzed, many[:-1]),
    ]
    state = folded(parts)
    assert not is_whole(state)
    assert is_whole(step(state, analyzed(many[-1])))
