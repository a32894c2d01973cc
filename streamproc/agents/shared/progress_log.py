"""How the similarity agent reports: each record is kept before it is said, so a repeat says the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.join.progress import progressed
from streamproc.events import AnalysisProgressed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamproc.events import AnalysisReady, Stage
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Store


class ProgressLog:
    """One request's progress from `next_seq` on; nothing follows a terminal record."""

    def __init__(
        self, ready: AnalysisReady, *, store: Store, codec: Codec, clock_ms: Callable[[], int]
    ) -> None:
        """The log of the request that was handed over."""
        self._ready = ready
        self._store = store
        self._codec = codec
        self._clock_ms = clock_ms
        self._seq = ready.next_seq
        self._percent = float(limits.PERCENT_SYNCED)

    def goes_on_after(self, said: Sequence[Encoded]) -> None:
        """Take up after what an earlier try has said already."""
        if said:
            last = AnalysisProgressed.model_validate_json(said[-1].value)
            self._seq, self._percent = last.seq + 1, last.percent

    async def append(self, stage: Stage, percent: float, message: str) -> Encoded:
        """The next record, kept."""
        seq, record = self.next(stage, percent, message)
        return await self._store.record_progress(self._ready.request_id, seq, record)

    async def terminal_records(self, stage: Stage, percent: float, message: str) -> Encoded:
        """The last record of an end that was decided elsewhere: after what is kept, or the one that is kept already.

        What was planned meanwhile and not kept does not count, and somebody else may have had the last word.
        """
        said = await self._store.progress_from(self._ready.request_id, self._ready.next_seq)
        if said and is_terminal(said[-1]):
            return said[-1]
        self._seq = self._ready.next_seq
        self.goes_on_after(said)
        return await self.append(stage, percent, message)

    def next(self, stage: Stage, percent: float, message: str) -> tuple[int, Encoded]:
        """The next record and its `seq`, for the caller to keep."""
        seq, record = self._seq, self.draft(stage, percent, message)
        self._seq, self._percent = seq + 1, max(percent, self._percent)
        return seq, record

    def draft(self, stage: Stage, percent: float, message: str) -> Encoded:
        """The next record as it would be; for one that is kept together with something else."""
        now_ms = self._clock_ms()
        event = progressed(
            request_id=self._ready.request_id,
            seq=self._seq,
            stage=stage,
            percent=max(percent, self._percent),
            wallets_total=len(self._ready.wallets),
            wallets_done=self._ready.wallets_done,
            wallets_failed=self._ready.wallets_failed,
            balances_done=True,
            message=message,
            at=now_ms // 1000,
        )
        return self._codec.encode(event, time_ms=now_ms)


def is_terminal(record: Encoded) -> bool:
    """Whether this progress record is a last one."""
    return AnalysisProgressed.model_validate_json(record.value).terminal
