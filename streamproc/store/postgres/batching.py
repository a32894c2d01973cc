"""Many small calls become few large statements: what arrives while one is under way goes with the next."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Generic, TypeVar

from streamproc.errors import StreamprocError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
R = TypeVar("R")


class Batching(Generic[T, R]):
    """Carries out single items together; `carry_out` answers in the order of the items."""

    def __init__(self, carry_out: Callable[[list[T]], Awaitable[list[R]]], *, most: int) -> None:
        """At most `most` items go together."""
        self._carry_out = carry_out
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """The answer to this item; raises what carrying it out raised."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # For many requests, so on behalf of none.
            self._task = asyncio.create_task(self._drain(), name="gathering", context=Context())
        return await future

    async def _drain(self) -> None:
        """Carry out batch after batch until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer(batch)
        finally:
            self._task = None

    async def _answer(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        """Answer a batch; one that fails for good is tried item by item, so that no item spoils the others."""
        try:
            answers = await self._carry_out([item for item, _ in batch])
        except TransientError as error:
            _fail(batch, error)
        except StreamprocError as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for each in batch:
                    await self._answer([each])
        except asyncio.CancelledError as error:  # the loop ends
            _fail([*batch, *self._waiting], error)
            raise
        except Exception as error:  # noqa: BLE001 - a bug is its callers' to raise
            _fail(batch, error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _fail(batch: list[tuple[T, asyncio.Future[R]]], error: BaseException) -> None:
    """Give every caller that still waits the error."""
    for _, future in batch:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
