"""Looks at the process while it works: how late the event loop is, how much memory it and its pool have."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOP_S: Final = 0.005
MEMORY_S: Final = 0.1
MB: Final = 1024**2


class Watch:
    """What was seen so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.stall_s = 0.0
        self.alone_mb = 0.0  # the most that this process had
        self.together_mb = 0.0  # the most that it and its pool had at once


@contextmanager
def watched() -> Iterator[Watch]:
    """What is seen while the block runs."""
    watch, stop = Watch(), threading.Event()
    pool = _pool()
    thread = threading.Thread(target=_look_at_memory, args=(watch, pool, stop))
    task = asyncio.ensure_future(_look_at_loop(watch))
    thread.start()
    try:
        yield watch
    finally:
        task.cancel()
        stop.set()
        thread.join()


async def _look_at_loop(watch: Watch) -> None:
    """How late a short sleep ends, for ever."""
    while True:
        began_s = time.monotonic()
        await asyncio.sleep(LOOP_S)
        watch.stall_s = max(watch.stall_s, time.monotonic() - began_s - LOOP_S)


def _look_at_memory(watch: Watch, pool: list[psutil.Process], stop: threading.Event) -> None:
    """What is resident; pages that processes share count for each."""
    this = psutil.Process(os.getpid())
    is_over = False
    while not is_over:
        is_over = stop.wait(MEMORY_S)
        alone = this.memory_info().rss / MB
        others = sum(_rss(process) for process in pool) / MB
        watch.alone_mb = max(watch.alone_mb, alone)
        watch.together_mb = max(watch.together_mb, alone + others)


def _rss(process: psutil.Process) -> int:
    """Bytes of a process, 0 when it has gone."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _pool() -> list[psutil.Process]:
    """The fork server and the processes that it has made."""
    children = psutil.Process(os.getpid()).children(recursive=True)
    return [each for each in children if any("forkserver" in word for word in each.cmdline())]
