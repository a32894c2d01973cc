"""The requests agent: a valid request is recorded once and fanned out; everything else is answered or diverted."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

import orjson

from streamproc import limits, metrics
from streamproc.agents.shared.cancellation import count_end
from streamproc.agents.shared.handlers import trace_from
from streamproc.core.join.fan_out import cohort_asked
from streamproc.core.join.fan_out import fan_out as asked_of
from streamproc.core.quotas import NO_QUOTAS, refusal
from streamproc.engine import failpoints
from streamproc.errors import FAULTS_NAMED, DeadLetterError, Fault, InvalidInputError
from streamproc.events import (
    DEFAULT_TENANT,
    AnalysisAccepted,
    AnalysisFailed,
    AnalysisProgressed,
    AnalysisRequested,
    Event,
    FaultNote,
)
from streamproc.intake import OutsideFaultsError, decode_outside
from streamproc.logs import about_also
from streamproc.store import NewRequest, Rejection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.agents.shared.answers import Answers
    from streamproc.core.quotas import Quotas, Usage
    from streamproc.engine import Record
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Recorded, Store

NO_TIME: Final = -1  # what Kafka calls a record without one
# What makes a digest even where it has its default. What came later does so only where it has another value: workers of
# before do not know it, and a request without it is the same for them.
ALWAYS_DIGESTED: Final = frozenset(
    {
        "credit_budget",
        "deadline_s",
        "enrich",
        "excluded_mints",
        "include_oversized",
        "max_age_s",
        "max_pairs",
        "max_tokens_per_wallet",
        "max_transactions",
        "min_success_ratio",
        "rank_by",
        "since",
        "until",
        "wallets",
    }
)


async def accept_request(
    record: Record,
    *,
    store: Store,
    codec: Codec,
    answers: Answers,
    quotas: Quotas = NO_QUOTAS,
) -> AsyncIterator[Event | Encoded]:
    """Record one request and fan it out: AnalysisAccepted, a WalletSyncRequested per wallet, a BalanceFetchRequested.

    Of a cohort the wallets are to be chosen first: CohortRequested instead.

    The same content again is answered with the terminal record once there is one, as often as `answers` allows, and
    ignored while it runs; the same id with other content is a dead letter, whether that content is valid or not. What
    breaks rules, or a quota of its tenant, is rejected, and that is an end like any other.
    """
    faults = await _faults_of_time(record, store=store, codec=codec)
    try:
        request = decode_outside(AnalysisRequested, record.value, record.headers, faults)
        await _check_time_of_cohort(request, record, store)
    except OutsideFaultsError as error:
        for said in await _rejected(record, error, store=store, codec=codec, answers=answers):
            yield said
        return
    about_also(request_id=request.request_id, tenant=request.tenant)
    requested_at_ms = record.timestamp_ms if record.timestamp_ms >= 0 else await store.now_ms()
    new = _new_request(request, record, requested_at_ms)
    recorded = await _recorded(new, store, quotas)
    if isinstance(recorded, str):
        over = OutsideFaultsError([Fault("tenant", new.tenant, recorded)], new.request_id)
        for said in await _rejected(
            record, over, store=store, codec=codec, answers=answers, new=new
        ):
            yield said
        return
    if recorded.state == "conflict":
        raise _reused(request.request_id)
    async for event in _answered_or_begun(request, new, recorded, store=store, answers=answers):
        yield event


async def _answered_or_begun(
    request: AnalysisRequested,
    new: NewRequest,
    recorded: Recorded,
    *,
    store: Store,
    answers: Answers,
) -> AsyncIterator[Event | Encoded]:
    """What is said about a request that is recorded: its end, once there is one, else its fan-out.

    Of a request that runs, a repeat says nothing.
    """
    is_repeat = recorded.source != new.source
    if recorded.state == "ended" and (not is_repeat or answers.may(new.request_id)):
        for told in await _answer(request.request_id, store):
            yield told
    elif is_repeat:
        metrics.REPEATS_DROPPED.labels("requests").inc()
    else:
        for event in fan_out(request, requested_at_ms=recorded.requested_at_ms):
            yield event
        await failpoints.reach("after-fan-out")


def fan_out(request: AnalysisRequested, *, requested_at_ms: int) -> list[Event]:
    """The events that start the work on a recorded request; the same every time."""
    wallets, options = sorted(set(request.listed)), request.options()
    deadline_at = deadline_of(request, requested_at_ms)
    if request.cohort is not None:
        asked = cohort_asked(
            request.request_id,
            request.cohort,
            options,
            requested_at_ms=requested_at_ms,
            deadline_at=deadline_at,
            tenant=request.tenant,
        )
        return [asked]
    accepted = AnalysisAccepted(
        request_id=request.request_id,
        wallets=wallets,
        repeats_dropped=len(request.listed) - len(wallets),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_at,
        options=options,
        tenant=request.tenant,
    )
    return asked_of(accepted)


def deadline_of(request: AnalysisRequested, requested_at_ms: int) -> int:
    """When the request expires, in whole unix seconds, rounded up."""
    return -(-requested_at_ms // 1000) + request.deadline_s


def digest_of(request: AnalysisRequested) -> bytes:
    """What makes two requests the same: their different wallets and all options, in any order; 32 bytes."""
    every = request.model_dump(mode="json", exclude={"request_id"})
    said = request.model_dump(mode="json", exclude={"request_id"}, exclude_defaults=True)
    content = {
        name: value for name, value in every.items() if name in said or name in ALWAYS_DIGESTED
    }
    content["wallets"] = sorted(set(request.listed))
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _new_request(request: AnalysisRequested, record: Record, requested_at_ms: int) -> NewRequest:
    """The row of a request that is seen for the first time."""
    return NewRequest(
        request_id=request.request_id,
        digest=digest_of(request),
        source=_source(record),
        wallets=sorted(set(request.listed)),
        options=request.options().model_dump(mode="json"),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_of(request, requested_at_ms),
        repeats_dropped=len(request.listed) - len(set(request.listed)),
        traceparent=trace_from(record),
        tenant=request.tenant,
        cohort=None if request.cohort is None else request.cohort.model_dump(mode="json"),
    )


def _source(record: Record) -> str:
    """Where the record lies."""
    return f"{record.topic}/{record.partition}/{record.offset}"


async def _faults_of_time(record: Record, *, store: Store, codec: Codec) -> list[Fault]:
    """The fault of a record whose time is off the scale; the database's clock has the last word about that."""
    kept_ms = (
        codec.topology.by_event[AnalysisRequested.__name__].retention_ms or record.timestamp_ms
    )
    age_ms = time.time_ns() // 1_000_000 - record.timestamp_ms
    if record.timestamp_ms == NO_TIME or -limits.RECORD_AHEAD_MAX_MS <= age_ms <= kept_ms:
        return []
    age_ms = await store.now_ms() - record.timestamp_ms
    if -limits.RECORD_AHEAD_MAX_MS <= age_ms <= kept_ms:
        return []
    rule = "must lie between the topic's retention ago and an hour ahead, in unix milliseconds"
    return [Fault("timestamp", str(record.timestamp_ms), rule)]


async def _check_time_of_cohort(request: AnalysisRequested, record: Record, store: Store) -> None:
    """Raise OutsideFaultsError when first buyers are asked for before a time that had not come with the request."""
    before = None if request.cohort is None else request.cohort.before
    if before is None:
        return
    at_ms = record.timestamp_ms if record.timestamp_ms >= 0 else await store.now_ms()
    if before * 1000 > at_ms:
        rule = "must not lie in the future: later than the request's record"
        fault = Fault("cohort.before", str(before), rule)
        raise OutsideFaultsError([fault], request.request_id, request.tenant)


async def _recorded(new: NewRequest, store: Store, quotas: Quotas) -> Recorded | str:
    """What the store says to the request; the quota that it is over when it is new and its tenant may have no more."""
    if not quotas.binds(new.tenant):
        return await store.record_request(new)

    def refuse(usage: Usage) -> str | None:
        return refusal(quotas, new.tenant, usage, wallets=new.most_wallets)

    return await store.record_within(new, refuse)


async def _answer(request_id: str, store: Store) -> list[Encoded]:
    """What is said again of a request that has ended: its end; of a rejection its progress too: nobody else does."""
    ending = await store.ending(request_id)
    if ending is None:
        return []
    if ending.status != "rejected" or ending.progress is None:
        return [ending.terminal]
    return [ending.terminal, ending.progress]


async def _rejected(
    record: Record,
    error: OutsideFaultsError,
    *,
    store: Store,
    codec: Codec,
    answers: Answers,
    new: NewRequest | None = None,
) -> list[Encoded]:
    """The end of a request that breaks rules: the answer and its one progress record, kept and then said.

    Who sends the same again is answered as often as `answers` allows. `new` is the request where it could be read.
    Raises DeadLetterError when the id belongs to other content.
    """
    assert error.request_id is not None  # noqa: S101 - a dead letter otherwise
    at_ms = await store.now_ms()
    ahead = codec.continuing(trace_from(record))
    failed, progress = rejection_of(error.request_id, error, at=at_ms // 1000)
    rejection = Rejection(
        request_id=error.request_id,
        digest=new.digest if new else hashlib.sha256(record.value or b"").digest(),
        source=_source(record),
        at_ms=at_ms,
        tenant=new.tenant if new else error.tenant or DEFAULT_TENANT,
        terminal=ahead.encode(failed, time_ms=at_ms),
        progress=ahead.encode(progress, time_ms=at_ms),
    )
    ending = await store.reject(rejection)
    if ending is None:
        raise _reused(error.request_id) from None
    count_end(ending)
    known = None if ending.is_news else await store.request(rejection.request_id)
    is_repeat = known is not None and known.source != rejection.source
    if is_repeat and not answers.may(rejection.request_id):
        metrics.REPEATS_DROPPED.labels("requests").inc()
        return []
    return [ending.terminal] if ending.progress is None else [ending.terminal, ending.progress]


def rejection_of(
    request_id: str, error: InvalidInputError, *, at: int
) -> tuple[AnalysisFailed, AnalysisProgressed]:
    """What is said of a request that breaks rules."""
    named = error.faults[:FAULTS_NAMED]
    message = _in_short(error)
    failed = AnalysisFailed(
        request_id=request_id,
        status="rejected",
        code=error.code,
        message=message,
        faults=[FaultNote(**fault._asdict()) for fault in named],
        faults_omitted=len(error.faults) - len(named),
        at=at,
    )
    progress = AnalysisProgressed(
        request_id=request_id,
        seq=1,
        stage="rejected",
        percent=0,
        wallets_total=0,
        wallets_done=0,
        wallets_failed=0,
        balances_done=False,
        message=message,
        terminal=True,
        at=at,
    )
    return failed, progress


def _in_short(error: InvalidInputError) -> str:
    """The first faults, as many as fit, and how many more there are."""
    text = ""
    for number, fault in enumerate(error.faults):
        more = f"; and {len(error.faults) - number} more" if number else ""
        longer = f"{text}; {fault}" if number else str(fault)
        if number and len(longer) > limits.ERROR_TEXT_MAX_CHARACTERS - len("; and 1000000 more"):
            return text + more
        text = longer
    return text[: limits.ERROR_TEXT_MAX_CHARACTERS]


def _reused(request_id: str) -> DeadLetterError:
    """The same id with other content: the first request is not disturbed."""
    return DeadLetterError(
        "request_id_reused", f"request_id {request_id} was already used for another request"
    )
