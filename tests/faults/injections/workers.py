"""What can be done to worker processes."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

from tests.faults.environment import DIES_WITHIN_S, STOPS_WITHIN_S, ended
from tests.faults.quiet import settled
from tests.flow.disturbed.test_two_versions import next_version

if TYPE_CHECKING:
    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection

KILLED: Final = -signal.SIGKILL
NO_USE: Final = 70  # the exit code of a worker whose watchdog has ended it
STANDS_STILL_S: Final = (
    75.0  # within so long the watchdog must end it: 40 s and what the work needs
)
BACK_S: Final = 2.0  # what a sleeper has queued would be out by then
STAYS_S: Final = 5.0  # how long a worker stays that joins and leaves
FLOWING: Final = "records flow"  # what a worker's log says when it has its partitions
HOUR_S: Final = 3600
GONE_S: Final = 100.0  # within so long a process that hangs is killed by its pool


async def crash(environment: Environment, injection: Injection) -> None:
    """The first worker dies at its failpoint; a sole one is restarted, of two the other takes over."""
    del injection
    await ended(environment.worker("w0"), KILLED)
    environment.undone()
    if len(environment.names) == 1:
        await environment.run("w0", wait=False)


async def crash_all(environment: Environment, injection: Injection) -> None:
    """The first worker to reach the failpoint dies there, the others with it, and all are started again."""
    workers = [environment.worker(name) for name in environment.names]
    dying = [asyncio.ensure_future(ended(worker, KILLED)) for worker in workers]
    done, _ = await asyncio.wait(dying, return_when=asyncio.FIRST_COMPLETED)
    environment.kill_all()
    await asyncio.gather(*dying)
    assert done
    await asyncio.sleep(injection.for_s)
    environment.undone()
    environment.run_all()


async def recovery(environment: Environment, injection: Injection) -> None:
    """The worker is killed with a table, its successor dies while it recovers that, the third goes on."""
    del injection
    await environment.installation.until(
        lambda: environment.installation.of("wallet-analyzed"), "no wallet is analyzed"
    )
    environment.kill_all()
    await environment.run("w0", "during-recovery=kill", wait=False)
    await ended(environment.worker("w0"), KILLED)
    environment.undone()
    await environment.run("w0", wait=False)


async def kill(environment: Environment, injection: Injection) -> None:
    """All workers die, and are started again later."""
    environment.kill_all()
    await asyncio.sleep(injection.for_s)
    environment.undone()
    environment.run_all()


async def kill_one(environment: Environment, injection: Injection) -> None:
    """The first of two dies and does not come back: the other takes over."""
    del injection
    environment.worker("w0").kill()
    environment.worker("w0").wait()
    environment.undone()


async def term(environment: Environment, injection: Injection) -> None:
    """The first worker is asked to stop, does so in time with success, and is started again."""
    del injection
    assert await environment.stopped("w0") == 0
    environment.undone()
    await environment.run("w0", wait=False)


async def block(environment: Environment, injection: Injection) -> None:
    """The first worker's event loop stands still; its watchdog ends the process, and it is started again."""
    del injection
    await ended(environment.worker("w0"), NO_USE, STANDS_STILL_S)
    number = environment.installation.workers.index(environment.worker("w0"))
    assert "the event loop has been blocked" in environment.installation.log(number)
    environment.undone()
    await environment.run("w0", wait=False)


async def pause(environment: Environment, injection: Injection) -> None:
    """The first worker is stopped as a machine that freezes, and goes on later as if nothing had been."""
    worker = environment.worker("w0")
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(injection.for_s)
    worker.send_signal(signal.SIGCONT)
    environment.undone()


async def outlast(environment: Environment, injection: Injection) -> None:
    """The first worker sleeps until all has ended elsewhere; awake and a member again, it says nothing at all."""
    del injection
    installation = environment.installation
    worker = environment.worker("w0")
    number = installation.workers.index(worker)
    flowed = installation.log(number).count(FLOWING)
    worker.send_signal(signal.SIGSTOP)
    for name in environment.requests:
        await installation.ending(name)
    await settled(installation)
    before = len(installation.said)
    worker.send_signal(signal.SIGCONT)
    environment.undone()
    await installation.until(
        lambda: installation.log(number).count(FLOWING) > flowed, "it never came back"
    )
    await asyncio.sleep(BACK_S)
    assert worker.poll() is None
    added = [f"{each.topic} at {each.offset}" for each in installation.said[before:]]
    assert not added, f"the sleeper has spoken: {added}"


async def churn(environment: Environment, injection: Injection) -> None:
    """A second worker joins and leaves every few seconds, while the same requests come under new names."""
    until, turn = time.monotonic() + injection.for_s, 0
    while time.monotonic() < until:
        turn += 1
        await environment.run("guest")
        await environment.ask(turn)
        await asyncio.sleep(STAYS_S)
        await environment.leave("guest")
    environment.undone()


async def clock(environment: Environment, injection: Injection) -> None:
    """The workers' clocks jump an hour ahead, later two hours back, and then are right again."""
    for hours in (1, -1, 0):
        environment.clock_off_by.write_text(str(hours * HOUR_S))
        await asyncio.sleep(injection.for_s / 2)
    environment.undone()


async def pool(environment: Environment) -> tuple[psutil.Process, list[psutil.Process]]:
    """What starts the processes of the first worker's pool, a child of the worker's; and those, once there are some."""
    until = time.monotonic() + DIES_WITHIN_S
    worker = psutil.Process(environment.worker("w0").pid)
    while time.monotonic() < until:
        for child in worker.children():
            if processes := child.children():
                return child, processes
        await asyncio.sleep(0.05)
    raise AssertionError("there is no process")


async def pool_kill(environment: Environment, injection: Injection) -> None:
    """All processes of the first worker's pool are killed, and once more those that took their place."""
    for pause_s in (injection.for_s, 0.0):
        _, processes = await pool(environment)
        for process in processes:
            process.kill()
        await asyncio.sleep(pause_s)
    environment.undone()


async def pool_server_kill(environment: Environment, injection: Injection) -> None:
    """What starts the processes of the first worker's pool is killed, and then they are."""
    del injection
    server, processes = await pool(environment)
    server.kill()
    for process in processes:
        process.kill()
    environment.undone()


async def pool_hang(environment: Environment, injection: Injection) -> None:
    """All processes of the first worker's pool stand still; one that has work is found out, the others go on."""
    del injection
    _, stopped = await pool(environment)
    for process in stopped:
        process.suspend()
    gone, left = await asyncio.to_thread(first_gone, stopped)
    assert gone, "no process was missed"
    for process in left:
        process.resume()
    environment.undone()


def first_gone(
    processes: list[psutil.Process],
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Which of these have ended once one has, or after a while, and which have not."""
    until = time.monotonic() + GONE_S
    while True:
        gone, left = psutil.wait_procs(processes, 0.2)
        if gone or time.monotonic() > until:
            return gone, left


async def upgrade(environment: Environment, injection: Injection) -> None:
    """One after the other the workers become those of the next version, and later those of this one again."""
    del injection
    for package in (await asyncio.to_thread(next_version, environment.folder / "next"), ""):
        environment.package = package
        for name in environment.names:
            await environment.gone(name)
            await environment.run(name)
    environment.undone()


async def stop_all(environment: Environment) -> None:
    """All workers stop in time."""
    for name in environment.names:
        environment.worker(name).send_signal(signal.SIGTERM)
    for name in environment.names:
        await asyncio.to_thread(environment.worker(name).wait, STOPS_WITHIN_S)
