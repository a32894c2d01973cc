"""The similarity agent: compares what is whole, enriches beside it, and ends the request with its result.

From AnalysisReady on it alone speaks for the request. A cancel or a deadline is decided elsewhere; it is noticed here
within half a second, and what the store's row says is published.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.agents.shared.cancellation import count_end
from streamproc.agents.shared.progress_log import ProgressLog, is_terminal
from streamproc.engine import failpoints
from streamproc.errors import RequestEndedError, TransientError, WorkFailedError
from streamproc.events import AnalysisCompleted, AnalysisDue, AnalysisFailed, Options
from streamproc.serde import ce_id_of
from streamproc.store import Decision, Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamproc.agents.results.result_builder import Composed, Composer
    from streamproc.agents.shared.cancellation import Cancellations
    from streamproc.agents.shared.handlers import Said
    from streamproc.events import AnalysisReady, Stage
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Store

log = logging.getLogger(__name__)

_STAGES: Final[dict[str, Stage]] = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}


async def compare_wallets(
    ready: AnalysisReady,
    *,
    store: Store,
    composer: Composer,
    cancellations: Cancellations,
    codec: Codec,
    clock_ms: Callable[[], int],
) -> AsyncIterator[Said]:
    """Say `analyzing`, compose the result, decide the end, and publish what the store's row then says.

    After a crash the same records are said again, and whatever was decided stays decided. A bug in the composition ends
    the request as failed rather than never. Of a request whose row is gone nothing is said: it ended long ago.
    """
    progress_log = ProgressLog(ready, store=store, codec=codec, clock_ms=clock_ms)
    said, ending, is_recorded = await store.progress_and_end(ready.request_id, ready.next_seq)
    if not is_recorded:
        raise RequestEndedError(f"request {ready.request_id} is not known any more")
    progress_log.goes_on_after(said)
    last = said.pop() if said and is_terminal(said[-1]) else None
    for record in said:
        yield record
    if ending is None:
        if not said:
            message = f"comparing {len(ready.wallets)} wallets"
            yield await progress_log.append("analyzing", limits.PERCENT_SYNCED, message)
        whole = await _with_own_mints(ready, store)
        wished = await _decision(
            whole, composer=composer, cancellations=cancellations, codec=codec, clock_ms=clock_ms
        )
        decision = None if wished is None else _with_progress(*wished, progress_log)
        ending = await _decided(ready.request_id, decision, store)
        for record in _said_before(ending, decision):
            yield record
    yield ending.terminal
    words = _words(ending.status, ending.code)
    yield ending.progress or last or await progress_log.terminal_records(*words)
    yield _said(ending, codec)


async def _with_own_mints(ready: AnalysisReady, store: Store) -> AnalysisReady:
    """The hand-over with the mints that the request excludes, which only its row has."""
    stored = await store.request(ready.request_id) if ready.excludes_mints else None
    if stored is None:
        return ready
    mints = Options.model_validate(stored.options).excluded_mints
    options = ready.options.model_copy(update={"excluded_mints": mints})
    return ready.model_copy(update={"options": options})


async def _decision(
    ready: AnalysisReady,
    *,
    composer: Composer,
    cancellations: Cancellations,
    codec: Codec,
    clock_ms: Callable[[], int],
) -> tuple[Decision, str] | None:
    """The end that is wished for, and what was found in words: the result, or a failure to compose it.

    None when the request ended meanwhile.
    """
    try:
        composed = await _unless_ended(ready, composer, cancellations)
        return None if composed is None else (_completed(ready, composed, codec), composed.sentence)
    except RequestEndedError:
        return None
    except (TransientError, failpoints.FailpointError):
        raise
    except WorkFailedError as error:
        log.error("the result of %s cannot be composed: %s", ready.request_id, error)  # noqa: TRY400
        return _internal_failure(ready, codec, clock_ms(), str(error)), ""
    except Exception:
        log.exception("the result of %s cannot be composed", ready.request_id)
        why = "the worker's log says why"
        return _internal_failure(ready, codec, clock_ms(), why), ""


async def _unless_ended(
    ready: AnalysisReady, composer: Composer, cancellations: Cancellations
) -> Composed | None:
    """The composed result; None, and the work is given up, as soon as the request is known to have ended."""
    with cancellations.watching(ready.request_id):
        work = asyncio.create_task(composer.compose(ready), name=f"compose {ready.request_id}")
        try:
            while not work.done():
                await asyncio.wait([work], timeout=limits.ENDINGS_LOOK_S)
                if cancellations.has_ended(ready.request_id):
                    return None
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def _decided(request_id: str, decision: Decision | None, store: Store) -> Ending:
    """How the request ended: as decided now, or as it was decided before."""
    if decision is not None:
        ending = await store.decide_one(decision)
        count_end(ending)
        await failpoints.reach("after-terminal-update-before-publish")
        return ending
    found = await store.ending(request_id)
    assert found is not None  # noqa: S101 - it is known to have ended
    return found


def _said_before(ending: Ending, decision: Decision | None) -> list[Encoded]:
    """The progress that is said before this end, if it is the one that was wished for."""
    if decision is None or ending.terminal != decision.terminal:
        return []
    return [record for _, record in decision.before]


def _completed(ready: AnalysisReady, composed: Composed, codec: Codec) -> Decision:
    """The wish to complete the request with this result."""
    identity = ce_id_of(AnalysisCompleted, ready.request_id)
    terminal = codec.encode_value(
        AnalysisCompleted,
        composed.event,
        identity,
        request_id=ready.request_id,
        time_ms=composed.completed_at_ms,
    )
    return Decision(
        request_id=ready.request_id,
        status="completed",
        code=None,
        terminal=terminal,
        packed_result=composed.packed_result,
        pairs=composed.pairs,
    )


def _internal_failure(ready: AnalysisReady, codec: Codec, now_ms: int, why: str) -> Decision:
    """The wish to end a request whose result cannot be composed."""
    failed = AnalysisFailed(
        request_id=ready.request_id,
        status="failed",
        code="internal",
        message=f"the result could not be composed; {why}",
        at=now_ms // 1000,
    )
    terminal = codec.encode(failed, time_ms=now_ms)
    return Decision(
        request_id=ready.request_id, status="failed", code="internal", terminal=terminal
    )


def _with_progress(decision: Decision, found: str, progress_log: ProgressLog) -> Decision:
    """The decision with the progress records that belong to it, so that all are kept at once."""
    before = progress_log.next("analyzing", limits.PERCENT_ANALYZED, "compared and enriched")
    stage, percent, message = _words(decision.status, decision.code)
    progress = progress_log.draft(stage, percent, found or message)
    return replace(decision, before=(before,), progress=progress)


def _said(ending: Ending, codec: Codec) -> Encoded:
    """What tells the join that the end is published; the same whenever it is said."""
    at_ms = ending.terminal.timestamp_ms or 0
    heard = AnalysisDue(request_id=ending.request_id, kind="ended", at=at_ms // 1000)
    return codec.encode(heard, time_ms=at_ms)


def _words(status: str, code: str | None) -> tuple[Stage, float, str]:
    """Stage, percent and message of a terminal progress record; a failure keeps the percent it had."""
    percent = 100.0 if status == "completed" else 0.0
    return _STAGES[status], percent, code or status
