"""Kafka on TLS, with passwords or certificates: all works with the right ones, others are refused in words."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamproc.errors import BrokerUnavailableError, ConfigurationError
from streamproc.kafka import admin
from streamproc.sandbox.world.world import World
from streamproc.settings import load_settings
from streamproc.topics import read_topology
from tests.flow.conftest import served, upstream_settings
from tests.security.conftest import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from streamproc.errors import Fault
    from tests.security.conftest import Access, Certificates

pytestmark = pytest.mark.real
KINDS = ["password_broker", "certificate_broker"]


@pytest.fixture
def access(request: pytest.FixtureRequest) -> Access:
    """One of the brokers."""
    found: Access = request.getfixturevalue(request.param)
    return found


def refused(access: Access) -> Fault:
    """The one fault for which a worker would not start; no secret is in it."""
    with pytest.raises(ConfigurationError) as caught:
        checked(access)
    (fault,) = caught.value.faults
    assert PASSWORD not in str(fault)
    return fault


def checked(access: Access) -> list[Fault]:
    """What keeps a worker from starting, as far as topics are concerned."""
    settings = load_settings({**access.settings, "STREAMPROC_POSTGRES_DSN": "postgresql:///"})
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(
        admin.check(
            settings.kafka_brokers,
            read_topology(),
            prefix="nobody-made-these-",
            app_id="a",
            security=settings.kafka_security(),
        )
    )


def test_each_mechanism_of_scram_lets_its_user_in(password_broker: Access) -> None:
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        (fault,) = checked(password_broker.but(KAFKA_SASL_MECHANISM=mechanism))
        assert fault.field == "topics"  # it was let in: only the topics are missing


def test_a_password_comes_from_a_file(password_broker: Access, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    access = password_broker.but(KAFKA_SASL_PASSWORD=None, KAFKA_SASL_PASSWORD_FILE=file)
    assert [fault.field for fault in checked(access)] == ["topics"]


def test_a_key_may_lie_in_the_certificates_own_file(
    certificate_broker: Access, certificates: Certificates
) -> None:
    both = certificate_broker.but(
        KAFKA_SSL_CERTFILE=certificates.client.both, KAFKA_SSL_KEYFILE=None
    )
    assert [fault.field for fault in checked(both)] == ["topics"]


def test_a_wrong_password_names_the_user(password_broker: Access) -> None:
    fault = refused(password_broker.but(KAFKA_SASL_PASSWORD=f"not-{PASSWORD}"))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SASL_USERNAME", USER)
    assert "password" in fault.rule


def test_an_unknown_user_is_refused_like_a_wrong_password(password_broker: Access) -> None:
    fault = refused(password_broker.but(KAFKA_SASL_USERNAME="nobody"))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SASL_USERNAME", "nobody")


def test_a_mechanism_that_the_broker_does_not_take_is_named(password_broker: Access) -> None:
    fault = refused(password_broker.but(KAFKA_SASL_MECHANISM="PLAIN"))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SASL_MECHANISM", "PLAIN")


@pytest.mark.parametrize("access", KINDS, indirect=True)
def test_a_broker_of_another_authority_is_not_trusted(
    access: Access, certificates: Certificates
) -> None:
    fault = refused(access.but(KAFKA_SSL_CAFILE=certificates.unknown.certificate))
    assert fault.field == "STREAMPROC_KAFKA_SSL_CAFILE"
    assert access.bootstrap in fault.rule


def test_without_an_authority_the_systems_own_count(password_broker: Access) -> None:
    assert refused(password_broker.but(KAFKA_SSL_CAFILE=None)).field.endswith("SSL_CAFILE")


@pytest.mark.parametrize("access", KINDS, indirect=True)
def test_a_broker_under_another_name_is_not_trusted(access: Access) -> None:
    other = access.bootstrap.replace("127.0.0.1", "localhost")
    fault = refused(access.but(KAFKA_BROKERS=other))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_BROKERS", other)
    assert "certificate" in fault.rule


def test_a_client_without_certificate_is_told_so(certificate_broker: Access) -> None:
    fault = refused(certificate_broker.but(KAFKA_SSL_CERTFILE=None, KAFKA_SSL_KEYFILE=None))
    assert fault.field == "STREAMPROC_KAFKA_SSL_CERTFILE"


def test_a_certificate_of_another_authority_is_refused(
    certificate_broker: Access, certificates: Certificates
) -> None:
    stranger = certificates.stranger
    fault = refused(
        certificate_broker.but(
            KAFKA_SSL_CERTFILE=stranger.certificate, KAFKA_SSL_KEYFILE=stranger.key
        )
    )
    assert fault.field == "STREAMPROC_KAFKA_SSL_CERTFILE"


@pytest.mark.parametrize("access", KINDS, indirect=True)
def test_a_client_that_speaks_no_tls_is_told_to(access: Access) -> None:
    bare = dict.fromkeys(("KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE", "KAFKA_SSL_KEYFILE"))
    login = {f"KAFKA_SASL_{name}": None for name in ("MECHANISM", "USERNAME", "PASSWORD")}
    fault = refused(access.but(KAFKA_SECURITY_PROTOCOL="PLAINTEXT", **bare, **login))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    assert "SSL" in fault.rule


def test_a_client_that_does_not_log_in_is_told_to(password_broker: Access) -> None:
    login = {f"KAFKA_SASL_{name}": None for name in ("MECHANISM", "USERNAME", "PASSWORD")}
    fault = refused(password_broker.but(KAFKA_SECURITY_PROTOCOL="SSL", **login))
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SECURITY_PROTOCOL", "SSL")
    assert "SASL_SSL" in fault.rule


def test_a_client_that_speaks_tls_to_a_broker_in_clear_is_told_so(
    broker: str, certificates: Certificates, password_broker: Access
) -> None:
    access = password_broker.but(KAFKA_BROKERS=broker)
    fault = refused(access)
    assert (fault.field, fault.value) == ("STREAMPROC_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")


def test_a_login_that_nobody_asks_for_is_named(certificate_broker: Access) -> None:
    fault = refused(
        certificate_broker.but(
            KAFKA_SECURITY_PROTOCOL="SASL_SSL",
            KAFKA_SASL_USERNAME=USER,
            KAFKA_SASL_PASSWORD=PASSWORD,
        )
    )
    assert fault.field == "STREAMPROC_KAFKA_SECURITY_PROTOCOL"


def test_a_broker_that_is_away_is_no_matter_of_settings(password_broker: Access) -> None:
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:9"):
        checked(password_broker.but(KAFKA_BROKERS="127.0.0.1:9"))


@pytest.mark.parametrize(
    "words", [("topics", "apply"), ("submit", "--request", "@request.json"), ("worker",)]
)
def test_a_command_that_is_not_let_in_ends_as_misconfigured_and_tells_no_secret(
    words: tuple[str, ...], password_broker: Access, store_dsn: str
) -> None:
    wallets = World(seed=1, wallets=2, transactions=(1, 2)).addresses
    request = {"request_id": "r", "wallets": wallets}
    (password_broker.folder / "request.json").write_text(json.dumps(request), "utf-8")
    wrong = password_broker.but(
        KAFKA_SASL_PASSWORD=f"not-{PASSWORD}", POSTGRES_DSN=store_dsn, HTTP_BIND="127.0.0.1:0"
    )
    done = wrong.run(*words)
    assert done.returncode == 2, done.stderr
    assert "STREAMPROC_KAFKA_SASL_USERNAME" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def world() -> World:
    """A small world."""
    return World(seed=5, wallets=3, transactions=(5, 20))


@pytest.fixture
def upstream(world: World) -> Iterator[dict[str, str]]:
    """The settings that lead to a sandbox with that world."""
    running: AbstractContextManager[object] = served(world)
    with running as sandbox:
        yield upstream_settings(sandbox)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("access", KINDS, indirect=True)
def test_an_analysis_runs_from_request_to_result(
    access: Access, world: World, upstream: dict[str, str], store_dsn: str, tmp_path: Path
) -> None:
    own = {name.removeprefix("STREAMPROC_"): value for name, value in upstream.items()}
    there = access.but(
        POSTGRES_DSN=store_dsn,
        DATA_DIR=tmp_path,
        HTTP_BIND="127.0.0.1:0",
        HELIUS_API_KEY="k",
        HELIUS_PLAN="professional",
        **own,
    )
    applied = there.run("topics", "apply")
    assert applied.returncode == 0, applied.stderr
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "streamproc", "worker"],
            env=there.environment(),
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        asked = there.run("submit", "--request-id", "over-tls", "--wait", *world.addresses)
        assert asked.returncode == 0, asked.stderr + log.read_text("utf-8")
        watched = there.run("watch", "over-tls")
        assert watched.returncode == 0, watched.stderr
        found = there.run("result", "over-tls", "--format", "json")
        result = json.loads(found.stdout)
        assert {each["wallet"] for each in result["wallets"]} == set(world.addresses)
        assert there.run("topics", "check").returncode == 0
        assert there.run("dlq", "list").returncode == 0
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, log.read_text("utf-8")
    assert PASSWORD not in log.read_text("utf-8")
