"""What the tests of the whole flow share: a generated world behind the sandbox, and an installation on real parts."""

from __future__ import annotations

import asyncio
import threading
import uuid
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from streamproc.sandbox.service.server import Sandbox, serve
from streamproc.sandbox.world.world import World
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from streamproc.sandbox.service.faults import Fault
    from streamproc.sandbox.wire.archive import Archive
    from tests.conftest import Servers
    from tests.flow.installation import Installation


class Opener(Protocol):
    """Opens an installation of its own on the shared servers."""

    def __call__(
        self, sandbox: Sandbox, **settings: str
    ) -> AbstractAsyncContextManager[Installation]:
        """An installation without workers yet, with these settings beside the usual ones."""


@pytest.fixture(scope="session")
def world() -> World:
    """A small generated world."""
    return World(seed=11, wallets=10, transactions=(30, 90))


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """The sandbox upstream with this world, in a thread of its own; its counters start at zero."""
    with served(world) as running:
        yield running


@contextmanager
def served(world: World | Archive, *, standard_only: bool = False) -> Iterator[Sandbox]:
    """A running sandbox, in a thread of its own; with `standard_only` it is any provider of Solana RPC."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    found: list[Sandbox] = []

    async def run() -> None:
        async with serve(world, standard_only=standard_only) as running:
            found.append(running)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert started.wait(30)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def upstream_settings(sandbox: Sandbox) -> dict[str, str]:
    """The settings that point an installation at this sandbox."""
    return {
        "STREAMPROC_HELIUS_RPC_URL": sandbox.rpc_url,
        "STREAMPROC_HELIUS_API_URL": sandbox.api_url,
        "STREAMPROC_DEXSCREENER_URL": sandbox.dexscreener_url,
        "STREAMPROC_PRICE_RPM": "30000",
    }


@pytest.fixture
def wallets(world: World) -> list[str]:
    """The addresses of the world's wallets."""
    return world.addresses


@pytest.fixture
async def installation(
    broker: str, store_dsn: str, topic_prefix: str, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation without workers yet."""
    async with installed(
        broker=broker,
        dsn=store_dsn,
        prefix=topic_prefix,
        upstream=upstream_settings(sandbox),
        folder=tmp_path,
    ) as running:
        yield running


@pytest.fixture(scope="session")
def open_installation(
    servers: Servers, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Opener:
    """Opens installations that live longer than one test, or several in one test."""

    @asynccontextmanager
    async def open_one(sandbox: Sandbox, **settings: str) -> AsyncIterator[Installation]:
        async with (
            _database(servers.dsn, migrated_template) as dsn,
            installed(
                broker=servers.bootstrap,
                dsn=dsn,
                prefix=f"t{uuid.uuid4().hex[:10]}-",
                upstream={**upstream_settings(sandbox), **settings},
                folder=tmp_path_factory.mktemp("installation"),
            ) as running,
        ):
            yield running

    return open_one


@asynccontextmanager
async def _database(dsn: str, template: str) -> AsyncIterator[str]:
    """The address of a database that has the store's schema, dropped afterwards."""
    name = f"t{uuid.uuid4().hex[:12]}"
    await _execute(dsn, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    finally:
        await _execute(dsn, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class House(NamedTuple):
    """An installation with one worker that serves all tests of a module, and the sandbox that it asks."""

    installation: Installation
    sandbox: Sandbox
    world: World
    listed: str  # a wallet on the operator's list of excluded ones


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    open_installation: Opener, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """The module's house; a test that changes the sandbox does so with `changed`."""
    excluded = tmp_path_factory.mktemp("lists") / "excluded.txt"
    listed = world.addresses[-1]
    excluded.write_text(f"# ours\n{listed}  # the treasury\n", encoding="utf-8")
    setting = {"STREAMPROC_EXCLUDED_WALLETS_FILE": str(excluded)}
    with served(world) as sandbox:
        async with open_installation(sandbox, **setting) as installation:
            await installation.ready_worker()
            yield House(installation, sandbox, world, listed)


@contextmanager
def changed(sandbox: Sandbox, *faults: Fault, latency_s: float = 0.0) -> Iterator[None]:
    """The sandbox with these faults, this slow, and counters that start at zero; as before after the block."""
    sandbox.set_faults(*faults)
    sandbox.latency_s = latency_s
    sandbox.counters.reset()
    try:
        yield
    finally:
        sandbox.set_faults()
        sandbox.latency_s = 0.0
