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
    from tests.faults.ground import Ground
    from tests.faults.plans import Deed

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


async def broker_stop(ground: Ground, deed: Deed) -> None:
    """The broker is shut down and started again."""
    await asyncio.to_thread(ground.stack.broker.stop)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.broker.start)
    ground.undone()


async def broker_kill(ground: Ground, deed: Deed) -> None:
    """The broker dies and is started again."""
    await asyncio.to_thread(ground.stack.broker.kill)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.broker.start)
    ground.undone()


async def broker_freeze(ground: Ground, deed: Deed) -> None:
    """The broker takes everything and answers nothing for a while."""
    pid = ground.stack.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(deed.for_s)
    finally:
        os.kill(pid, signal.SIGCONT)
    ground.undone()


async def postgres_stop(ground: Ground, deed: Deed) -> None:
    """Postgres is shut down and started again."""
    await asyncio.to_thread(ground.stack.postgres.stop)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.postgres.start)
    ground.undone()


async def postgres_kill(ground: Ground, deed: Deed) -> None:
    """Postgres dies and is started again."""
    await asyncio.to_thread(ground.stack.postgres.kill)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(ground.stack.postgres.start)
    ground.undone()


async def exhaust(ground: Ground, deed: Deed) -> None:
    """The workers' connections are cut, and somebody else has all that Postgres gives."""
    dsn = ground.installation.environment["STREAMPROC_POSTGRES_DSN"]
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
                    is_full, until = True, time.monotonic() + deed.for_s
                await first.execute(OURS)
                await asyncio.sleep(LOOK_S)
    finally:
        for each in taken:
            await each.close()
    assert is_full, "there were connections left"
    ground.undone()


async def swallow(ground: Ground, deed: Deed) -> None:
    """Answers to commits are lost together with their connections."""
    ground.proxy.to_swallow = SWALLOWED
    until = time.monotonic() + deed.for_s
    while ground.proxy.to_swallow and time.monotonic() < until:  # noqa: ASYNC110 - the proxy counts
        await asyncio.sleep(LOOK_S)
    ground.proxy.to_swallow = 0
    assert ground.proxy.swallowed, "nothing was committed"
    ground.undone()


async def cut(ground: Ground, deed: Deed) -> None:
    """All connections to Postgres are cut, again and again."""
    for _ in range(CUTS):
        ground.proxy.cut()
        await asyncio.sleep(deed.for_s / CUTS)
    ground.undone()


async def fail_writes(ground: Ground, deed: Deed) -> None:
    """Statements that write fail as they do when transactions are in each other's way."""
    await ground.installation.execute(FAILING_WRITES)
    await asyncio.sleep(deed.for_s)
    dsn = ground.installation.environment["STREAMPROC_POSTGRES_DSN"]
    connection = await asyncpg.connect(dsn)
    counted = await connection.fetchval("SELECT last_value FROM failed_writes")
    await connection.execute("DROP FUNCTION fail_some CASCADE")
    await connection.close()
    assert counted >= 5, "nothing was written"
    ground.undone()


async def database_clock(ground: Ground, deed: Deed) -> None:
    """The clock of Postgres jumps ahead, later as far back, and then is right again."""
    dsn = ground.installation.environment["STREAMPROC_POSTGRES_DSN"]
    for by_s in (STEP_S, -STEP_S, 0.0):
        await moved(dsn, by_s)
        await asyncio.sleep(deed.for_s / 2)
    ground.undone()
