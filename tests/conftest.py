"""Fixtures for tests on real parts: a Kafka broker and a Postgres, started once per test run, on first use.

- `broker` (str): the broker's address, `host:port`. Every test shares it: use `topic_prefix` for names of your own.
- `topic_prefix` (str): unique to the test; put it before topic names, consumer groups and application ids.
- `postgres_dsn` (str): the address of an empty database of the test's own, dropped afterwards.
- `store_dsn` (str): the same, with the schema of the store already migrated (copied from a template: 30 ms).

All four work in synchronous and asynchronous tests. A test that stops, kills or restarts a server starts its own
`LocalStack` in `stack_dir` instead; nobody may disturb the shared one.

The servers are containers when a Docker engine answers and has the images, the embedded stack otherwise;
`STREAMPROC_TEST_STACK=embedded` or `containers` decides it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import threading
import uuid
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import hypothesis
import pytest
import yaml

from streamproc.local.stack import LocalStack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

# jsonschema builds dozens of grammars from it, a second and a half of each process, for formats that nobody checks.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # None: it is not to be had

COMPOSE = yaml.safe_load((Path(__file__).parents[1] / "docker-compose.yml").read_text("utf-8"))
# No deadline: how fast an example is depends on what else the machine does. CI repeats itself, people explore.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
hypothesis.settings.load_profile("suite")

KAFKA_IMAGE = COMPOSE["services"]["kafka"]["image"]
POSTGRES_IMAGE = COMPOSE["services"]["postgres"]["image"]
# Lost at a power cut, kept at a kill: all that a test needs.
FAST_POSTGRES = {"fsync": "off", "full_page_writes": "off"}


# What a test takes, roughly, in seconds: by its marks, for an order only.
SLOW_TAKES_S, REAL_TAKES_S, OTHERS_TAKE_S = 15.0, 2.0, 0.03


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several processes the files that take longest come first: none is left to a single process at the end."""
    if not hasattr(config, "workerinput"):
        return
    takes_s: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        is_slow, is_real = item.get_closest_marker("slow"), item.get_closest_marker("real")
        takes_s[item.path] += (
            SLOW_TAKES_S if is_slow else REAL_TAKES_S if is_real else OTHERS_TAKE_S
        )
    items.sort(key=lambda item: (-takes_s[item.path], item.path))


class Servers(NamedTuple):
    """The addresses of the shared servers."""

    bootstrap: str
    dsn: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The shared servers; started by the first test that asks."""
    wanted = os.environ.get("STREAMPROC_TEST_STACK")
    use_containers = wanted == "containers" or (wanted is None and _engine_has_images())
    with _containers() if use_containers else _embedded() as started:
        yield started


@pytest.fixture
def broker(servers: Servers) -> str:
    """The address of the shared broker, `host:port`."""
    return servers.bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for names on the shared broker that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def postgres_dsn(servers: Servers) -> Iterator[str]:
    """The address of an empty database."""
    with _database(servers.dsn, template="template0") as dsn:
        yield dsn


@pytest.fixture
def store_dsn(servers: Servers, migrated_template: str) -> Iterator[str]:
    """The address of a database that has the store's schema and no rows."""
    with _database(servers.dsn, template=migrated_template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def migrated_template(servers: Servers) -> Iterator[str]:
    """The name of the database that `store_dsn` copies."""
    from streamproc.store.postgres.migrate import migrate  # noqa: PLC0415 - only where it is asked for

    with _database(servers.dsn, template="template0") as dsn:
        _run(partial(migrate, dsn))
        yield urlsplit(dsn).path.lstrip("/")


@pytest.fixture
def stack_dir() -> Iterator[Path]:
    """A folder for a `LocalStack` of the test's own: short, and passable for the user that root lends Postgres to."""
    with temporary_folder() as folder:
        yield folder


@contextmanager
def _embedded() -> Iterator[Servers]:
    """The embedded stack in a temporary folder."""
    with temporary_folder() as folder, LocalStack(folder, postgres_settings=FAST_POSTGRES) as stack:
        try:
            yield Servers(stack.bootstrap, stack.dsn)
        finally:  # nothing of them is kept: a clean end of thousands of partitions would only take its time
            stack.broker.kill()
            stack.postgres.kill()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder that other users can pass through, unlike those of pytest's own `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="streamproc-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _engine_has_images() -> bool:
    """True when a Docker engine answers and has all images, or can pull them."""
    if not _engine_listens():
        return False
    import docker  # noqa: PLC0415 - slow, and only for this
    from docker.errors import DockerException  # noqa: PLC0415
    from testcontainers.core.config import testcontainers_config as config  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=60)
    except DockerException:
        return False
    try:
        client.ping()
        reaper = [] if config.ryuk_disabled else [config.ryuk_image]
        for image in (KAFKA_IMAGE, POSTGRES_IMAGE, *reaper):
            if not client.images.list(name=image):
                client.images.pull(image)
    except (DockerException, OSError):
        return False
    finally:
        client.close()
    return True


def _engine_listens() -> bool:
    """True when something listens where the engine should (the client leaks a socket when nothing does)."""
    if "DOCKER_HOST" in os.environ:
        return True
    with socket.socket(socket.AF_UNIX) as engine:
        return engine.connect_ex("/var/run/docker.sock") == 0


@contextmanager
def _containers() -> Iterator[Servers]:
    """Both servers in containers."""
    from testcontainers.core import container, wait_strategies  # noqa: PLC0415 - slow

    port = _free_port()
    kafka = (
        container.DockerContainer(KAFKA_IMAGE)
        .with_bind_ports(9092, port)
        .waiting_for(wait_strategies.LogMessageWaitStrategy("Kafka Server started"))
    )
    for name, value in _kafka_environment(port).items():
        kafka = kafka.with_env(name, value)
    postgres = (
        container.DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_exposed_ports(5432)
        .waiting_for(
            wait_strategies.LogMessageWaitStrategy(
                "database system is ready to accept connections", times=2
            )
        )
    )
    with ExitStack() as running:
        running.enter_context(kafka)
        running.enter_context(postgres)
        at = f"{postgres.get_container_host_ip()}:{postgres.get_exposed_port(5432)}"
        yield Servers(
            f"{kafka.get_container_host_ip()}:{port}", f"postgresql://postgres@{at}/postgres"
        )


def _kafka_environment(port: int) -> dict[str, str]:
    """The settings that `docker-compose.yml` has, for a broker that the host reaches at another port."""
    composed = {**COMPOSE["services"]["kafka"]["environment"]}
    composed["KAFKA_ADVERTISED_LISTENERS"] = f"HOST://localhost:{port},INTERNAL://localhost:9094"
    composed["KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS"] = "0"
    return {name: str(value) for name, value in composed.items()}


def _free_port() -> int:
    """A port that was free a moment ago; an engine wants to be told, the broker has to advertise it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def _database(dsn: str, *, template: str) -> Iterator[str]:
    """A new database beside the one of `dsn`; yields its address and drops it in the end."""
    name = f"t{uuid.uuid4().hex[:12]}"
    _run(partial(_execute, dsn, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    finally:
        _run(partial(_execute, dsn, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _execute(dsn: str, statement: str) -> None:
    """Carry out one statement."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Callable[[], Awaitable[Any]]) -> None:
    """Run a coroutine to its end in a thread, so that the test's own event loop is left alone."""
    failed: list[BaseException] = []

    async def awaited() -> None:
        await work()

    def run() -> None:
        try:
            asyncio.run(awaited())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the test's thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
