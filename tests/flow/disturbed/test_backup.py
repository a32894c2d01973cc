"""A backup of Postgres is enough: beside empty topics, what ended is answered as before, what ran goes on."""

from __future__ import annotations

import asyncio
import re
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from streamproc.local.broker import EmbeddedBroker
from streamproc.local.postgres import INSTALLATION, PACKAGE
from streamproc.local.stack import say_nothing
from tests.flow.conftest import upstream_settings
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from streamproc.sandbox.service.server import Sandbox
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow]

IMPATIENT: Final = """
from streamproc import limits

limits.TIMER_S = 0.2
limits.DUE_REPEAT_S = 1.0
limits.HEAL_AFTER_S = 2
limits.REOPEN_LOOK_S = 1.0
limits.REOPEN_AFTER_S = 3
"""
PAGE: Final = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")


def binaries() -> Path:
    """Where the embedded Postgres has its programs."""
    spec = pytest.importorskip(PACKAGE).__file__
    return Path(spec).parent / INSTALLATION / "bin"


def documented(program: str, **places: str) -> list[str]:
    """The words that the page says to call a program with, its places filled in."""
    (line,) = re.findall(rf"^{program} .*$", PAGE, re.MULTILINE)
    for name, value in places.items():
        line = line.replace(name, value)
    _, *words = line.split()
    return [str(binaries() / program), *words]


@asynccontextmanager
async def on_another_broker(
    dsn: str, prefix: str, upstream: Mapping[str, str], folder: Path
) -> AsyncIterator[Installation]:
    """The installation as it is when Kafka was lost: its name, a new broker."""
    await asyncio.to_thread(folder.mkdir)
    broker = EmbeddedBroker(folder / "kafka", say=say_nothing)
    await asyncio.to_thread(broker.start)
    try:
        async with installed(
            broker=broker.bootstrap, dsn=dsn, prefix=prefix, upstream=upstream, folder=folder
        ) as installation:
            yield installation
    finally:
        await asyncio.to_thread(broker.stop)


async def test_a_restored_database_answers_with_the_same_bytes_and_goes_on_with_what_ran(
    *,
    broker: str,
    store_dsn: str,
    postgres_dsn: str,
    topic_prefix: str,
    sandbox: Sandbox,
    wallets: list[str],
    tmp_path: Path,
) -> None:
    upstream = upstream_settings(sandbox)
    file = str(tmp_path / "backup")
    async with installed(
        broker=broker, dsn=store_dsn, prefix=topic_prefix, upstream=upstream, folder=tmp_path
    ) as before:
        await before.ready_worker()
        await before.request("ended", wallets[:3])
        assert (await before.ending("ended"))["status"] == "completed"
        (said,) = before.of("analysis-completed", "ended")
        sandbox.latency_s = 30.0
        await before.request("running", wallets[3:6])
        await before.until(lambda: before.of("analysis-accepted", "running"), "it is not accepted")
        dump = documented("pg_dump", OWNERS_ADDRESS=store_dsn, FILE=file)
        await asyncio.to_thread(subprocess.run, dump, check=True, capture_output=True)
        before.workers[0].kill()
    sandbox.latency_s = 0.0
    restore = documented("pg_restore", OWNERS_ADDRESS=postgres_dsn, FILE=file)
    await asyncio.to_thread(subprocess.run, restore, check=True, capture_output=True)
    async with on_another_broker(postgres_dsn, topic_prefix, upstream, tmp_path / "new") as after:
        (tmp_path / "sitecustomize.py").write_text(IMPATIENT, encoding="utf-8")
        await after.ready_worker(PYTHONPATH=str(tmp_path))
        await after.request("ended", wallets[:3])
        await after.until(lambda: after.of("analysis-completed", "ended"), "it is not answered")
        (again,) = after.of("analysis-completed", "ended")
        assert (again.key, again.value, again.headers) == (said.key, said.value, said.headers)
        assert (await after.ending("running"))["status"] == "completed"
