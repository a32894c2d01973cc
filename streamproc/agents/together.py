"""What many handlers ask about one request within a moment is asked in one call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Together(Generic[T]):
    """Questions about addresses, gathered by request."""

    def __init__(self) -> None:
        """Nobody has asked."""
        self._waiting: dict[str, dict[str, asyncio.Future[T]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(
        self, request_id: str, address: str, ask: Callable[[list[str]], Awaitable[dict[str, T]]]
    ) -> T:
        """The answer about an address; raises what `ask` raises, for all who waited for that call.

        `ask` gets the addresses that came within a moment, the first asker's is called.
        """
        waiting = self._waiting.get(request_id)
        if waiting is None:
            waiting = self._waiting[request_id] = {}
            task = asyncio.create_task(self._asked(request_id, ask))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if address not in waiting:
            waiting[address] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(waiting[address])

    async def _asked(
        self, request_id: str, ask: Callable[[list[str]], Awaitable[dict[str, T]]]
    ) -> None:
        """Wait a moment, ask, and tell all who wait."""
        await asyncio.sleep(limits.TOGETHER_S)
        waiting = self._waiting.pop(request_id)
        try:
            found = await ask(list(waiting))
        except Exception as error:  # noqa: BLE001 - everybody who waits gets it
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # seen: whoever waited may have gone
            return
        for address, future in waiting.items():
            future.set_result(found[address])
