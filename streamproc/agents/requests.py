"""The requests agent: a valid request is recorded once and fanned out; everything else is answered or diverted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from streamproc import metrics
from streamproc.core.fan_out import balances_asked, wallet_asked
from streamproc.engine import failpoints
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import (
    REQUEST_ID_PATTERN,
    AnalysisAccepted,
    AnalysisFailed,
    AnalysisRequested,
    Event,
    FaultNote,
)
from streamproc.serde import Encoded, decode, header, request_id_in
from streamproc.store import NewRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.engine import Record
    from streamproc.store import Store


async def accept_request(record: Record, *, store: Store) -> AsyncIterator[Event | Encoded]:
    """Record one request and fan it out: AnalysisAccepted, a WalletSyncRequested per wallet, a BalanceFetchRequested.

    The same content again is answered with the terminal record once there is one, and ignored while it runs; the same
    id with other content is a dead letter, whether that content is valid or not.
    """
    try:
        request = decode(AnalysisRequested, record.value)
    except InvalidInputError as error:
        yield await _rejected(record, error, store)
        return
    requested_at_ms = record.timestamp_ms if record.timestamp_ms > 0 else await store.now_ms()
    new = _new_request(request, record, requested_at_ms)
    recorded = await store.record_request(new)
    if recorded.state == "conflict":
        raise _reused(request.request_id)
    if recorded.state == "ended":
        ending = await store.ending(request.request_id)
        if ending is not None:
            yield ending.terminal
    elif recorded.source != new.source:
        metrics.REPEATS_DROPPED.labels("requests").inc()
    else:
        for event in fan_out(request, requested_at_ms=recorded.requested_at_ms):
            yield event
        await failpoints.reach("after-fan-out")


def fan_out(request: AnalysisRequested, *, requested_at_ms: int) -> list[Event]:
    """The events that start the work on a recorded request; the same every time."""
    wallets = sorted(set(request.wallets))
    options = request.options()
    deadline_at = deadline_of(request, requested_at_ms)
    accepted = AnalysisAccepted(
        request_id=request.request_id,
        wallets=wallets,
        repeats_dropped=len(request.wallets) - len(wallets),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_at,
        options=options,
    )
    balances = balances_asked(request.request_id, wallets, options, deadline_at=deadline_at)
    syncs = [
        wallet_asked(
            request.request_id,
            wallet,
            options,
            requested_at_ms=requested_at_ms,
            deadline_at=deadline_at,
        )
        for wallet in wallets
    ]
    return [accepted, balances, *syncs]


def deadline_of(request: AnalysisRequested, requested_at_ms: int) -> int:
    """When the request expires, in whole unix seconds, rounded up."""
    return -(-requested_at_ms // 1000) + request.deadline_s


def digest_of(request: AnalysisRequested) -> bytes:
    """What makes two requests the same: their different wallets and all options, in any order; 32 bytes."""
    content = request.model_dump(mode="json", exclude={"request_id"})
    content["wallets"] = sorted(set(request.wallets))
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _new_request(request: AnalysisRequested, record: Record, requested_at_ms: int) -> NewRequest:
    """The row of a request that is seen for the first time."""
    return NewRequest(
        request_id=request.request_id,
        digest=digest_of(request),
        source=f"{record.topic}/{record.partition}/{record.offset}",
        wallets=sorted(set(request.wallets)),
        options=request.options().model_dump(mode="json"),
        requested_at_ms=requested_at_ms,
        deadline_at=deadline_of(request, requested_at_ms),
        repeats_dropped=len(request.wallets) - len(set(request.wallets)),
        traceparent=header(record.headers, "traceparent"),
    )


async def _rejected(record: Record, error: InvalidInputError, store: Store) -> AnalysisFailed:
    """The answer to a request that breaks rules; raises DeadLetterError when there is nobody to answer to."""
    request_id = request_id_in(record.value)
    if request_id is None or not REQUEST_ID_PATTERN.fullmatch(request_id):
        raise DeadLetterError("invalid_request", str(error)) from None
    if await store.request(request_id) is not None:
        raise _reused(request_id) from None
    metrics.REQUESTS.labels("rejected").inc()
    return AnalysisFailed(
        request_id=request_id,
        status="rejected",
        code=error.code,
        message=str(error)[:500],
        faults=[FaultNote(**fault._asdict()) for fault in error.faults],
        at=max(0, record.timestamp_ms) // 1000,
    )


def _reused(request_id: str) -> DeadLetterError:
    """The same id with other content: the first request is not disturbed."""
    return DeadLetterError(
        "request_id_reused", f"request_id {request_id} was already used for another request"
    )
