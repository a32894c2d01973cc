"""Requests that run in the store and that the join does not know: their opening is said again, from their row.

An opening that became a dead letter, a fan-out that was refused, a changelog that lost a state: none of them leaves
anything that a timer could find. The row is what is left; opened again, the join asks for the parts, or finds the
deadline passed.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.agents.join.terminal_publisher import terminal_records
from streamproc.agents.shared.cancellation import count_end
from streamproc.agents.shared.openings import opening_from
from streamproc.agents.shared.records import outgoing
from streamproc.core.join.progress import progressed
from streamproc.errors import TransientError
from streamproc.events import AnalysisFailed
from streamproc.store import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.agents.join.logic import Traced
    from streamproc.engine import Outgoing
    from streamproc.serde import Codec, Encoded
    from streamproc.store import Store

log = logging.getLogger(__name__)


class Reopening:
    """Looks for them; one that does not open is tried again more and more seldom, one that cannot be is ended."""

    def __init__(
        self, *, codec: Codec, store: Callable[[], Store], clock_ms: Callable[[], int]
    ) -> None:
        """Know where openings go, whom to ask once it is open, and what time it is in unix milliseconds."""
        self._codec = codec
        self._store = store
        self._clock_ms = clock_ms
        self._tried: dict[str, tuple[float, float]] = {}  # when again, and how long after that

    async def __call__(
        self, owns: Callable[[bytes], bool], state_of: Callable[[bytes], Traced | None]
    ) -> list[Outgoing]:
        """The openings to say again. Raises StoreUnavailableError."""
        running = await self._store().running(
            for_s=limits.REOPEN_AFTER_S, most=limits.REOPEN_LOOKED_AT
        )
        unknown = {
            request_id
            for request_id in running
            if owns(request_id.encode()) and not _is_known(state_of(request_id.encode()))
        }
        self._tried = {name: when for name, when in self._tried.items() if name in unknown}
        again = [await self._said(each) for each in sorted(unknown) if self._is_due(each)]
        return [out for outs in again for out in outs]

    def _is_due(self, request_id: str) -> bool:
        """Whether to try now; the next time is after twice as long."""
        now = time.monotonic()
        again_at, wait_s = self._tried.get(request_id, (now, limits.REOPEN_LOOK_S))
        if now < again_at:
            return False
        self._tried[request_id] = (now + wait_s, min(2 * wait_s, limits.REOPEN_CAP_S))
        return True

    async def _said(self, request_id: str) -> list[Outgoing]:
        """The opening; of a request whose row gives none, which would be a bug, the end instead."""
        try:
            return [outgoing(await self._opening(request_id))]
        except TransientError:
            raise
        except Exception:
            log.exception("request %s cannot be opened from its row: it ends", request_id)
            return [outgoing(each) for each in await self._end(request_id)]

    async def _opening(self, request_id: str) -> Encoded:
        """The request's AnalysisAccepted, or CohortRequested, as it was said the first time."""
        stored = await self._store().request(request_id)
        assert stored is not None  # noqa: S101 - it runs
        log.warning("request %s runs and the join does not know it: it is opened again", request_id)
        return self._codec.encode(
            opening_from(stored), time_ms=stored.requested_at_ms, traceparent=stored.traceparent
        )

    async def _end(self, request_id: str) -> list[Encoded]:
        """The request ends as failed, `internal`, unless it has ended meanwhile; what says so."""
        now_ms, why = self._clock_ms(), "a bug; the worker's log says more"
        failed = AnalysisFailed(
            request_id=request_id, status="failed", code="internal", message=why, at=now_ms // 1000
        )
        wished = Decision(
            request_id=request_id,
            status="failed",
            code="internal",
            terminal=self._codec.encode(failed, time_ms=now_ms),
        )
        (ending,) = await self._store().decide([wished])
        count_end(ending)
        progress = progressed(
            request_id=request_id,
            seq=1,
            stage="failed",
            percent=0.0,
            wallets_total=0,
            wallets_done=0,
            wallets_failed=0,
            balances_done=False,
            message=why,
            at=now_ms // 1000,
        )
        draft = self._codec.encode(progress, time_ms=now_ms)
        return await terminal_records(ending, draft, store=self._store(), codec=self._codec)


def _is_known(traced: Traced | None) -> bool:
    """Whether the join has heard the opening."""
    return traced is not None and traced.state.opened is not None
