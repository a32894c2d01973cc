"""Brokers that verify who they talk to, and the product's own program run against them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pytest

from streamproc.local.broker import EmbeddedBroker
from tests.conftest import temporary_folder
from tests.security.authority import Authority, authority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.security.authority import Signed

USER: Final = "worker"
PASSWORD: Final = "p4ss-of-the-worker"  # noqa: S105 - of a broker that lives for one test run
USERS: Final = {"broker": "p4ss-of-the-broker", USER: PASSWORD}
PREFIX: Final = "STREAMPROC_"


@dataclass(frozen=True)
class Certificates:
    """What a test run trusts, and what it does not."""

    known: Authority
    unknown: Authority
    broker: Signed
    client: Signed
    stranger: Signed


@dataclass(frozen=True)
class Access:
    """A broker and the settings with which a client may talk to it."""

    bootstrap: str
    settings: Mapping[str, str]
    folder: Path

    def but(self, **changes: str | Path | None) -> Access:
        """The same with some settings replaced; None leaves one out. Names are without the prefix."""
        changed = {PREFIX + name: value for name, value in changes.items()}
        kept = {name: value for name, value in self.settings.items() if name not in changed}
        added = {name: str(value) for name, value in changed.items() if value is not None}
        return replace(self, settings=kept | added)

    def environment(self) -> dict[str, str]:
        """These settings and no others of ours."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        return inherited | dict(self.settings)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            [sys.executable, "-m", "streamproc", *words],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of this run."""
    folder = tmp_path_factory.mktemp("certificates")
    known, unknown = (authority(folder / name, name) for name in ("known", "unknown"))
    return Certificates(
        known,
        unknown,
        known.signed("broker", "IP:127.0.0.1"),
        known.signed("client", "DNS:client"),
        unknown.signed("stranger", "DNS:stranger"),
    )


@pytest.fixture(scope="module")
def password_broker(certificates: Certificates) -> Iterator[Access]:
    """A broker on TLS that asks for a user and a password, by SCRAM."""
    with running("SASL_SSL", certificates, users=USERS) as found:
        yield found.but(
            KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
            KAFKA_SASL_USERNAME=USER,
            KAFKA_SASL_PASSWORD=PASSWORD,
        )


@pytest.fixture(scope="module")
def certificate_broker(certificates: Certificates) -> Iterator[Access]:
    """A broker on TLS that asks for a certificate."""
    with running("SSL", certificates, properties={"ssl.client.auth": "required"}) as found:
        client = certificates.client
        yield found.but(KAFKA_SSL_CERTFILE=client.certificate, KAFKA_SSL_KEYFILE=client.key)


@contextmanager
def running(
    protocol: str,
    certificates: Certificates,
    *,
    users: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
) -> Iterator[Access]:
    """A broker with our certificate; yields what every client of it has to set."""
    known = certificates.known.certificate
    ours = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.broker.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(known),
    }
    with temporary_folder() as folder:
        broker = EmbeddedBroker(
            folder / "kafka",
            say=lambda _: None,
            protocol=protocol,
            users=users,
            properties=ours | dict(properties or {}),
        )
        try:
            broker.start()
            settings = {
                "STREAMPROC_KAFKA_BROKERS": broker.bootstrap,
                "STREAMPROC_KAFKA_SECURITY_PROTOCOL": protocol,
                "STREAMPROC_KAFKA_SSL_CAFILE": str(known),
            }
            yield Access(broker.bootstrap, settings, folder)
        finally:
            broker.stop()
