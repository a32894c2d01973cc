"""What can be done to the broker and to Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING, Final

import asyncpg

from tests.store.stepping import moved

if TYPE_CHECKING:
    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection

OURS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'streamproc'"
)
CUTS: Final = 5
TAKES_S: Final = 30.0  # to take all connections
AT_ONCE: Final = 20
SWALLOWED: Final = 6  # answers to commits
LOOK_S: Final = 0.05
STEP_S: Final = 600.0  # of a clock
# One in five statements that write fails, two kinds in turn, forty at most. A sequence counts on although it is undone.
FAILING_WRITES: Final = """
CREATE SEQUENCE failed_writes;
CREATE FUNCTION fail_some() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE count bigint := nextval('failed_writes');
BEGIN
    IF count % 5 = 0 AND count <= 200 THEN
        RAISE EXCEPTION 'a test wants this to be tried again'
            USING ERRCODE = CASE WHEN count % 10 = 0 THEN '40001' ELSE '40P01' END;
    END IF;
    RETURN NULL;
END $$;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('CREATE TRIGGER fail_some BEFORE INSERT OR UPDATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION fail_some()', name);
    END LOOP;
END $$
"""


async def broker_stop(environment: Environment, injection: Injection) -> None:
    """The broker is shut down and started again."""
    await asyncio.to_thread(environment.stack.broker.stop)
    await asyncio.sleep(injection.for_s)
    await asyncio.to_thread(environment.stack.broker.start)
    environment.undone()


async def broker_kill(environment: Environment, injection: Injection) -> None:
    """The broker dies and is started again."""
    await asyncio.to_thread(environment.stack.broker.kill)
    await asyncio.sleep(injection.for_s)
    await asyncio.to_thread(environment.stack.broker.start)
    environment.undone()


async def broker_freeze(environment: Environment, injection: Injection) -> None:
    """The broker takes everything and answers nothing for a while."""
    pid = environment.stack.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(injection.for_s)
    finally:
        os.kill(pid, signal.SIGCONT)
    environment.undone()


async def postgres_stop(environment: Environment, injection: Injection) -> None:
    """Postgres is shut down and started again."""
    await asyncio.to_thread(environment.stack.postgres.stop)
    await asyncio.sleep(injection.for_s)
    await asyncio.to_thread(environment.stack.postgres.start)
    environment.undone()


async def postgres_kill(environment: Environment, injection: Injection) -> None:
    """Postgres dies and is started again."""
    await asyncio.to_thread(environment.stack.postgres.kill)
    await asyncio.sleep(injection.for_s)
    await asyncio.to_thread(environment.stack.postgres.start)
    environment.undone()


async def exhaust(environment: Environment, injection: Injection) -> None:
    """The workers' connections are cut, and somebody else has all that Postgres gives."""
    dsn = environment.installation.environment["STREAMPROC_POSTGRES_DSN"]
    first = await asyncpg.connect(dsn)
    taken = [first]
    until = time.monotonic() + TAKES_S
    is_full = False
    try:
        while time.monotonic() < until:
            more = [asyncpg.connect(dsn) for _ in range(AT_ONCE)]
            found = await asyncio.gather(*more, return_exceptions=True)
            taken += [each for each in found if isinstance(each, asyncpg.Connection)]
            if any(isinstance(each, asyncpg.TooManyConnectionsError) for each in found):
                if not is_full:
                    is_full, until = True, time.monotonic() + injection.for_s
                await first.execute(OURS)
                await asyncio.sleep(LOOK_S)
    finally:
        for each in taken:
            await each.close()
    assert is_full, "there were connections left"
    environment.undone()


async def swallow(environment: Environment, injection: Injection) -> None:
    """Answers to commits are lost together with their connections."""
    environment.proxy.to_swallow = SWALLOWED
    until = time.monotonic() + injection.for_s
    while environment.proxy.to_swallow and time.monotonic() < until:  # noqa: ASYNC110 - the proxy counts
        await asyncio.sleep(LOOK_S)
    environment.proxy.to_swallow = 0
    assert environment.proxy.swallowed, "nothing was committed"
    environment.undone()


async def cut(environment: Environment, injection: Injection) -> None:
    """All connections to Postgres are cut, again and again."""
    for _ in range(CUTS):
        environment.proxy.cut()
        await asyncio.sleep(injection.for_s / CUTS)
    environment.undone()


async def change_tables(environment: Environment, statement: str) -> None:
    """Carry out a statement that locks every table; Postgres may give up on it when a worker's is in its way."""
    while True:
        try:
            return await environment.installation.execute(statement)
        except asyncpg.DeadlockDetectedError:
            await asyncio.sleep(LOOK_S)


async def fail_writes(environment: Environment, injection: Injection) -> None:
    """Statements that write fail as they do when transactions are in each other's way."""
    await change_tables(environment, FAILING_WRITES)
    await asyncio.sleep(injection.for_s)
    dsn = environment.installation.environment["STREAMPROC_POSTGRES_DSN"]
    connection = await asyncpg.connect(dsn)
    counted = await connection.fetchval("SELECT last_value FROM failed_writes")
    await connection.close()
    await change_tables(environment, "DROP FUNCTION fail_some CASCADE")
    assert counted >= 5, "nothing was written"
    environment.undone()


async def database_clock(environment: Environment, injection: Injection) -> None:
    """The clock of Postgres jumps ahead, later as far back, and then is right again."""
    dsn = environment.installation.environment["STREAMPROC_POSTGRES_DSN"]
    for by_s in (STEP_S, -STEP_S, 0.0):
        await moved(dsn, by_s)
        await asyncio.sleep(injection.for_s / 2)
    environment.undone()
