"""How the brokers let us in: certificates that are verified, and a refusal in words that name the setting."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BROKERS: Final = "STREAMPROC_KAFKA_BROKERS"
PROTOCOL: Final = "STREAMPROC_KAFKA_SECURITY_PROTOCOL"
MECHANISM: Final = "STREAMPROC_KAFKA_SASL_MECHANISM"
LOGIN: Final = "STREAMPROC_KAFKA_SASL_USERNAME"
AUTHORITY: Final = "STREAMPROC_KAFKA_SSL_CAFILE"
CERTIFICATE: Final = "STREAMPROC_KAFKA_SSL_CERTFILE"
FORBIDDEN: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
# Words of the alerts with which a broker refuses our certificate, after the handshake in TLS 1.3.
ABOUT_OURS: Final = ("ALERT_CERT", "ALERT_BAD_CERT", "ALERT_UNKNOWN_CA", "ALERT_UNSUPPORTED_CERT")
# OpenSSL's numbers: X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH; _CERT_NOT_YET_VALID and _CERT_HAS_EXPIRED.
WRONG_NAME: Final = frozenset({62, 64})
WRONG_TIME: Final = frozenset({9, 10})


def tls_context(
    cafile: Path | None, certfile: Path | None, keyfile: Path | None, *, key_password: str
) -> ssl.SSLContext:
    """A context that verifies the brokers' certificates and names, and shows ours where there is one.

    Without `cafile` the system's authorities count. Raises ConfigurationError naming the file that cannot be used.
    """
    with _naming(AUTHORITY, cafile):
        context = ssl.create_default_context(cafile=str(cafile) if cafile else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certfile is not None:
        with _naming(CERTIFICATE, certfile, keyfile):
            # A function, so that nobody is ever asked at the terminal: a worker has none.
            context.load_cert_chain(certfile, keyfile, lambda: key_password)
    return context


@contextmanager
def _naming(variable: str, *files: Path | None) -> Iterator[None]:
    """Raise ConfigurationError naming the setting when a file of it cannot be read or is no PEM."""
    shown = ", ".join(str(file) for file in files if file)
    try:
        yield
    except ssl.SSLError as error:
        rule = f"must be PEM, a key must fit and its password be right ({error.reason or 'empty'})"
        raise ConfigurationError([Fault(variable, shown, rule)]) from None
    except OSError as error:
        rule = f"must name readable files: {error.strerror}"
        raise ConfigurationError([Fault(variable, shown, rule)]) from None


async def refusal(
    brokers: str, security: Mapping[str, object], error: BaseException
) -> ConfigurationError | None:
    """Why the first broker that can be reached does not let us in; None when it does, or when none can be reached.

    `error` is what Kafka's client said, mostly no more than that it could not connect. No secret is in the words.
    """
    if isinstance(error, FORBIDDEN):
        user = str(security.get("sasl_plain_username") or "nobody, or who our certificate says")
        rule = f"must be a user whom the broker's access lists allow this ({type(error).__name__})"
        return ConfigurationError([Fault(LOGIN, user, rule)])
    for host, port, _ in collect_hosts(brokers):
        fault = await _refusal_of(host, port, security)
        if fault is not None:
            return ConfigurationError([fault])
    return None


async def _refusal_of(host: str, port: int, security: Mapping[str, object]) -> Fault | None:
    """What one broker does not like."""
    at, protocol = f"{host}:{port}", str(security.get("security_protocol", "PLAINTEXT"))
    try:
        await _greeted(host, port, security)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(at, error)
    except IllegalSaslStateError:
        return Fault(PROTOCOL, protocol, f"must have no SASL: the broker at {at} asks no login")
    except (SaslAuthenticationFailed, UnsupportedSaslMechanismError, ValueError) as error:
        return _unknown(at, security, error)
    except (KafkaError, OSError, TimeoutError) as error:
        alert = str(error.__cause__ or error)
        if any(word in alert for word in ABOUT_OURS):
            rule = f"must be a certificate of an authority that the broker at {at} trusts"
            return Fault(CERTIFICATE, "none, or of another authority", rule)
        return await _other_protocol(host, port, protocol)
    return None


async def _greeted(host: str, port: int, security: Mapping[str, object]) -> None:
    """Return when a broker answers a question that only those may ask who are let in."""
    connection = AIOKafkaConnection(
        host, port, request_timeout_ms=limits.BROKER_ACCESS_MS, **security
    )
    try:
        await connection.connect()
        await connection.send(MetadataRequest([]))
    finally:
        await asyncio.wait({connection.close()}, timeout=limits.BROKER_LEAVE_S)


def _unknown(at: str, security: Mapping[str, object], error: Exception) -> Fault:
    """A login that is not taken; ValueError says that the broker cannot prove that it knows the password either."""
    mechanism, user = str(security["sasl_mechanism"]), str(security["sasl_plain_username"])
    if isinstance(error, UnsupportedSaslMechanismError):
        return Fault(MECHANISM, mechanism, f"must be one that the broker at {at} takes")
    rule = f"must be a user of the broker at {at}, with that user's password, for {mechanism}"
    return Fault(LOGIN, user, rule)


def _untrusted(at: str, error: ssl.SSLCertVerificationError) -> Fault:
    """A broker whose certificate is not believed."""
    why = error.verify_message
    if error.verify_code in WRONG_NAME:
        return Fault(BROKERS, at, f"must be a name in the broker's certificate ({why})")
    if error.verify_code in WRONG_TIME:
        return Fault(BROKERS, at, f"must be a broker whose certificate is valid now ({why})")
    rule = f"must hold the authority that signed the certificate of the broker at {at}"
    return Fault(AUTHORITY, why, rule)


async def _other_protocol(host: str, port: int, protocol: str) -> Fault | None:
    """The fault of a protocol that is not the broker's; None for a broker that speaks none or cannot be reached."""
    at, has_tls = f"{host}:{port}", protocol.endswith("SSL")
    speaks_tls = await asyncio.to_thread(_speaks_tls, host, port)
    if speaks_tls is None:
        return None
    if speaks_tls != has_tls:
        wanted = "SSL or SASL_SSL" if speaks_tls else "PLAINTEXT or SASL_PLAINTEXT"
        return Fault(PROTOCOL, protocol, f"must be {wanted}: so speaks the broker at {at}")
    if "SASL" not in protocol:
        return Fault(
            PROTOCOL, protocol, f"must be SASL_{protocol}, if the broker at {at} asks a login"
        )
    return None


def _speaks_tls(host: str, port: int) -> bool | None:
    """Whether a broker speaks TLS; None when nobody answers there. No certificate matters: nothing is said."""
    curious = ssl.create_default_context()
    curious.check_hostname, curious.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), limits.BROKER_ACCESS_MS / 1000) as plain:
            try:
                curious.wrap_socket(plain).close()
            except ssl.SSLError as error:
                return "ALERT" in str(error)  # who refuses in TLS speaks it
            except OSError:
                return False
    except OSError:
        return None
    return True
