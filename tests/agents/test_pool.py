"""The pool's processes end with the process that asked for them, even when that is killed."""

from __future__ import annotations

import subprocess
import sys

import psutil

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
