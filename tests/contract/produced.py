"""The published examples, made by the product's own code: the request's reader, the join, the composition.

`python -m tests.contract.produced` writes `schemas/examples/EVENT/OUTCOME.json` anew. Every time and id is fixed: the
same code gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamproc import limits
from streamproc.agents.join.draft_records import in_order
from streamproc.agents.requests import fan_out, rejection_of
from streamproc.agents.results.result_builder import LEFT_OUT
from streamproc.core.chain.solana import TOKEN_PROGRAM
from streamproc.core.join.emit import emit, give_up
from streamproc.core.join.fan_out import fan_out as asked_of
from streamproc.core.join.fold import step
from streamproc.core.join.progress import progressed
from streamproc.core.join.state import JoinState
from streamproc.errors import InvalidInputError
from streamproc.events import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisCompleted,
    AnalysisDue,
    AnalysisReady,
    AnalysisRequested,
    BalancesFetched,
    Cohort,
    CohortCoverage,
    CohortFailed,
    CohortFound,
    CohortMember,
    CohortOutsider,
    CohortRequested,
    Counts,
    Coverage,
    Event,
    PublicError,
    WalletAnalyzed,
    WalletProgressed,
)
from streamproc.intake import validated
from streamproc.serde import Codec, ce_id_of
from streamproc.topics import read_topology
from tests.contract.composed import composed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamproc.serde import Encoded

EXAMPLES: Final = Path(__file__).parents[2] / "schemas" / "examples"
CODEC: Final = Codec(read_topology())
NOW: Final = 1_763_640_000
Records = dict[tuple[str, str], dict[str, Any]]


def _result() -> dict[str, Any]:
    """The stored facts' result with few rows."""
    event, _ = composed(request_id="example-completed", max_pairs=1, max_tokens_per_wallet=1)
    found: dict[str, Any] = json.loads(event)
    return found


RESULT: Final = _result()
# A failure of each kind to choose the wallets of a cohort.
UNRESOLVED: Final = {
    "unknown_mint": "there is no account",
    "not_a_mint": "it is a token account, and no mint",
    "not_a_token": "it is exchanged, not bought",
    "no_holders": "no wallet holds any of it",
    "no_buyers": "no wallet bought it before that time",
    "cohort_unsupported": "the upstream lists no history from its beginning",
    "cohort_failed": "the upstream answers HTTP 503",
}
WALLETS: Final = [each["wallet"] for each in RESULT["wallets"] if each["outcome"] == "analyzed"]
DUE: Final = NOW + limits.DEADLINE_DEFAULT_S


COHORT: Final = Cohort(mint=RESULT["pairs"][0]["top_shared"][0]["mint"], kind="holders", count=5)
FOUND: Final = CohortFound(
    **COHORT.model_dump(),
    token_program=TOKEN_PROGRAM,
    decimals=6,
    slot=300_000_000,
    members=[
        CohortMember(wallet=wallet, amount=str(5_000_000 // place))
        for place, wallet in enumerate(WALLETS, start=1)
    ],
    outsiders=[
        CohortOutsider(
            address="5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1",
            amount="90000000",
            kind="program",
            reason="no private key: an address that a program derives",
        )
    ],
    outsiders_total=1,
    coverage=CohortCoverage(state="whole", accounts=len(WALLETS) + 1),
)


def _request(outcome: str, **options: object) -> AnalysisRequested:
    """A request of the analyzed wallets, or of a cohort."""
    content: dict[str, object] = {"request_id": _id(outcome), **options}
    if outcome == "chosen" or outcome in UNRESOLVED:
        content["cohort"] = COHORT.model_dump(mode="json")
    else:
        content["wallets"] = [*WALLETS, WALLETS[0]]
    return validated(AnalysisRequested, content)


def _id(outcome: str) -> str:
    """The request id of an outcome's examples."""
    return f"example-{outcome.replace('_', '-')}"


def _analyzed(outcome: str, wallet: str) -> WalletAnalyzed:
    """A wallet that is done, with the coverage that the result has of it."""
    found = next(each for each in RESULT["wallets"] if each["wallet"] == wallet)
    return WalletAnalyzed(
        request_id=_id(outcome),
        wallet=wallet,
        outcome="analyzed",
        watermark_slot=found["coverage"]["last_slot"],
        coverage=Coverage.model_validate(found["coverage"]),
        counts=Counts(
            transactions=found["coverage"]["transactions"],
            trades=found["pnl"]["trades"],
            tokens=found["pnl"]["tokens_traded"],
        ),
    )


def _failed(outcome: str, code: str, message: str, *, fatal: bool = False) -> WalletAnalyzed:
    """The first wallet, which is not analyzed."""
    error = PublicError(code=code, message=message)
    return WalletAnalyzed(
        request_id=_id(outcome), wallet=WALLETS[0], outcome="failed", error=error, fatal=fatal
    )


def _excluded(outcome: str, wallet: str) -> WalletAnalyzed:
    """An address that is no wallet."""
    error = PublicError(code="invalid_address", message="the account is a program's")
    return WalletAnalyzed(request_id=_id(outcome), wallet=wallet, outcome="excluded", error=error)


def _balances(outcome: str, state: str = "ok") -> BalancesFetched:
    """The balances of all wallets, those of the first in this state."""
    failed = {WALLETS[0]: {"code": "upstream_unavailable", "message": "503 for a minute"}}
    content = {
        "request_id": _id(outcome),
        "wallets": {**dict.fromkeys(WALLETS, "ok"), WALLETS[0]: state},
        "errors": failed if state == "failed" else {},
    }
    return BalancesFetched.model_validate(content)


def _parts(outcome: str) -> list[Any]:
    """What the join hears after the opening, up to the end of the outcome."""
    first, *others = WALLETS
    done = [_analyzed(outcome, each) for each in others]
    fatal = {
        "upstream_key_rejected": "the upstream refuses the key",
        "upstream_credits_exhausted": "the upstream has answered 429 for minutes",
        "credit_budget_exceeded": "the next call would exceed the request's 100 credits",
    }
    if outcome in fatal:
        return [_failed(outcome, outcome, fatal[outcome], fatal=True)]
    progress = WalletProgressed(
        request_id=_id(outcome), wallet=first, transactions=40, fraction=0.5
    )
    whole = [progress, *done, _balances(outcome), _analyzed(outcome, first)]
    parts: dict[str, list[Any]] = {
        "completed": whole,
        "chosen": whole,
        "wallets_failed": [*done, _failed(outcome, "upstream_rejected", "no such account")],
        "too_few_wallets": [
            _excluded(outcome, first),
            *(_excluded(outcome, each) for each in others),
        ],
        "balances_failed": [*done, _analyzed(outcome, first), _balances(outcome, "failed")],
        "deadline_passed": [progress, AnalysisDue(request_id=_id(outcome), kind="expire", at=DUE)],
        "cancelled": [
            progress,
            AnalysisCancelRequested(request_id=_id(outcome), reason="wrong list"),
        ],
        "internal": [progress],
    }
    return parts[outcome]


JOINED: Final = (
    "completed",
    "chosen",
    "wallets_failed",
    "too_few_wallets",
    "balances_failed",
    "upstream_key_rejected",
    "upstream_credits_exhausted",
    "credit_budget_exceeded",
    "deadline_passed",
    "cancelled",
    "internal",
)


def said(outcome: str) -> Iterator[Event | AnalysisRequested]:
    """Everything that is said about a request with this outcome, from the request to the end but the result itself."""
    options = {"credit_budget": 100} if outcome == "credit_budget_exceeded" else {}
    request = _request(outcome, **options)
    yield request
    first, *asked = fan_out(request, requested_at_ms=NOW * 1000)
    assert isinstance(first, AnalysisAccepted | CohortRequested)
    yield from (first, *asked)
    state, now = step(JoinState(_id(outcome)), first), NOW
    if isinstance(first, CohortRequested):
        state, emitted = emit(state, now=now)
        yield from in_order(emitted)
        accepted, *asked = asked_of(_accepted(request))
        assert isinstance(accepted, AnalysisAccepted)
        yield from (accepted, *asked)
        state = step(state, accepted)
    for part in (None, *_parts(outcome)):
        if part is not None:
            yield part
            state = step(state, part)
        now = DUE if outcome == "deadline_passed" and isinstance(part, AnalysisDue) else now + 2
        state, emitted = emit(state, now=now)
        for event in in_order(emitted):
            yield event
            if isinstance(event, AnalysisReady):
                yield from _after(event)
    if outcome == "internal":
        yield from in_order(give_up(state, now=now)[1])


def unresolved(code: str) -> Iterator[Event | AnalysisRequested]:
    """Everything that is said about a request whose cohort cannot be resolved."""
    request = _request(code)
    yield request
    (asked,) = fan_out(request, requested_at_ms=NOW * 1000)
    assert isinstance(asked, CohortRequested)
    yield asked
    state, now = JoinState(_id(code)), NOW
    failed = CohortFailed(request_id=_id(code), code=code, message=UNRESOLVED[code])
    for part in (asked, failed):
        state, emitted = emit(step(state, part), now=now)
        if part is asked:
            yield failed
        yield from in_order(emitted)
        now += 2


def _accepted(request: AnalysisRequested) -> AnalysisAccepted:
    """The opening once the wallets of the cohort are known."""
    return AnalysisAccepted(
        request_id=request.request_id,
        wallets=sorted(WALLETS),
        repeats_dropped=0,
        requested_at_ms=NOW * 1000,
        deadline_at=DUE,
        options=request.options(),
        cohort=FOUND,
    )


def _after(ready: AnalysisReady) -> Iterator[Event]:
    """The progress records that the similarity agent adds."""
    steps = (
        ("analyzing", limits.PERCENT_SYNCED, f"comparing {len(ready.wallets)} wallets"),
        ("analyzing", limits.PERCENT_ANALYZED, "compared and enriched"),
        ("completed", 100.0, RESULT["set"]["sentence"]),
    )
    for number, (stage, percent, message) in enumerate(steps):
        yield progressed(
            request_id=ready.request_id,
            seq=ready.next_seq + number,
            stage=stage,  # type: ignore[arg-type] # two of its words
            percent=percent,
            wallets_total=len(ready.wallets),
            wallets_done=ready.wallets_done,
            wallets_failed=ready.wallets_failed,
            balances_done=True,
            message=message,
            at=ready.at + 1 + number,
        )
    yield AnalysisDue(request_id=ready.request_id, kind="ended", at=ready.at + 4)


def rejected() -> Iterator[Event]:
    """What is said of a request that breaks rules."""
    wrong = {
        "request_id": "example-rejected",
        "wallets": ["no-address"],
        "deadline_s": 0,
        "colour": "red",
    }
    try:
        validated(AnalysisRequested, wrong)
    except InvalidInputError as error:
        yield from rejection_of("example-rejected", error, at=NOW)


def records() -> Records:
    """Every example by event and name; of what agents say among themselves those of a completed request."""
    found: Records = {}
    for outcome in JOINED:
        _add(found, outcome, said(outcome))
    for code in UNRESOLVED:
        _add(found, code, unresolved(code))
    _add(found, "rejected", rejected())
    found["AnalysisCompleted", "completed"] = _completed(RESULT)
    chosen = {**FOUND.model_dump(mode="json"), "left_out": LEFT_OUT}
    found["AnalysisCompleted", "chosen"] = _completed(
        {**RESULT, "request_id": _id("chosen"), "cohort": chosen}
    )
    return found


def _completed(result: dict[str, Any]) -> dict[str, Any]:
    """The record of a result."""
    value = json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()
    identity = ce_id_of(AnalysisCompleted, result["request_id"])
    encoded = CODEC.encode_value(
        AnalysisCompleted, value, identity, request_id=result["request_id"], time_ms=NOW * 1000
    )
    return _shown(encoded)


def _add(found: Records, outcome: str, events: Iterable[Event | AnalysisRequested]) -> None:
    """The events as examples: named by the outcome, and numbered where one request has several of a kind."""
    public = {"AnalysisCancelRequested", "AnalysisProgressed", "AnalysisFailed"}
    of_cohort = {"AnalysisRequested", "CohortRequested", "AnalysisAccepted"}
    several = {"AnalysisProgressed", "WalletSyncRequested", "WalletAnalyzed", "AnalysisDue"}
    counts: dict[str, int] = {}
    for event in events:
        kind = type(event).__name__
        counts[kind] = counts.get(kind, 0) + 1
        is_of_cohort = outcome == "chosen" and kind in of_cohort
        is_unresolved = outcome == "no_holders" and kind == "CohortFailed"
        if kind in public or outcome == "completed" or is_of_cohort or is_unresolved:
            name = f"{outcome}-{counts[kind]}" if kind in several else outcome
            time_ms = getattr(event, "at", NOW) * 1000
            found[kind, name] = _shown(CODEC.encode(event, time_ms=time_ms))  # type: ignore[arg-type] # as good as any


def _shown(encoded: Encoded) -> dict[str, Any]:
    """A record as a file shows it."""
    return {
        "topic": encoded.topic,
        "key": encoded.key.decode(),
        "headers": {name: value.decode() for name, value in encoded.headers},
        "value": json.loads(encoded.value),
    }


def texts() -> dict[Path, str]:
    """Each example's file and text."""
    return {
        EXAMPLES / event / f"{name}.json": json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        for (event, name), record in records().items()
    }


if __name__ == "__main__":
    for path, text in texts().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
