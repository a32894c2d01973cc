"""Opens the environment of one trial: topics and a database of its own, gone afterwards; and the servers of a lane."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from streamproc.local.stack import LocalStack
from streamproc.sandbox.world.world import World
from streamproc.store.postgres.migrate import migrate
from tests.faults.environment import Environment
from tests.flow.conftest import _database, served, upstream_settings
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamproc.sandbox.service.server import Sandbox

FAST_POSTGRES: Final = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "128MB"}
# Access lists for those who take a right away; what is not listed is allowed. Open transactions are ended soon.
BROKER: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}
TEMPLATE: Final = "migrated"
PLENTY: Final = {"STREAMPROC_HELIUS_RPC_RPS": "5000", "STREAMPROC_HELIUS_ENHANCED_RPS": "5000"}


def small_world() -> World:
    """The world of all trials: histories of a few pages."""
    return World(seed=17, wallets=8, transactions=(150, 350))


@asynccontextmanager
async def environment_on(
    sandbox: Sandbox,
    world: World,
    *,
    broker: str,
    dsn: str,
    template: str,
    folder: Path,
    stack: LocalStack | None = None,
) -> AsyncIterator[Environment]:
    """An installation on these servers; `template` is a database with the schema."""
    prefix = f"f{uuid.uuid4().hex[:10]}-"
    async with _database(dsn, template) as own:
        upstream = {**upstream_settings(sandbox), **PLENTY}
        async with installed(
            broker=broker, dsn=own, prefix=prefix, upstream=upstream, folder=folder
        ) as installation:
            environment = Environment(installation, sandbox, world, stack, folder)
            try:
                yield environment
            finally:
                await installation.stop_workers()
                await environment.proxy.stop()
        await forget(broker, prefix)


async def forget(broker: str, prefix: str) -> None:
    """Delete the topics of one trial, so that the next ones find a small broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        mine = [name for name in await admin.list_topics() if name.startswith(prefix)]
        await admin.delete_topics(mine)
    finally:
        await admin.close()


@asynccontextmanager
async def lane(folder: Path, world: World) -> AsyncIterator[tuple[LocalStack, Sandbox]]:
    """Servers and an upstream that only one trial at a time uses."""
    stack = LocalStack(folder, postgres_settings=FAST_POSTGRES, broker_properties=BROKER)
    await asyncio.to_thread(stack.start)
    try:
        connection = await asyncpg.connect(stack.dsn)
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await connection.close()
        await migrate(urlunsplit(urlsplit(stack.dsn)._replace(path=f"/{TEMPLATE}")))
        with served(world) as sandbox:
            yield stack, sandbox
    finally:
        await asyncio.to_thread(stack.stop)
