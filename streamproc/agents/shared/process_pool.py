"""The process pool for heavy pure work, so that the event loop stays free.

A process that dies (of too little memory, say) or hangs takes only the work with it that it was at. That work is the
suspect: it is tried again in a process of its own, twice, and then fails by name; what only waited behind it is done
elsewhere, and never counted as tried.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from streamproc import limits, tracing
from streamproc.agents.shared.pool_worker import PoolProcess, WorkLostError
from streamproc.errors import WorkFailedError
from streamproc.fair_limiter import CURRENT_REQUEST, FairLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T")
log = logging.getLogger(__name__)


class ProcessPool:
    """As many processes as cores, each replaced when it has gone."""

    def __init__(self, processes: int | None = None) -> None:
        """Start nothing yet."""
        self._processes = [PoolProcess() for _ in range(processes or os.cpu_count() or 1)]
        # One more than is at work for each process, so that none waits for the event loop.
        self._limiter = FairLimiter(2 * len(self._processes))
        self._alone = asyncio.Lock()  # of suspects only one is tried at a time

    async def run(self, work: Callable[..., T], *values: object) -> T:
        """What the function returns; it and its values are picklable. Requests take turns.

        Raises WorkFailedError when the process died or hung each time, also alone.
        """
        with tracing.step(f"pool {_name(work)}"):
            return await self._run(work, *values)

    async def _run(self, work: Callable[..., T], *values: object) -> T:
        """As `run`, among the processes."""
        async with self._limiter.hold(CURRENT_REQUEST.get()):
            for _ in range(limits.POOL_INNOCENT_TRIES):
                process = min(self._processes, key=lambda each: each.load)
                try:
                    return await process.run(work, *values)
                except WorkLostError as lost:
                    self._replace(process)
                    if lost.is_suspect:
                        break
        return await self._run_alone(work, *values)

    async def _run_alone(self, work: Callable[..., T], *values: object) -> T:
        """As `run`, for work that a process died or hung over: in a process of its own, a few times."""
        name = _name(work)
        async with self._alone:
            for number in range(1, limits.POOL_LONE_TRIES + 1):
                log.warning("a process of the pool was lost over %s: alone, try %d", name, number)
                process = PoolProcess()
                try:
                    return await process.run(work, *values)
                except WorkLostError:
                    continue
                finally:
                    process.close()
        raise WorkFailedError(
            f"{name}: its process died or hung each of {limits.POOL_LONE_TRIES + 1} times"
        )

    def warm(self) -> None:
        """Have all processes started beside what else a worker opens; work that comes earlier waits for its own."""
        for process in self._processes:
            _ = process.start()

    def close(self) -> None:
        """End the processes; work that has not begun is dropped."""
        for process in self._processes:
            process.close()

    def _replace(self, lost: PoolProcess) -> None:
        """Put a new process in the place of a lost one, unless somebody has done so."""
        if lost in self._processes:
            self._processes[self._processes.index(lost)] = PoolProcess()
            lost.close()


def _name(work: Callable[..., object]) -> str:
    """What a function is called."""
    return work.func.__name__ if isinstance(work, partial) else work.__name__


@asynccontextmanager
async def process_pool(processes: int | None = None) -> AsyncIterator[ProcessPool]:
    """A pool for the length of the block, warm soon."""
    pool = ProcessPool(processes)
    try:
        pool.warm()
        with quiet_collector():
            yield pool
    finally:
        pool.close()


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Spare the event loop the garbage collector's walks over what stays anyway: modules, settings, topics.

    A walk over all of it stops everything for 80 ms, as often as a quarter as much has been made since the last one.
    The short walks are made more seldom too: a busy event loop makes many objects, and few of them in rings.
    """
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(limits.LOOP_COLLECTS_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
