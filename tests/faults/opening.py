"""Opens the ground of one trial: topics and a database of its own, gone afterwards."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient

from streamproc.sandbox.world import World
from tests.faults.ground import Ground
from tests.flow.conftest import _database, upstream_settings
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamproc.local.stack import LocalStack
    from streamproc.sandbox.server import Sandbox

PLENTY: Final = {"STREAMPROC_HELIUS_RPC_RPS": "5000", "STREAMPROC_HELIUS_ENHANCED_RPS": "5000"}


def small_world() -> World:
    """The world of all trials: histories of a few pages."""
    return World(seed=17, wallets=8, transactions=(150, 350))


@asynccontextmanager
async def ground_on(
    sandbox: Sandbox,
    world: World,
    *,
    broker: str,
    dsn: str,
    template: str,
    folder: Path,
    stack: LocalStack | None = None,
) -> AsyncIterator[Ground]:
    """An installation on these servers; `template` is a database with the schema."""
    prefix = f"f{uuid.uuid4().hex[:10]}-"
    async with _database(dsn, template) as own:
        upstream = {**upstream_settings(sandbox), **PLENTY}
        async with installed(
            broker=broker, dsn=own, prefix=prefix, upstream=upstream, folder=folder
        ) as installation:
            ground = Ground(installation, sandbox, world, stack, folder)
            try:
                yield ground
            finally:
                await installation.stop_workers()
                await ground.proxy.stop()
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
