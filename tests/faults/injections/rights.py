"""What can be done to the rights of workers: in Kafka by access lists, in Postgres by roles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg

from tests.faults.environment import ended
from tests.faults.injections.records import changelog
from tests.security.access_lists import ALL, DENY, GROUP, READ, TOPIC, WRITE, Grant, give, take

if TYPE_CHECKING:
    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection

STOPPED: Final = 1  # the exit code of a worker that cannot go on
# The brokers of a trial know no logins: everybody has this name, and whatever is not listed is allowed.
EVERYBODY: Final = "ANONYMOUS"


def lost(environment: Environment, point: str) -> list[Grant]:
    """The rows that take a right away and leave the others of that topic or group."""
    installation = environment.installation
    changelog_name, _ = changelog(installation)
    group = installation.environment["STREAMPROC_APP_ID"]
    kind, name, operation = {
        "write the changelog": (TOPIC, changelog_name, WRITE),
        "read the group": (GROUP, group, READ),
    }.get(point) or (TOPIC, installation.prefix + point.removeprefix("write "), WRITE)
    return [
        Grant(EVERYBODY, kind, name, ALL),
        Grant(EVERYBODY, kind, name, operation, DENY),
    ]


async def forbid(environment: Environment, injection: Injection) -> None:
    """A right is taken away: the worker ends with a sentence; it is given back, and another one goes on."""
    installation = environment.installation
    brokers = installation.environment["STREAMPROC_KAFKA_BROKERS"]
    rows = lost(environment, injection.point)
    await give(brokers, {}, rows)
    try:
        await ended(environment.worker("w0"), STOPPED)
    finally:
        await take(brokers, {}, rows)
    said = installation.log(installation.workers.index(environment.worker("w0")))
    assert "this worker stopped: " in said, said[-2000:]
    environment.undone()
    await environment.run("w0", wait=False)


async def revoke(environment: Environment, injection: Injection) -> None:
    """The workers' role in Postgres loses its rights and gets them back; workers wait."""
    dsn = environment.installation.environment["STREAMPROC_POSTGRES_DSN"]
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"REVOKE streamproc_writer FROM {environment.role}")
        await asyncio.sleep(injection.for_s)
        await connection.execute(f"GRANT streamproc_writer TO {environment.role}")
    finally:
        await connection.close()
    assert "permission denied" in environment.installation.log(0), "nobody missed the right"
    environment.undone()
