"""What can be done to worker processes."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

from tests.faults.ground import DIES_WITHIN_S, STOPS_WITHIN_S, ended
from tests.faults.quiet import settled
from tests.flow.test_two_versions import next_version

if TYPE_CHECKING:
    from tests.faults.ground import Ground
    from tests.faults.plans import Deed

KILLED: Final = -signal.SIGKILL
NO_USE: Final = 70  # the exit code of a worker whose watchdog has ended it
STANDS_STILL_S: Final = (
    75.0  # within so long the watchdog must end it: 40 s and what the work needs
)
BACK_S: Final = 2.0  # what a sleeper has queued would be out by then
STAYS_S: Final = 5.0  # how long a worker stays that joins and leaves
FLOWING: Final = "records flow"  # what a worker's log says when it has its partitions
HOUR_S: Final = 3600
FORKS: Final = "multiprocessing.forkserver"  # what starts the processes of a pool
GONE_S: Final = 100.0  # within so long a process that hangs is killed by its pool


async def crash(ground: Ground, deed: Deed) -> None:
    """The first worker dies at its failpoint; a sole one is restarted, of two the other takes over."""
    del deed
    await ended(ground.worker("w0"), KILLED)
    ground.undone()
    if len(ground.names) == 1:
        await ground.run("w0", wait=False)


async def crash_all(ground: Ground, deed: Deed) -> None:
    """The first worker to reach the failpoint dies there, the others with it, and all are started again."""
    workers = [ground.worker(name) for name in ground.names]
    dying = [asyncio.ensure_future(ended(worker, KILLED)) for worker in workers]
    done, _ = await asyncio.wait(dying, return_when=asyncio.FIRST_COMPLETED)
    ground.kill_all()
    await asyncio.gather(*dying)
    assert done
    await asyncio.sleep(deed.for_s)
    ground.undone()
    ground.run_all()


async def recovery(ground: Ground, deed: Deed) -> None:
    """The worker is killed with a table, its successor dies while it recovers that, the third goes on."""
    del deed
    await ground.installation.until(
        lambda: ground.installation.of("wallet-analyzed"), "no wallet is analyzed"
    )
    ground.kill_all()
    await ground.run("w0", "during-recovery=kill", wait=False)
    await ended(ground.worker("w0"), KILLED)
    ground.undone()
    await ground.run("w0", wait=False)


async def kill(ground: Ground, deed: Deed) -> None:
    """All workers die, and are started again later."""
    ground.kill_all()
    await asyncio.sleep(deed.for_s)
    ground.undone()
    ground.run_all()


async def kill_one(ground: Ground, deed: Deed) -> None:
    """The first of two dies and does not come back: the other takes over."""
    del deed
    ground.worker("w0").kill()
    ground.worker("w0").wait()
    ground.undone()


async def term(ground: Ground, deed: Deed) -> None:
    """The first worker is asked to stop, does so in time with success, and is started again."""
    del deed
    assert await ground.stopped("w0") == 0
    ground.undone()
    await ground.run("w0", wait=False)


async def block(ground: Ground, deed: Deed) -> None:
    """The first worker's event loop stands still; its watchdog ends the process, and it is started again."""
    del deed
    await ended(ground.worker("w0"), NO_USE, STANDS_STILL_S)
    number = ground.installation.workers.index(ground.worker("w0"))
    assert "the event loop has been blocked" in ground.installation.log(number)
    ground.undone()
    await ground.run("w0", wait=False)


async def pause(ground: Ground, deed: Deed) -> None:
    """The first worker is stopped as a machine that freezes, and goes on later as if nothing had been."""
    worker = ground.worker("w0")
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(deed.for_s)
    worker.send_signal(signal.SIGCONT)
    ground.undone()


async def outlast(ground: Ground, deed: Deed) -> None:
    """The first worker sleeps until all has ended elsewhere; awake and a member again, it says nothing at all."""
    del deed
    installation = ground.installation
    worker = ground.worker("w0")
    number = installation.workers.index(worker)
    flowed = installation.log(number).count(FLOWING)
    worker.send_signal(signal.SIGSTOP)
    for name in ground.requests:
        await installation.ending(name)
    await settled(installation)
    before = len(installation.said)
    worker.send_signal(signal.SIGCONT)
    ground.undone()
    await installation.until(
        lambda: installation.log(number).count(FLOWING) > flowed, "it never came back"
    )
    await asyncio.sleep(BACK_S)
    assert worker.poll() is None
    added = [f"{each.topic} at {each.offset}" for each in installation.said[before:]]
    assert not added, f"the sleeper has spoken: {added}"


async def churn(ground: Ground, deed: Deed) -> None:
    """A second worker joins and leaves every few seconds, while the same requests come under new names."""
    until, turn = time.monotonic() + deed.for_s, 0
    while time.monotonic() < until:
        turn += 1
        await ground.run("guest")
        await ground.ask(turn)
        await asyncio.sleep(STAYS_S)
        await ground.leave("guest")
    ground.undone()


async def clock(ground: Ground, deed: Deed) -> None:
    """The workers' clocks jump an hour ahead, later two hours back, and then are right again."""
    for hours in (1, -1, 0):
        ground.clock_off_by.write_text(str(hours * HOUR_S))
        await asyncio.sleep(deed.for_s / 2)
    ground.undone()


def fork_server(ground: Ground) -> psutil.Process:
    """What starts the processes of the first worker's pool; they are its children."""
    (found,) = (
        each
        for each in psutil.Process(ground.worker("w0").pid).children()
        if any(FORKS in word for word in each.cmdline())
    )
    return found


async def pool(ground: Ground) -> list[psutil.Process]:
    """The processes of the first worker's pool, once there are some."""
    until = time.monotonic() + DIES_WITHIN_S
    while not (found := fork_server(ground).children()):
        assert time.monotonic() < until, "there is no process"
        await asyncio.sleep(0.05)
    return found


async def pool_kill(ground: Ground, deed: Deed) -> None:
    """All processes of the first worker's pool are killed, and once more those that took their place."""
    for pause_s in (deed.for_s, 0.0):
        for process in await pool(ground):
            process.kill()
        await asyncio.sleep(pause_s)
    ground.undone()


async def pool_server_kill(ground: Ground, deed: Deed) -> None:
    """What starts the processes of the first worker's pool is killed, and then they are."""
    del deed
    processes = await pool(ground)
    fork_server(ground).kill()
    for process in processes:
        process.kill()
    ground.undone()


async def pool_hang(ground: Ground, deed: Deed) -> None:
    """All processes of the first worker's pool stand still; one that has work is found out, the others go on."""
    del deed
    stopped = await pool(ground)
    for process in stopped:
        process.suspend()
    gone, left = await asyncio.to_thread(first_gone, stopped)
    assert gone, "no process was missed"
    for process in left:
        process.resume()
    ground.undone()


def first_gone(
    processes: list[psutil.Process],
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Which of these have ended once one has, or after a while, and which have not."""
    until = time.monotonic() + GONE_S
    while True:
        gone, left = psutil.wait_procs(processes, 0.2)
        if gone or time.monotonic() > until:
            return gone, left


async def upgrade(ground: Ground, deed: Deed) -> None:
    """One after the other the workers become those of the next version, and later those of this one again."""
    del deed
    for package in (await asyncio.to_thread(next_version, ground.folder / "next"), ""):
        ground.package = package
        for name in ground.names:
            await ground.gone(name)
            await ground.run(name)
    ground.undone()


async def stop_all(ground: Ground) -> None:
    """All workers stop in time."""
    for name in ground.names:
        ground.worker(name).send_signal(signal.SIGTERM)
    for name in ground.names:
        await asyncio.to_thread(ground.worker(name).wait, STOPS_WITHIN_S)
