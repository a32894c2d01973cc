"""The pool's processes end with the process that asked for them, even when that is killed."""

from __future__ import annotations

import gc
import subprocess
import sys

import psutil

from streamproc import limits
from streamproc.agents.pool import process_pool

WAITED_S = 20.0
PROGRAM = """
import asyncio, time
from streamproc.agents.pool import process_pool

async def main():
    async with process_pool(2) as pool:
        await pool.run(abs, -1)
        print("warm", flush=True)
        time.sleep(3600)

asyncio.run(main())
"""


def test_a_killed_worker_leaves_no_process_of_its_pool_behind() -> None:
    owner = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"warm\n"
    pool = psutil.Process(owner.pid).children(recursive=True)
    assert len(pool) > 2
    owner.kill()
    owner.wait()
    owner.stdout.close()
    _, left = psutil.wait_procs(pool, WAITED_S)
    for process in left:
        process.kill()
    assert not left


async def test_what_was_there_before_is_not_walked_by_the_garbage_collector_again() -> None:
    assert gc.get_freeze_count() == 0
    async with process_pool(1) as pool:
        assert gc.get_freeze_count() > 10_000
        assert await pool.run(gc.get_freeze_count) > 10_000
        threshold, _, _ = await pool.run(gc.get_threshold)
        assert threshold == limits.POOL_COLLECTS_AFTER
    assert gc.get_freeze_count() == 0
