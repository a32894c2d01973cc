"""Kafka with access lists: the rights that the page on operations names suffice, and nobody has more."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError

from streamproc.sandbox.world.world import World
from streamproc.settings import Settings, load_settings
from streamproc.topics import read_topology
from tests.flow.conftest import served, upstream_settings
from tests.security.access_lists import (
    DESCRIBE,
    DESCRIBE_CONFIGS,
    GROUP,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
    Grant,
    give,
    take,
)
from tests.security.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamproc.sandbox.service.server import Sandbox
    from tests.security.conftest import Access, Certificates

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
PASSWORD: Final = "p4ss-of-everybody"  # noqa: S105 - of a broker that lives for one test run
USERS: Final = dict.fromkeys(("owner", "worker", "backend", "stranger"), PASSWORD)
APP: Final = "streamproc"
ASKED: Final = ("analysis-requested", "analysis-cancel-requested")
HEARD: Final = (
    "analysis-accepted",
    "cohort-requested",
    "analysis-progress",
    "wallet-progress",
    "wallet-analyzed",
    "analysis-completed",
    "analysis-failed",
)
PROPERTIES: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # The broker talks to its own controller without a name, on loopback.
    "super.users": "User:owner;User:ANONYMOUS",
}


def grants() -> list[Grant]:
    """What the page on operations says."""
    topology = read_topology()
    names = [topic.name for topic in topology.topics]
    names += [table.changelog(APP) for table in topology.tables]
    everything = (READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS)
    worker = [Grant("worker", TOPIC, name, right) for name in names for right in everything]
    worker += [
        Grant("worker", TRANSACTIONAL_ID, f"{table.changelog(APP)}-{number}", WRITE)
        for table in topology.tables
        for number in range(table.partitions)
    ]
    asked = [Grant("backend", TOPIC, name, WRITE) for name in ASKED]
    heard = [Grant("backend", TOPIC, name, READ) for name in HEARD]
    return [*worker, Grant("worker", GROUP, APP, READ), *asked, *heard]


def as_user(access: Access, name: str) -> Access:
    """The same broker for another user."""
    return access.but(KAFKA_SASL_USERNAME=name, POSTGRES_DSN="postgresql:///")


def settings_of(access: Access) -> Settings:
    return load_settings(dict(access.settings))


@pytest.fixture(scope="module")
def listed(certificates: Certificates) -> Iterator[Access]:
    """A broker with access lists, all topics, and the rights of the page."""
    with running("SASL_SSL", certificates, users=USERS, properties=PROPERTIES) as found:
        access = found.but(KAFKA_SASL_MECHANISM="SCRAM-SHA-512", KAFKA_SASL_PASSWORD=PASSWORD)
        owner = as_user(access, "owner")
        applied = owner.run("topics", "apply")
        assert applied.returncode == 0, applied.stderr
        security = settings_of(owner).kafka_security()
        asyncio.run(give(access.bootstrap, security, grants()))
        yield access


async def write(access: Access, topic: str) -> None:
    """Put a record on a topic."""
    settings = settings_of(access)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_brokers, **settings.kafka_security()
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"{}", key=b"k")
    finally:
        await producer.stop()


@pytest.mark.parametrize(
    "topic", [topic.name for topic in read_topology().topics if topic.name not in ASKED]
)
async def test_a_backend_cannot_speak_for_an_agent(listed: Access, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await write(as_user(listed, "backend"), topic)


def test_whoever_has_no_rights_is_told_of_topics_that_he_cannot_see(listed: Access) -> None:
    checked = as_user(listed, "stranger").run("topics", "check")
    assert checked.returncode == 1
    assert "analysis-requested" in checked.stdout


def test_a_request_without_the_right_to_ask_fails_in_words(listed: Access) -> None:
    wallets = World(seed=1, wallets=2, transactions=(1, 2)).addresses
    done = as_user(listed, "stranger").run("submit", *wallets)
    assert done.returncode == 2
    assert "STREAMPROC_KAFKA_SASL_USERNAME" in done.stderr
    assert "access lists" in done.stderr
    assert PASSWORD not in done.stderr


@contextmanager
def worker_of(
    listed: Access, store_dsn: str, sandbox: Sandbox, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with the rights of the page."""
    own = upstream_settings(sandbox)
    worker = as_user(listed, "worker").but(
        POSTGRES_DSN=store_dsn,
        DATA_DIR=log.parent,
        HTTP_BIND="127.0.0.1:0",
        HELIUS_API_KEY="key",
        HELIUS_PLAN="professional",
        **{name.removeprefix("STREAMPROC_"): value for name, value in own.items()},
    )
    assert worker.run("topics", "check").returncode == 0
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamproc", "worker"],
            env=worker.environment(),
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text("utf-8")


def test_a_worker_and_a_backend_with_their_rights_run_an_analysis(
    listed: Access, store_dsn: str, tmp_path: Path
) -> None:
    world = World(seed=5, wallets=3, transactions=(5, 20))
    log = tmp_path / "worker.log"
    with served(world) as sandbox, worker_of(listed, store_dsn, sandbox, log):
        words = ("--request-id", "listed", "--wait", "--output", "json")
        asked = as_user(listed, "backend").run("submit", *words, *world.addresses)
        assert asked.returncode == 0, asked.stderr + log.read_text("utf-8")
    ended = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
    assert ended


@pytest.mark.timeout(600)  # two workers and three commands, each a process of its own
@pytest.mark.parametrize("right", ["write", "read"])
def test_a_right_that_is_taken_away_stops_the_worker_in_a_sentence_and_loses_nothing(
    listed: Access, store_dsn: str, tmp_path: Path, right: str
) -> None:
    world = World(seed=5, wallets=3, transactions=(5, 20))
    topic, operation = {"write": ("wallet-sync", WRITE), "read": ("wallet-analyzed", READ)}[right]
    lost = [Grant("worker", TOPIC, topic, operation)]
    security = settings_of(as_user(listed, "owner")).kafka_security()
    words = ("--request-id", f"lost-{right}", *world.addresses)
    backend = as_user(listed, "backend")
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    with served(world) as sandbox:
        with worker_of(listed, store_dsn, sandbox, first) as process:
            until = time.monotonic() + 60
            while "records flow" not in first.read_text("utf-8") and time.monotonic() < until:
                time.sleep(0.2)
            asyncio.run(take(listed.bootstrap, security, lost))
            assert backend.run("submit", *words).returncode == 0
            assert process.wait(60) == 1, first.read_text("utf-8")[-3000:]
        assert "this worker stopped: " in first.read_text("utf-8")
        assert topic in first.read_text("utf-8").splitlines()[-2]
        asyncio.run(give(listed.bootstrap, security, lost))
        with worker_of(listed, store_dsn, sandbox, second):
            done = backend.run("watch", f"lost-{right}", "--timeout-s", "60")
            assert done.returncode == 0, done.stderr + second.read_text("utf-8")[-3000:]
    # Nobody's dead letter: what was asked was no fault of whoever asked.
    owner = as_user(listed, "owner").run("dlq", "list", "--output", "json")
    assert json.loads(owner.stdout) == []
