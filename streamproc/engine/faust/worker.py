"""The process around the Faust app: opens what handlers need before records flow, drains on SIGTERM, closes last."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

import faust

from streamproc import limits
from streamproc.engine.tenant_loop import TenantLoop
from streamproc.errors import StreamprocError

if TYPE_CHECKING:
    from collections.abc import Awaitable

log = logging.getLogger(__name__)


class Lived(Protocol):
    """The parts of a life that the engine fills in."""

    def opened(self) -> Awaitable[None]:
        """Before the Faust app starts: so recovery waits for it and it never for recovery."""

    def drained(self) -> Awaitable[None]:
        """When the process is asked to stop, before the Faust app does."""

    def closed(self) -> Awaitable[None]:
        """When the Faust app has stopped and left its group."""


class EngineWorker(faust.Worker):  # type: ignore[misc]  # Faust ships no types
    """Faust's worker with our life cycle, and without its hold on logging, titles and spinners."""

    def __init__(self, app: faust.App, life: Lived, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(app, override_logging=False, quiet=True, redirect_stdouts=False, loop=loop)
        self.spinner = None
        self._life = life

    async def on_start(self) -> None:
        """Open first; what fails here ends the process before it has joined the group."""
        await super().on_start()
        try:
            await self._life.opened()
        except StreamprocError as error:  # ours have one clear sentence
            log.critical("the worker cannot start: %s", error)
            raise SystemExit(1) from None

    async def on_stop(self) -> None:
        """Drain first."""
        await self._life.drained()
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Close last."""
        await super().on_shutdown()
        await self._life.closed()

    async def _sentinel_task(self) -> None:
        """Return when the tasks that were cancelled last have ended; mode's own way is to sleep for a second."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=limits.STOP_TASKS_S)

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        """Leave the process its name."""


def run_worker(app: faust.App, life: Lived) -> int:
    """Run until SIGTERM, SIGINT or a crash; the exit code."""
    loop = TenantLoop()
    asyncio.set_event_loop(loop)
    try:
        EngineWorker(app, life, loop).execute_from_commandline()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
