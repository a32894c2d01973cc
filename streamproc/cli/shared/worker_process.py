"""A worker as a process of its own, that ends with this one whatever happens."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.cli.shared.environment import effective_environment
from streamproc.local.guarded import Guarded, LocalStackError
from streamproc.safety.own_files import make_folder
from streamproc.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

TAIL_LINES = 15


@asynccontextmanager
async def worker_process(settings: Mapping[str, str], log: Path) -> AsyncIterator[Guarded]:
    """A worker with these settings by field name over the ones in force; stopped at the end of the block.

    Its output goes to `log`. It may still be joining its group when the block begins: what is asked meanwhile waits
    on its topic.
    """
    make_folder(log.parent)
    ours = {PREFIX + name.upper(): value for name, value in settings.items()}
    with _environment(effective_environment() | ours):
        program = [sys.executable, "-m", "streamproc", "worker"]
        worker = Guarded("worker", program, log=log, folder=Path.cwd())
    try:
        yield worker
    finally:
        await asyncio.to_thread(worker.stop)


async def until_ended(worker: Guarded) -> None:
    """Return never while the worker runs; raise LocalStackError with its last words when it has ended."""
    while worker.is_running:  # noqa: ASYNC110 - a process announces its end to nobody
        await asyncio.sleep(limits.WORKER_LOOK_S)
    lines = worker.output().splitlines()[-TAIL_LINES:]
    raise LocalStackError("\n".join(["the worker has ended; its last words:", *lines]))


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """This process's environment with these variables, for what is started in the block."""
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
