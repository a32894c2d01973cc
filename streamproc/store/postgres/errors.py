"""The seam to asyncpg: its errors become ours here, and nowhere else."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import asyncpg

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault, StoreUnavailableError, StreamprocError
from streamproc.safety.addresses import POSTGRES_FORM, cut_address, postgres_address, shown_address

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECTION: Final = "08"
_UNKNOWN: Final = "40003"
_SERVER_ENDS: Final = ("57P01", "57P02")  # shutdown, crash: the commit may be on disk
# SQLSTATE classes and codes (Postgres, appendix A) after which the same statement may succeed later.
UNAVAILABLE_CLASSES: Final = (
    _CONNECTION,
    "53",  # resources: too many connections, disk full, out of memory
    "57P",  # shutdown, crash, cannot connect now, dropped database, idle session
)
UNAVAILABLE_CODES: Final = {
    "57014",  # statement time-out
    "40001",  # serialization
    "40P01",  # deadlock
    _UNKNOWN,  # whether the statement was completed
    "55P03",  # lock not available
    "25P02",  # in a failed transaction: the failure itself was seen before
    "25P03",  # idle in transaction
    "25P04",  # transaction time-out
    "25006",  # read only: a standby that is being promoted
    "28000",  # role or host not let in: may be repaired while we wait
    "28P01",  # password: likewise
    "42501",  # a right that was taken away: likewise
    "3D000",  # the database does not exist yet
    "58000",  # system error
    "58030",  # input or output error
}
_REFUSALS: Final[dict[type[Exception], str]] = {
    ssl.SSLError: "must lead to a server that takes our TLS, with a certificate and a key that fit",
    asyncpg.InvalidCatalogNameError: "must name a database that exists",
    asyncpg.InvalidAuthorizationSpecificationError: "must hold a user and a password that the server takes",
    asyncpg.exceptions.ClientConfigurationError: f"{POSTGRES_FORM}, with options that Postgres has",
    ValueError: f"{POSTGRES_FORM}, with options that Postgres has",
}
NO_POOLER: Final = (
    "must lead to Postgres itself: a pooler in between (pgbouncer) gives each transaction another session,"
    " without our time-outs and prepared statements"
)
# asyncpg's own errors carry no code; these are words of the ones that mean a lost connection.
_LOST: Final = ("closed", "closing", "terminated", "released", "lost")


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise StoreUnavailableError for what time or a restart heals, StreamprocError for any other error of asyncpg."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise mapped(error) from error
    except OverflowError as error:  # asyncpg lets its encoders' own one pass
        raise StreamprocError(_sentence(error)) from error
    except (OSError, TimeoutError) as error:  # includes refused connections
        raise StoreUnavailableError(_sentence(error)) from error


@contextmanager
def named_refusals(dsn: str) -> Iterator[None]:
    """Raise ConfigurationError when Postgres does not let us in, or is not the one we trust.

    No user, password or option of the address is in it, nor what asyncpg says: that quotes parts of addresses.

    For the first connection of a process. Later ones are waited for: a password may be changed while we run.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        rule = _rule_broken(dsn, error)
        if rule is None:
            raise
        raise ConfigurationError([Fault("STREAMPROC_POSTGRES_DSN", _place(dsn), rule)]) from None


def no_pooler(dsn: str) -> ConfigurationError:
    """What is raised when somebody between us and Postgres drops what our sessions set."""
    return ConfigurationError([Fault("STREAMPROC_POSTGRES_DSN", _place(dsn), NO_POOLER)])


def _rule_broken(dsn: str, error: Exception) -> str | None:
    """What an address of Postgres must be, in the words of a refusal; None when it is no matter of the address."""
    unreadable = [file for file in _files(dsn) if not os.access(file, os.R_OK)]
    if unreadable:
        return f"must name files that can be read, unlike {', '.join(unreadable)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message
        return f"must lead to a server whose certificate its sslrootcert proves ({why})"
    if "unsupported startup parameter" in str(error):  # pgbouncer's words
        return NO_POOLER
    if "rejected SSL upgrade" in str(error):
        return "must lead to a server that speaks TLS, or ask for none by its sslmode"
    return next((rule for kind, rule in _REFUSALS.items() if isinstance(error, kind)), None)


def _files(dsn: str) -> list[str]:
    """The files that an address names."""
    options = parse_qs(cut_address(dsn).query)
    return [file for name in ("sslrootcert", "sslcert", "sslkey") for file in options.get(name, [])]


def _place(dsn: str) -> str:
    """Where an address leads: no user, no password, no options."""
    try:
        postgres_address(dsn)
    except ValueError:
        return shown_address(dsn)
    parts = cut_address(dsn)
    return f"{parts.scheme}://{parts.host}{parts.path}"


def mapped(error: BaseException) -> StreamprocError:
    """Our error for one of asyncpg's."""
    kind = StoreUnavailableError if is_unavailable(error) else StreamprocError
    return kind(_sentence(error))


def is_undone(error: StoreUnavailableError) -> bool:
    """Whether nothing can have been changed: Postgres itself refused the statement, or nobody took the connection."""
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None)
    if code is None:
        return isinstance(cause, ConnectionRefusedError)
    return code != _UNKNOWN and not code.startswith((_CONNECTION, *_SERVER_ENDS))


def is_unavailable(error: BaseException) -> bool:
    """Whether the store is away, or asks to try again, rather than that a statement is wrong."""
    if isinstance(error, (OSError, TimeoutError, asyncpg.InternalClientError)):
        return True
    code = getattr(error, "sqlstate", None)
    if code is not None:
        return code in UNAVAILABLE_CODES or code.startswith(UNAVAILABLE_CLASSES)
    if type(error) is asyncpg.InterfaceError:
        return any(word in str(error) for word in _LOST)
    return False


def _sentence(error: BaseException) -> str:
    """What to tell people; of a statement's own error without values, which asyncpg keeps in `detail`."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"Postgres: {text}"[: limits.ERROR_TEXT_MAX_CHARACTERS]
