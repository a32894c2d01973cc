"""What can be done to the disks of the broker and of Postgres: small ones of the trial's own, full for a while."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.environment import Environment
    from tests.faults.plans.plan import Injection

SIZE: Final = "400m"
NEEDED: Final = ("kafka", "postgres")  # folders of a stack
FILLER: Final = "filler"
PIECE: Final = b"\0" * 65_536
HALTS_WITHIN_S: Final = 60.0
LOOK_S: Final = 0.1


class ImpossibleHereError(Exception):
    """This machine cannot have that trial; the sentence says why."""


@contextmanager
def small_disks(inside: Path) -> Iterator[Path]:
    """A folder for a stack whose servers have small disks of their own; raises ImpossibleHereError where nobody may."""
    if sys.platform != "linux" or os.geteuid() != 0 or which("mount") is None:
        raise ImpossibleHereError("a small disk needs root on Linux")
    folder = Path(tempfile.mkdtemp(dir=inside))
    folder.chmod(0o755)  # root lends Postgres to another user
    mounted: list[Path] = []
    try:
        for name in NEEDED:
            place = folder / name
            place.mkdir(parents=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(place)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ImpossibleHereError(f"a small disk cannot be mounted: {done.stderr.strip()}")
            mounted.append(place)
        yield folder
    finally:
        for place in mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(folder: Path) -> Path:
    """Write a file until the disk under this folder is full."""
    filler = folder / FILLER
    with filler.open("wb", buffering=0) as out:
        for piece in (PIECE, b"\0"):
            try:
                while True:
                    out.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return filler


async def fill_postgres(environment: Environment, injection: Injection) -> None:
    """The disk of Postgres is full for a while; should it have ended over that, it is started again."""
    server = environment.stack.postgres
    filler = await asyncio.to_thread(fill, server.folder)
    await asyncio.sleep(injection.for_s)
    filler.unlink()
    said = (server.folder / "postgres.log").read_text("utf-8", "replace")
    assert "No space left on device" in said, "the disk was large enough"
    if server.pid is None:
        await asyncio.to_thread(server.start)
    environment.undone()


async def fill_broker(environment: Environment, injection: Injection) -> None:
    """The disk of the broker is full: it halts, as brokers do; there is room again, and it is started."""
    server = environment.stack.broker
    filler = await asyncio.to_thread(fill, server.folder)
    until = time.monotonic() + HALTS_WITHIN_S
    while server.pid is not None and time.monotonic() < until:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(LOOK_S)
    assert server.pid is None, "the disk was large enough"
    await asyncio.sleep(injection.for_s)
    filler.unlink()
    await asyncio.to_thread(server.start)
    environment.undone()
