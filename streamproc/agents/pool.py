"""The process pool for heavy pure work, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, contextmanager, suppress
from multiprocessing import connection
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from streamproc import limits
from streamproc.slots import WHOSE, Slots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T")
log = logging.getLogger(__name__)

PRELOADED = [
    "streamproc.core.analysis",
    "streamproc.core.similarity",
    "streamproc.core.stages",
    "streamproc.upstream.full_page",
    "scipy.sparse",
    "scipy.special",
]


class ProcessPool:
    """As many processes as cores; one that dies is replaced, and its work done again once."""

    def __init__(self, processes: int | None = None) -> None:
        """Start nothing yet."""
        self._processes = processes or os.cpu_count() or 1
        self._executor = self._fresh()
        # One more than is at work for each process, so that none waits for the event loop.
        self._slots = Slots(2 * self._processes)
        self._warming: asyncio.Future[None] | None = None

    async def run(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - any function's
        """What the function returns; it and its values are picklable. Requests take turns."""
        if self._warming is not None:
            await asyncio.shield(self._warming)
        async with self._slots.of(WHOSE.get()):
            return await self._ran(work, *values)

    async def _ran(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - as above
        """As `run`, at once."""
        loop = asyncio.get_running_loop()
        executor = self._executor
        try:
            return await loop.run_in_executor(executor, work, *values)
        except BrokenProcessPool:
            log.warning("a process of the pool died; its work is done again")
            if self._executor is executor:
                self._executor = self._fresh()
            return await loop.run_in_executor(self._executor, work, *values)

    def warm(self) -> None:
        """Have all processes started beside what else a worker opens; work that comes earlier waits for them.

        In a thread, because the call that starts a process waits for the server's imports: a second or more.
        """
        self._warming = asyncio.ensure_future(asyncio.to_thread(self._start))

    def _start(self) -> None:
        """Return when all processes are there; one that died is left to whoever has work for it."""
        started = [self._executor.submit(os.getpid) for _ in range(self._processes)]
        with suppress(BrokenProcessPool):
            for each in started:
                each.result()

    def close(self) -> None:
        """End the processes; work that has not begun is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _fresh(self) -> ProcessPoolExecutor:
        """A pool whose processes come from a server that has the heavy imports done."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=begin)


def begin() -> None:
    """What a process of the pool does first."""
    end_with_the_parent()
    gc.freeze()  # all modules are there
    gc.set_threshold(limits.POOL_COLLECTS_AFTER)


def end_with_the_parent() -> None:
    """Have this process of a pool end when the one that asked for it dies, however suddenly; it would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - a pool's process has one

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, name="parent-watch", daemon=True).start()


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
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(limits.LOOP_COLLECTS_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
