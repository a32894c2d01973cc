"""The join agent: the pure fold of `core.join.state` on Kafka's records, and terminal outcomes decided in the store.

The engine writes a state and the records it decided in one go *before* it publishes them, so a crash repeats them byte
for byte. What ends a request is only a draft until `decide` has asked the store, whose row says what is published.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, cast

import msgspec

from streamproc import metrics, tracing
from streamproc.agents.join.draft_records import draft_in, in_order
from streamproc.agents.join.terminal_publisher import terminal_records
from streamproc.agents.join.unopened import known_of
from streamproc.agents.shared.cancellation import count_end
from streamproc.agents.shared.handlers import traced as traced_record
from streamproc.agents.shared.records import outgoing
from streamproc.core.join.emit import emit, give_up, is_urgent
from streamproc.core.join.end_draft import EndDraft
from streamproc.core.join.fold import due, step
from streamproc.core.join.state import PARTS, JoinState, touched
from streamproc.core.join.state_bytes import bytes_of, state_from
from streamproc.engine import Outgoing, failpoints
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import (
    AnalysisAccepted,
    AnalysisCancelRequested,
    AnalysisDue,
    AnalysisFailed,
    AnalysisReady,
    BalanceFetchRequested,
    CohortRequested,
    WalletProgressed,
    WalletSyncRequested,
)
from streamproc.intake import decode_outside
from streamproc.serde import decode_internal, new_trace, trace_of
from streamproc.store import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.agents.join.draft_records import KeptDraft
    from streamproc.agents.join.unopened import Known
    from streamproc.core.join.state import Part
    from streamproc.engine import Record
    from streamproc.events import Event
    from streamproc.serde import Codec
    from streamproc.store import Ending, Store

log = logging.getLogger(__name__)

_SEEN_OFTEN: Final = (WalletProgressed, AnalysisDue)  # and worth no span


class Traced(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request's state and the trace that its records continue."""

    state: JoinState
    traceparent: str | None = None


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same as it is kept."""

    state: msgspec.Raw
    traceparent: str | None = None


class JoinLogic:
    """What the engine asks of the join: how states are kept, folded, told and decided."""

    def __init__(
        self, *, codec: Codec, store: Callable[[], Store], clock_ms: Callable[[], int]
    ) -> None:
        """Know where records go, who decides (once it is open), and what time it is in unix milliseconds."""
        self._codec = codec
        self._store = store
        self._clock_ms = clock_ms
        self._events = {codec.topic_of(event): event for event in PARTS}
        self.topics = tuple(self._events)
        self._failed_topic = codec.topic_of(AnalysisFailed)
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Kept)

    def load(self, raw: bytes) -> Traced:
        """The state that `dump` made these bytes of, in this version or another."""
        kept = self._decoder.decode(raw)
        return Traced(state_from(bytes(kept.state)), kept.traceparent)

    def dump(self, traced: Traced) -> bytes | None:
        """The state's bytes; None when it is to be forgotten."""
        if traced.state.phase == "forgotten":
            return None
        return self._encoder.encode(_Kept(msgspec.Raw(bytes_of(traced.state)), traced.traceparent))

    def fold(self, key: bytes, traced: Traced | None, record: Record) -> Traced:
        """The state after one more record; raises DeadLetterError for one that does not decode."""
        if self._events[record.topic] in _SEEN_OFTEN:
            return self._folded(key, traced, record)
        with traced_record("join", record), tracing.attempt():
            return self._folded(key, traced, record)

    def _folded(self, key: bytes, traced: Traced | None, record: Record) -> Traced:
        """As `fold`."""
        part = self._part(record)
        if part.request_id.encode() != key:
            raise DeadLetterError("wrong_key", f"the key is not request_id {part.request_id}")
        traced = traced or Traced(JoinState(part.request_id))
        state = step(traced.state, part)
        _count(traced.state, state, part)
        if state is traced.state:
            return traced
        is_opening = isinstance(part, AnalysisAccepted | CohortRequested)
        found = trace_of(record.headers) if is_opening else None
        trace = found.decode("ascii") if found else traced.traceparent
        if not isinstance(part, AnalysisDue):
            state = touched(state, self._clock_ms() // 1000)
        return Traced(state, trace)

    def _part(self, record: Record) -> Part:
        """The record as an event; raises DeadLetterError for one that does not decode."""
        model = self._events[record.topic]
        if model is not AnalysisCancelRequested:
            return cast("Part", decode_internal(model, record.value))
        try:
            return decode_outside(AnalysisCancelRequested, record.value, record.headers)
        except InvalidInputError as error:
            raise DeadLetterError("invalid_request", str(error)) from None

    def is_awaiting(self, traced: Traced) -> bool:
        """Whether the request's parts are awaited: it has been accepted, and is neither handed over nor ended."""
        return traced.state.opened is not None and traced.state.phase == "waiting"

    def is_urgent(self, traced: Traced) -> bool:
        """Whether this state should not wait for the next tick."""
        return is_urgent(traced.state)

    async def settle(
        self, states: list[tuple[bytes, Traced]]
    ) -> list[tuple[Traced, list[Outgoing]]]:
        """For each key's state the one that has said what there was to say, and the records that say it.

        Terminal records among them are drafts. Of a request that does not run nothing is kept, so one that has ended
        does not open again. Raises StoreUnavailableError when the store has to be asked for that and cannot be.
        """
        known = await known_of(
            [traced.state for _, traced in states], self._store(), now_ms=self._clock_ms()
        )
        return [self._settled(traced, known) for _, traced in states]

    async def decide(self, told: list[tuple[bytes, list[Outgoing]]]) -> list[list[Outgoing]]:
        """What is published of these records, key by key: drafts of an end give way to what the store's row says.

        Raises StoreUnavailableError when the store cannot be asked; nothing is published then.
        """
        drafts = {
            key: draft
            for key, records in told
            if (draft := draft_in(records, self._failed_topic)) is not None
        }
        if not drafts:
            return [records for _, records in told]
        endings = await self._store().decide(
            [_decision(key, draft) for key, draft in drafts.items()]
        )
        for ending in endings:
            count_end(ending)
        await failpoints.reach("after-terminal-update-before-publish")
        by_key = dict(zip(drafts, endings, strict=True))
        return [
            await self._decided(drafts[key], by_key[key]) if key in by_key else records
            for key, records in told
        ]

    def due(self, key: bytes, traced: Traced, now: float) -> Outgoing | None:
        """The AnalysisDue that a timer puts on the join's own topic at this time in unix seconds, if one is due."""
        del key
        kind = due(traced.state, now=int(now))
        if kind is None:
            return None
        event = AnalysisDue(request_id=traced.state.request_id, kind=kind, at=int(now))
        return outgoing(self._codec.encode(event, time_ms=event.at * 1000))

    def given_up(self, key: bytes, now: float) -> Outgoing:
        """What ends a request that a timer cannot look at, because of a bug: as failed, `internal`."""
        event = AnalysisDue(request_id=key.decode(), kind="broken", at=int(now))
        return outgoing(self._codec.encode(event, time_ms=event.at * 1000))

    def _settled(self, traced: Traced, known: Known) -> tuple[Traced, list[Outgoing]]:
        """One state after what the store knows of it, and what is to be said about it."""
        state = traced.state
        if state.request_id in known.strange:
            if state.opened is None:
                metrics.LATE_PARTS.labels("unopened").inc(
                    len(state.outcomes) + bool(state.balances)
                )
            return _without_mark(traced), []
        if (reason := known.cancelled.get(state.request_id)) is not None:
            heard = AnalysisCancelRequested(request_id=state.request_id, reason=reason or None)
            traced = Traced(step(state, heard), traced.traceparent)
        return self._emitted(traced)

    def _emitted(self, traced: Traced) -> tuple[Traced, list[Outgoing]]:
        """What is to be said about one state now; a bug in that ends the request."""
        now_ms = self._clock_ms()
        try:
            state, events = emit(traced.state, now=now_ms // 1000)
            return self._said(traced, state, events, now_ms)
        except Exception:
            log.exception("nothing can be told of request %s", traced.state.request_id)
            state, events = give_up(traced.state, now=now_ms // 1000)
            return self._said(traced, state, events, now_ms)

    def _said(
        self, traced: Traced, state: JoinState, events: list[Event | EndDraft], now_ms: int
    ) -> tuple[Traced, list[Outgoing]]:
        """The records of these events, which continue the request's trace, beside the new state."""
        trace = _handed_over(traced, state, events)
        records = [
            self._codec.encode(each, time_ms=_time_of(each, state, now_ms), traceparent=trace)
            for each in in_order(events)
        ]
        return Traced(state, traced.traceparent), [outgoing(record) for record in records]

    async def _decided(self, draft: KeptDraft, ending: Ending) -> list[Outgoing]:
        """What is published in place of a draft, now that the store says how the request has ended."""
        if draft.progress is None:  # the similarity agent publishes it
            return draft.before
        if draft.publisher == "stand_in":
            said = await terminal_records(
                ending, draft.progress, store=self._store(), codec=self._codec
            )
            return [*draft.before, *map(outgoing, said)]
        progress = [] if ending.progress is None else [outgoing(ending.progress)]
        return [*draft.before, outgoing(ending.terminal), *progress]


def _handed_over(traced: Traced, state: JoinState, events: list[Event | EndDraft]) -> bytes | None:
    """The trace that these events continue; where they end the waiting for parts, by a span about all of it."""
    trace = traced.traceparent.encode() if traced.traceparent else None
    is_end = any(isinstance(each, AnalysisReady | EndDraft) for each in events)
    if not (trace and is_end and state.opened and tracing.is_on()):
        return trace
    return tracing.waited(
        "join parts",
        parent=trace,
        identity=new_trace(topic=f"join/{state.request_id}", partition=0, offset=0),
        start_ms=state.opened.requested_at_ms,
        attributes={
            "streamproc.agent": "join",
            "streamproc.request_id": state.request_id,
            "streamproc.wallets": len(state.outcomes),
        },
    )


def _decision(key: bytes, draft: KeptDraft) -> Decision:
    """The decision that a draft asks for; where the join stands in, the last progress is made after it."""
    failed = AnalysisFailed.model_validate_json(draft.terminal.value)
    return Decision(
        request_id=key.decode(),
        status=failed.status,
        code=failed.code,
        terminal=draft.terminal,
        progress=draft.progress if draft.publisher == "join" else None,
    )


def _count(before: JoinState, after: JoinState, part: Part) -> None:
    """Count what was dropped: parts that came after the end, repeats, parts of a request that never opened."""
    if isinstance(part, AnalysisDue):
        if after.phase == "forgotten" and before.opened is None:
            metrics.LATE_PARTS.labels("unopened").inc(len(before.outcomes) + bool(before.balances))
    elif before.phase == "ended":
        metrics.LATE_PARTS.labels("ended").inc()
    elif after is before and not isinstance(part, WalletProgressed):
        metrics.REPEATS_DROPPED.labels("join").inc()


def _time_of(event: Event, state: JoinState, now_ms: int) -> int:
    """When what an event says was first said: what may be said again always has the same time."""
    is_asked = isinstance(event, WalletSyncRequested | BalanceFetchRequested | CohortRequested)
    if is_asked and state.opened is not None:
        return state.opened.requested_at_ms
    return event.at * 1000 if isinstance(event, AnalysisReady) else now_ms


def _without_mark(traced: Traced) -> Traced:
    """A state of which nothing is kept."""
    return Traced(JoinState(traced.state.request_id, phase="forgotten"), traced.traceparent)
