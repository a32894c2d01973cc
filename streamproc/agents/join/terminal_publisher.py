"""The terminal records of a request whose end was decided and never published by the similarity agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.agents.shared.progress_log import is_terminal
from streamproc.events import AnalysisProgressed

if TYPE_CHECKING:
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Ending, Store


async def terminal_records(
    ending: Ending, draft: Encoded, *, store: Store, codec: Codec
) -> list[Encoded]:
    """The terminal record, the progress that the similarity agent kept, and the last one, kept now if there is none.

    Asked again it is the same: what is kept first stays. The `seq` follows the records that are kept, so a later
    speaker finds the terminal one in its place. Raises StoreUnavailableError.
    """
    planned = AnalysisProgressed.model_validate_json(draft.value)
    said = await store.progress_from(ending.request_id, planned.seq)
    if ending.progress is not None:
        return [ending.terminal, *(each for each in said if not is_terminal(each)), ending.progress]
    if not said or not is_terminal(said[-1]):
        wished = _following(said, planned, ending.status)
        record = codec.encode(wished, time_ms=draft.timestamp_ms or 0, traceparent=_trace_of(draft))
        kept = await store.record_progress(ending.request_id, wished.seq, record)
        said = [*said, kept]
    return [ending.terminal, *said]


def _following(said: list[Encoded], planned: AnalysisProgressed, status: str) -> AnalysisProgressed:
    """The planned record, after those that were said, about the end that the store knows."""
    changed: dict[str, object] = {"stage": status}
    if said:
        last = AnalysisProgressed.model_validate_json(said[-1].value)
        changed |= {"seq": last.seq + 1, "percent": max(last.percent, planned.percent)}
    if status == "completed":
        changed["percent"] = 100.0
    return planned.model_copy(update=changed)


def _trace_of(record: Encoded) -> bytes | None:
    """The trace that a record continues."""
    return dict(record.headers).get("traceparent")
