"""Many calls of one method at once: in JSON-RPC batches where the endpoint takes them, else one by one."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from streamproc import limits
from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamInconsistentError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from streamproc.upstream.client.calls import PLAIN_CREDITS, Call
from streamproc.upstream.client.errors import (
    PausedError,
    PlanRefusedError,
    RateLimitedError,
    rpc_fault,
)
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.rpc import reader, rpc_post, rpc_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.upstream.client.calls import Permit
    from streamproc.upstream.client.clock import Timing
    from streamproc.upstream.client.retry import Caller


class _Fault(msgspec.Struct):
    code: int
    message: str = ""


class _Reply(msgspec.Struct):
    """One call's answer; `result` is left as it came, for it may be null."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


_ONE = msgspec.json.Decoder(_Reply)
_MANY = msgspec.json.Decoder(list[_Reply])
# What an endpoint may say to a batch because it is one.
_NO_BATCH = (
    UpstreamRejectedError,
    StrategyUnsupportedError,
    PlanRefusedError,
    UpstreamUnavailableError,
    UpstreamInconsistentError,
)


class Batches:
    """How an endpoint takes many calls, learnt from what it answers and tried anew after a time."""

    def __init__(self, caller: Caller, url: str, timing: Timing, *, per_s: float) -> None:
        """Ask there; a batch never holds more calls than the endpoint allows in a second."""
        self._caller = caller
        self._url = url
        self._timing = timing
        self._most = max(1, min(limits.RPC_BATCH_MAX, int(per_s * limits.RATE_SHARE)))
        self._size = self._most
        self._again_s = 0.0

    @property
    def size(self) -> int:
        """Calls of the next batch; 1: one by one."""
        if self._size < self._most and self._timing.now_s() >= self._again_s:
            self._size = self._most
        return self._size

    async def ask(
        self, method: str, params: Mapping[str, list[object]], permit: Permit, got: dict[str, bytes]
    ) -> None:
        """Put the result of each call, named by its key, into `got` as it came, `null` included.

        Raises what any of the calls raises; what has come by then is in `got`.
        """
        left = {name: each for name, each in params.items() if name not in got}
        while left and (size := self.size) > 1:
            asked = dict(islice(left.items(), size))
            try:
                found = await self._ask_batch(method, asked, permit)
            except PausedError:
                raise
            except (UpstreamTimeoutError, RateLimitedError):
                self._shrink(size // 2)
                continue
            except _NO_BATCH:
                await self._ask_singly(method, asked, permit, got)
                self._shrink(1)  # they are answered one by one
            else:
                got |= {name: each for name, each in found.items() if isinstance(each, bytes)}
                lasting = [each for each in found.values() if isinstance(each, StreamprocError)]
                if lasting:
                    raise lasting[0]
                again = {name: each for name, each in asked.items() if name not in found}
                await self._ask_singly(method, again, permit, got)
            left = {name: each for name, each in left.items() if name not in asked}
        await self._ask_singly(method, left, permit, got)

    def _shrink(self, size: int) -> None:
        """Make smaller batches for a time."""
        self._size = max(1, size)
        self._again_s = self._timing.now_s() + limits.STRATEGY_RETRY_S

    async def _ask_batch(
        self, method: str, asked: Mapping[str, list[object]], permit: Permit
    ) -> dict[str, bytes | StreamprocError]:
        """What came of each call of a batch; those that were refused in passing are not among them."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, params in enumerate(asked.values())
        ]
        query = Query(
            Call("rpc", method, PLAIN_CREDITS * len(asked), weight=len(asked)),
            rpc_post(self._url, method, msgspec.json.encode(body)),
            reader(_MANY),
            is_divisible=True,
            refusals_max=limits.RPC_BATCH_REFUSALS,
        )
        replies = {each.id: each for each in await self._caller.ask(query, permit)}
        if not replies.keys() >= set(range(len(asked))):
            raise UpstreamInconsistentError("a batch was not answered call by call")
        found = {
            name: _result(replies[number], query.request.where) for number, name in enumerate(asked)
        }
        return {
            name: each
            for name, each in found.items()
            if not isinstance(each, UpstreamUnavailableError)
        }

    async def _ask_singly(
        self, method: str, asked: Mapping[str, list[object]], permit: Permit, got: dict[str, bytes]
    ) -> None:
        """The same call by call, a few at a time."""
        free = asyncio.Semaphore(limits.RPC_SINGLES_AT_ONCE)
        call = Call("rpc", method, PLAIN_CREDITS)

        async def one(name: str) -> None:
            async with free:
                query = rpc_query(self._url, call, asked[name], _ONE)
                reply = await self._caller.ask(query, permit)
            result = _result(reply, query.request.where)
            if isinstance(result, StreamprocError):
                raise result
            got[name] = result

        tasks = [asyncio.create_task(one(name)) for name in asked]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _result(reply: _Reply, where: str) -> bytes | StreamprocError:
    """A call's result as it came, or the error that it is."""
    if reply.error is not None:
        return rpc_fault(reply.error.code, reply.error.message, where=where)
    return bytes(reply.result)
