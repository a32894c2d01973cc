"""The pool's processes end with their worker; one that dies or hangs takes only its own work with it."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path  # noqa: TC003 - the functions are looked at where they are sent
from pickle import PicklingError

import numpy as np
import psutil
import pytest

from streamproc import limits
from streamproc.agents.shared import pool_worker
from streamproc.agents.shared.process_pool import process_pool
from streamproc.errors import WorkFailedError

WAITED_S = 20.0
PROGRAM = """
import asyncio, time
from streamproc.agents.shared.process_pool import process_pool

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


async def test_a_process_of_the_pool_multiplies_matrices_in_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has a core; a second thread would burn the processor time of another process."""
    monkeypatch.delenv(pool_worker.ONE_THREAD[0], raising=False)
    async with process_pool(1) as pool:
        before, after = await pool.run(threads_around_a_product, 600)
    assert before == after


async def test_what_was_there_before_is_not_walked_by_the_garbage_collector_again() -> None:
    assert gc.get_freeze_count() == 0
    async with process_pool(1) as pool:
        assert gc.get_freeze_count() > 10_000
        assert await pool.run(gc.get_freeze_count) > 10_000
        threshold, _, _ = await pool.run(gc.get_threshold)
        assert threshold == limits.POOL_COLLECTS_AFTER
    assert gc.get_freeze_count() == 0


async def test_a_process_that_dies_takes_only_its_own_work_with_it(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    async with process_pool(2) as pool:
        innocent = [pool.run(counted, tmp_path / str(number)) for number in range(12)]
        fatal = pool.run(die, tried)
        *done, died = await asyncio.gather(*innocent, fatal, return_exceptions=True)
        assert await pool.run(abs, -1) == 1
    assert done == list(range(12))
    assert isinstance(died, WorkFailedError)
    assert "die" in str(died)
    assert len(tried.read_text()) == limits.POOL_LONE_TRIES + 1
    # What only waited behind the fatal work may have begun once more, and nothing else has.
    begun = [len((tmp_path / str(number)).read_text()) for number in range(12)]
    assert sum(begun) <= len(begun) + 1


async def test_a_process_that_hangs_while_it_starts_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context("forkserver")
    made = partial(
        ProcessPoolExecutor, 1, mp_context=context, initializer=hang_once, initargs=(tmp_path,)
    )
    monkeypatch.setattr(pool_worker, "_executor", made)
    monkeypatch.setattr(limits, "POOL_START_S", 4.0)
    async with process_pool(1) as pool:
        assert await asyncio.wait_for(pool.run(abs, -1), WAITED_S) == 1
    assert not psutil.pid_exists(hung_one(tmp_path))


def hung_one(folder: Path) -> int:
    """The process that has left its number here."""
    (found,) = folder.iterdir()
    return int(found.name)


def hang_once(folder: Path) -> None:
    """The first process to come here does nothing for ever."""
    if not list(folder.iterdir()):
        (folder / str(os.getpid())).touch()
        time.sleep(3600)


async def test_a_process_that_is_killed_once_costs_a_repetition(tmp_path: Path) -> None:
    async with process_pool(2) as pool:
        died_once = await pool.run(die_once, tmp_path / "died")
        assert died_once == "done"


async def test_a_process_that_stands_still_is_killed_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POOL_LOOK_S", 0.2)
    monkeypatch.setattr(limits, "POOL_HANGS_S", 1.0)
    async with process_pool(2) as pool:
        hung = asyncio.create_task(pool.run(stop_once, tmp_path / "stopped"))
        assert await pool.run(busy, 3.0) == "done", "what moves is not taken for hung"
        assert await asyncio.wait_for(hung, 60) == "done"


async def test_a_process_without_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POOL_LOOK_S", 0.1)
    monkeypatch.setattr(limits, "POOL_WORK_S", 3.0)
    async with process_pool(1) as pool:
        with pytest.raises(WorkFailedError):
            await asyncio.wait_for(pool.run(busy, 3600.0), 60)
        assert await pool.run(counted, tmp_path / "7") == 7


async def test_a_fork_server_that_dies_costs_repetitions_and_no_work(tmp_path: Path) -> None:
    async with process_pool(2) as pool:
        (server,) = {await pool.run(os.getppid) for _ in range(4)}
        work = [asyncio.create_task(pool.run(busy, 0.5)) for _ in range(4)]
        await asyncio.sleep(0.2)
        os.kill(server, signal.SIGKILL)
        assert await asyncio.gather(*work) == ["done"] * 4
        assert await pool.run(counted, tmp_path / "7") == 7


async def test_a_cancelled_caller_leaves_the_pool_as_good_as_it_was(tmp_path: Path) -> None:
    async with process_pool(1) as pool:
        for _ in range(3):
            gone = asyncio.create_task(pool.run(busy, 0.2))
            await asyncio.sleep(0.05)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        assert await pool.run(counted, tmp_path / "7") == 7


async def test_what_work_raises_is_raised_and_costs_no_process() -> None:
    async with process_pool(1) as pool:
        before = await pool.run(os.getpid)
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 1, 0)
        with pytest.raises((TypeError, AttributeError, PicklingError)):
            await pool.run(lambda: 1)  # it cannot be sent
        assert await pool.run(os.getpid) == before


def threads_around_a_product(size: int) -> tuple[int, int]:
    """How many threads this process has before it multiplies matrices, and after."""
    before = psutil.Process().num_threads()
    matrix = np.ones((size, size))
    assert (matrix @ matrix).shape == matrix.shape
    return before, psutil.Process().num_threads()


def counted(path: Path) -> int:
    """Note that the work has begun; its number."""
    with path.open("a") as file:
        file.write("x")
    time.sleep(0.05)
    return int(path.name)


def die(path: Path) -> None:
    """End the process, as the kernel does when memory is short."""
    with path.open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(path: Path) -> str:
    """The same the first time."""
    if not path.exists():
        die(path)
    return "done"


def stop_once(path: Path) -> str:
    """Stand still the first time."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return "done"


def busy(seconds: float) -> str:
    """Use the processor for so long."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass
    return "done"
