"""Drops what nobody needs any more, beside the agents: small batches, now and then, in every worker."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.errors import StreamprocError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamproc.store import Store

log = logging.getLogger(__name__)


async def drop_all(store: Store, results_kept_days: int | None) -> dict[str, int]:
    """Drop everything that is due, and say how many rows of what went; requests only when an age is given."""
    kept_s = limits.WORKINGS_KEPT_S
    gone = {
        "inputs": await _emptied(lambda: store.drop_inputs(after_s=kept_s)),
        "analyses": await _emptied(lambda: store.drop_analyses(after_s=kept_s)),
        "cancels": await _emptied(lambda: store.drop_cancels(after_s=limits.UNOPENED_KEPT_S)),
    }
    if results_kept_days is not None:
        after_s = results_kept_days * 86_400.0
        gone["requests"] = await _emptied(lambda: store.drop_requests(after_s=after_s))
    return gone


async def _emptied(drop: Callable[[], Awaitable[int]]) -> int:
    """Drop batch after batch, with pauses, until one is not full; how many rows went."""
    total = 0
    while True:
        gone = await drop()
        total += gone
        if gone < limits.RETENTION_ROWS:
            return total
        await asyncio.sleep(limits.RETENTION_PAUSE_S)


async def _run(store: Store, results_kept_days: int | None) -> None:
    """Drop until cancelled; a store that is away, or a statement that took too long, is tried again the next time."""
    while True:
        await asyncio.sleep(limits.RETENTION_LOOK_S)
        try:
            gone = await drop_all(store, results_kept_days)
        except StreamprocError as error:
            log.warning("nothing is dropped for now: %s", error)
        except Exception:
            log.exception("dropping failed, tried again later")
        else:
            if any(gone.values()):
                log.info("dropped: %s", ", ".join(f"{rows} {what}" for what, rows in gone.items()))


@asynccontextmanager
async def keeping_tidy(store: Store, results_kept_days: int | None) -> AsyncIterator[None]:
    """Drop what is due as long as the block runs."""
    task = asyncio.create_task(_run(store, results_kept_days), name="retention")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
