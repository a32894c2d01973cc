"""Which of the requests being worked on have ended meanwhile: looked up twice a second, for all of them at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, get_args

import orjson

from streamproc import limits, metrics
from streamproc.errors import RequestEndedError, TransientError
from streamproc.events.base import TerminalStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from streamproc.store import Ending, Store

log = logging.getLogger(__name__)
for outcome in get_args(TerminalStatus):
    metrics.REQUESTS.labels(outcome)  # 0 until the first, so that an increase is seen from it on


class Cancellations:
    """Knows, at most half a second late, whether a request that is being worked on here has ended."""

    def __init__(self, store: Store) -> None:
        """Watch nothing yet."""
        self._store = store
        self._watched: Counter[str] = Counter()
        self._ended: set[str] = set()

    @contextmanager
    def watching(self, request_id: str) -> Iterator[None]:
        """Look after this request as long as the block runs."""
        self._watched[request_id] += 1
        try:
            yield
        finally:
            self._watched[request_id] -= 1
            if not self._watched[request_id]:
                del self._watched[request_id]
                self._ended.discard(request_id)

    def has_ended(self, request_id: str) -> bool:
        """Whether the watched request is known to have ended."""
        return request_id in self._ended

    def check(self, request_id: str) -> None:
        """Raise RequestEndedError if the watched request has ended."""
        if request_id in self._ended:
            raise RequestEndedError(f"request {request_id} has ended")

    async def look(self) -> None:
        """Ask the store once about everything watched."""
        if self._watched:
            statuses = await self._statuses(list(self._watched))
            ended = {each for each, status in statuses.items() if status != "running"}
            self._ended |= ended & set(self._watched)

    async def _statuses(self, request_ids: list[str]) -> Mapping[str, str]:
        """What the store says of them; one about which it cannot be asked hides no other."""
        try:
            return await self._store.status_of(request_ids)
        except TransientError:
            raise
        except Exception:
            log.exception("cannot ask about %d requests at once", len(request_ids))
        if len(request_ids) == 1:
            return {}
        half = len(request_ids) // 2
        parts = (request_ids[:half], request_ids[half:])
        return {k: v for part in parts for k, v in (await self._statuses(part)).items()}

    async def _run(self) -> None:
        """Look until cancelled; while the store is away nothing is known to have ended."""
        while True:
            try:
                await self.look()
            except TransientError as error:
                log.warning("cannot look for ended requests: %s", error)
            except Exception:
                log.exception("cannot look for ended requests, tried again")
            await asyncio.sleep(limits.ENDINGS_LOOK_S)


def count_end(ending: Ending) -> None:
    """Count an end, measure it and say it in one line: once, by the worker that ended it."""
    if not ending.is_news:
        return
    metrics.REQUESTS.labels(ending.status).inc()
    duration_s = max(0.0, ending.duration_s or 0.0)
    metrics.REQUEST_SECONDS.observe(duration_s)
    cause = _cause(ending)
    log.info(
        "request %s %s%s after %.2f s, %d credits%s",
        ending.request_id,
        ending.status,
        f" ({ending.code})" if ending.code else "",
        duration_s,
        ending.credits_spent or 0,
        f": {cause}" if cause else "",
        extra={
            "request_id": ending.request_id,
            "tenant": ending.tenant,
            "outcome": ending.status,
            "code": ending.code,
            "cause": cause,
            "duration_s": round(duration_s, 3),
            "credits": ending.credits_spent or 0,
        },
    )


def _cause(ending: Ending) -> str | None:
    """Why a request did not complete, in the words of its terminal record."""
    if ending.status == "completed":
        return None
    message = orjson.loads(ending.terminal.value).get("message")
    return None if message is None else str(message)


@asynccontextmanager
async def watching_cancellations(store: Store) -> AsyncIterator[Cancellations]:
    """An Endings that looks as long as the block runs."""
    cancellations = Cancellations(store)
    task = asyncio.create_task(cancellations._run(), name="cancellations")  # noqa: SLF001 - same module
    try:
        yield cancellations
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
