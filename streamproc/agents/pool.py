"""The process pool for heavy pure work, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from multiprocessing import connection
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")
log = logging.getLogger(__name__)

PRELOADED = ["streamproc.core.analysis", "streamproc.core.similarity", "streamproc.core.stages"]


class ProcessPool:
    """As many processes as cores; one that dies is replaced, and its work done again once."""

    def __init__(self, processes: int | None = None) -> None:
        """Start nothing yet."""
        self._processes = processes or os.cpu_count() or 1
        self._executor = self._fresh()

    async def run(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - any function's
        """What the function returns; it and its values are picklable."""
        loop = asyncio.get_running_loop()
        executor = self._executor
        try:
            return await loop.run_in_executor(executor, work, *values)
        except BrokenProcessPool:
            log.warning("a process of the pool died; its work is done again")
            if self._executor is executor:
                self._executor = self._fresh()
            return await loop.run_in_executor(self._executor, work, *values)

    async def warm(self) -> None:
        """Have all processes started and their imports done."""
        await asyncio.gather(*(self.run(os.getpid) for _ in range(self._processes)))

    def close(self) -> None:
        """End the processes; work that has not begun is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _fresh(self) -> ProcessPoolExecutor:
        """A pool whose processes come from a server that has the heavy imports done."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        return ProcessPoolExecutor(
            self._processes, mp_context=context, initializer=end_with_the_parent
        )


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
    """A warm pool for the length of the block."""
    pool = ProcessPool(processes)
    try:
        await pool.warm()
        yield pool
    finally:
        pool.close()
