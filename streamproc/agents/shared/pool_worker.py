"""One process of the pool: it works off one thing after the other, and is known to have died or hung over the first.

Processes come from a fork server that has the heavy imports done: a fork of the worker itself would copy its threads'
locks, and a spawned process would take seconds to import everything anew. What starts a process waits for the server
(for its imports too, the first time, or when somebody has killed it), so it is done in a thread.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar, cast

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
log = logging.getLogger(__name__)

PRELOADED = [
    "streamproc.core.result.wallet_analysis",
    "streamproc.core.result.pair_columns",
    "streamproc.core.similarity",
    "streamproc.core.result.pool_jobs",
    "streamproc.upstream.history.full_page",
    "scipy.sparse",
    "scipy.special",
]
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")  # there is a process a core: a second thread burns time


class WorkLostError(Exception):
    """The process has gone; `is_suspect` tells the work that it was at from work that only waited behind it."""

    def __init__(self, *, is_suspect: bool) -> None:
        """Keep whose fault it may be."""
        super().__init__("the process has gone")
        self.is_suspect = is_suspect


class PoolProcess:
    """A process and the work that it was given, the first of which it is at."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._executor = _executor()
        self._starting: asyncio.Future[None] | None = None
        self._is_closed = False
        self._pid = 0
        self._given: list[Future[object]] = []
        self._suspect: Future[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began_s = self._moved_s = self._cpu_s = 0.0

    @property
    def load(self) -> int:
        """How much it has to do."""
        return len(self._given)

    def start(self) -> asyncio.Future[None]:
        """What is done when the process is there."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        return self._starting

    def _start(self) -> None:
        """Return when the process is there, or cannot be had: the caller that has work for it finds that out.

        A fork server that has just died refuses connections until it is known to be dead and another is started. A
        process that does not answer in time is killed: nobody watches it before it has.
        """
        for _ in range(limits.POOL_START_TRIES):
            if self._is_closed:
                return
            try:
                self._pid = self._executor.submit(os.getpid).result(limits.POOL_START_S)
            except (BrokenProcessPool, OSError, EOFError) as error:  # a TimeoutError is an OSError
                log.warning("a process of the pool cannot be started: %r", error)
                for process in list((self._executor._processes or {}).values()):  # noqa: SLF001 - no other way before Python 3.14
                    process.kill()
                self._executor.shutdown(wait=False)
                self._executor = _executor()
                time.sleep(limits.POOL_START_PAUSE_S)
            else:
                return

    async def run(self, work: Callable[..., T], *values: object) -> T:
        """What the function returns; raises WorkLostError when the process dies, hangs, or cannot be had."""
        await asyncio.shield(self.start())
        loop = asyncio.get_running_loop()
        try:
            future = self._executor.submit(work, *values)
        except (BrokenProcessPool, RuntimeError, OSError):
            raise WorkLostError(is_suspect=False) from None
        given = cast("Future[object]", future)  # what it returns is the caller's alone
        self._given.append(given)
        if len(self._given) == 1:
            self._watch(loop)

        def finished(_: Future[T]) -> None:
            with suppress(RuntimeError):  # of a loop that has ended
                loop.call_soon_threadsafe(self._finished, given)

        future.add_done_callback(finished)  # before the one that wakes us
        try:
            return await asyncio.wrap_future(future)
        except BrokenProcessPool:
            raise WorkLostError(is_suspect=self._suspect is given) from None

    def close(self) -> None:
        """End the process; work that has not begun is dropped."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def kill(self) -> None:
        """End the process at once, whatever it is at."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _finished(self, done: Future[object]) -> None:
        """Take finished work off; of the work that a dead process leaves, the first is the suspect."""
        if not done.cancelled() and isinstance(done.exception(), BrokenProcessPool):
            self._suspect = self._suspect or self._given[0]
            return
        self._given.remove(done)
        self._began_s = self._moved_s = time.monotonic()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the process from time to time as long as it has work."""
        self._began_s = self._moved_s = time.monotonic()
        if self._timer is None:
            self._timer = loop.call_later(limits.POOL_LOOK_S, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Kill a process that has not moved, or not come to an end, for long."""
        self._timer = None
        if not self._given or self._suspect is not None:
            return
        now_s, cpu_s = time.monotonic(), cpu_time_s(self._pid)
        if cpu_s is None or cpu_s - self._cpu_s >= limits.POOL_MOVES_S:
            self._cpu_s, self._moved_s = cpu_s or 0.0, now_s
        hangs = now_s - self._moved_s > limits.POOL_HANGS_S
        if hangs or now_s - self._began_s > limits.POOL_WORK_S:
            log.error("process %d of the pool hangs and is killed", self._pid)
            self.kill()
        self._timer = loop.call_later(limits.POOL_LOOK_S, self._look, loop)


def _executor() -> ProcessPoolExecutor:
    """What starts and feeds one process."""
    os.environ.setdefault(*ONE_THREAD)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return ProcessPoolExecutor(1, mp_context=context, initializer=begin)


def cpu_time_s(pid: int) -> float | None:
    """How much processor time a process has used; None where nobody can tell, as outside Linux."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def begin() -> None:
    """What a process of the pool does first."""
    end_with_the_parent()
    os.nice(limits.POOL_NICE)
    gc.freeze()  # all modules are there
    gc.set_threshold(limits.POOL_COLLECTS_AFTER)


def end_with_the_parent() -> None:
    """Have this process of a pool end when the one that asked for it dies, however suddenly; it would never end."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - a pool's process has one

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, name="parent-watch", daemon=True).start()
