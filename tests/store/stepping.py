"""A database whose clock a test moves: its functions that tell the time stand in front of Postgres' own."""

from __future__ import annotations

import asyncpg

_MOVABLE = """
CREATE TABLE IF NOT EXISTS clock_is_off (by_s double precision NOT NULL);
DELETE FROM clock_is_off;
INSERT INTO clock_is_off VALUES (0);
CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
$$ SELECT pg_catalog.clock_timestamp() + make_interval(secs => by_s) FROM public.clock_is_off $$;
CREATE OR REPLACE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT pg_catalog.now() + make_interval(secs => by_s) FROM public.clock_is_off $$;
DO $$ BEGIN EXECUTE format(
    'ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()
); END $$;
"""


async def movable(dsn: str) -> None:
    """Let sessions that begin from now on see a clock that `moved` moves."""
    await _execute(dsn, _MOVABLE)


async def moved(dsn: str, by_s: float) -> None:
    """The clock of the database is so many seconds ahead, or behind when it is negative."""
    await _execute(dsn, "UPDATE public.clock_is_off SET by_s = $1", by_s)


async def _execute(dsn: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
