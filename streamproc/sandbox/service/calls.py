"""The way of every call through key, rate, fault, answer and compression."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson
from aiohttp import web

from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service import rest
from streamproc.sandbox.service.damage import damaged, replaced
from streamproc.sandbox.service.faults import DAMAGED, PAGES, RPC_ERRORS, Fault
from streamproc.sandbox.service.refusals import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)
from streamproc.sandbox.service.replies import error_body, json_reply, takes_gzip
from streamproc.sandbox.service.rpc.call import Answer, Call
from streamproc.sandbox.service.rpc.methods import DAS_METHODS, METHODS, STANDARD_METHODS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streamproc.json_types import JsonValue
    from streamproc.sandbox.service.server import Sandbox

RPC_BUCKET: Final = "rpc"
ENHANCED_BUCKET: Final = "enhanced"
PRICE_BUCKET: Final = "prices"
FULL_PAGES: Final = "getTransactionsForAddress"


class Asked(NamedTuple):
    """A call as counters, limits and faults see it; `rpc_id` and `params` are of JSON-RPC only."""

    method: str
    wallet: str | None
    bucket: str
    text: str
    rpc_id: JsonValue = None
    params: JsonValue = None


class Calls:
    """The handlers of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def rpc(self, request: web.Request) -> web.StreamResponse:
        """Answer one JSON-RPC call, or a batch of them."""
        body = await request.read()
        try:
            call = orjson.loads(body)
        except orjson.JSONDecodeError:
            return json_reply(request, error_body(None, PARSE_ERROR, "Parse error"))
        if isinstance(call, list):
            return await self._batch(request, call)
        asked = _asked(call, body.decode(errors="replace"))

        def produce(lie: str | None) -> Answer:
            return self._result(asked, lie)

        def prepared() -> Answer | None:
            if self._sandbox.prebuilt is None or asked.method != FULL_PAGES or not asked.params:
                return None
            page = self._sandbox.prebuilt.page(asked.params, asked.rpc_id)
            if page is None:
                return None
            called = orjson.dumps(asked.params).decode()
            self._sandbox.counters.served_page(asked.params[0], called, page.transactions)
            return Answer(page.body, page.credits)

        return await self._answered(request, asked, produce, prepared)

    async def history(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /v0/addresses/.../transactions`."""
        address, sandbox = request.match_info["address"], self._sandbox
        asked = Asked("history", address, ENHANCED_BUCKET, request.path_qs)
        query = dict(request.query)
        return await self._answered(
            request,
            asked,
            lambda lie: rest.enhanced_history(
                sandbox.archive, sandbox.counters, address, query, lie
            ),
        )

    async def parse(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /v0/transactions`."""
        text = await request.text()
        asked = Asked("parse", None, ENHANCED_BUCKET, text)

        def produce(_lie: str | None) -> Answer:
            try:
                body = orjson.loads(text)
            except orjson.JSONDecodeError:
                raise rest.RefusedError(400, "body is not JSON") from None
            return rest.parse_transactions(self._sandbox.archive, body)

        return await self._answered(request, asked, produce)

    async def prices(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /tokens/v1/solana/...`."""
        addresses = request.match_info["addresses"]
        asked = Asked("prices", None, PRICE_BUCKET, addresses)
        return await self._answered(
            request, asked, lambda _lie: rest.token_pairs(self._sandbox.archive, addresses)
        )

    async def _answered(
        self,
        request: web.Request,
        asked: Asked,
        produce: Callable[[str | None], Answer],
        prepared: Callable[[], Answer | None] = lambda: None,
    ) -> web.StreamResponse:
        """Count the call, then answer it, or let it go wrong; `prepared` is a compressed answer, if there is one."""
        return await self._counted(
            request, [asked], lambda: self._served(request, asked, produce, prepared)
        )

    async def _batch(self, request: web.Request, given: list[JsonValue]) -> web.StreamResponse:
        """Answer many calls in one reply, last first: a caller finds each answer by its id."""
        most = self._sandbox.batch_max
        if not 1 <= len(given) <= most:
            text = f"batches hold 1..{most} calls" if most else "batches are not supported"
            return json_reply(request, error_body(None, INVALID_REQUEST, text))
        calls = [_asked(call, orjson.dumps(call).decode()) for call in given]
        return await self._counted(request, calls, lambda: self._served_batch(request, calls))

    async def _counted(
        self,
        request: web.Request,
        calls: Sequence[Asked],
        serve: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Count the calls of one HTTP request, refuse them all or serve them."""
        sandbox, counters = self._sandbox, self._sandbox.counters
        for asked in calls:
            counters.asked(asked.method, asked.wallet, asked.bucket, time.monotonic())
        counters.in_flight += 1
        counters.peak_in_flight = max(counters.peak_in_flight, counters.in_flight)
        try:
            if sandbox.latency_s:
                await asyncio.sleep(sandbox.latency_s)
            response = self._refused(request, calls) or await serve()
        finally:
            counters.in_flight -= 1
        counters.statuses[str(response.status)] += 1
        return response

    def _refused(self, request: web.Request, calls: Sequence[Asked]) -> web.Response | None:
        """Return the reply to calls without a good key, above the rate or unknown here; None for good ones."""
        for asked in calls:
            key = request.query.get("api-key")
            needs_key = asked.bucket != PRICE_BUCKET and not self._sandbox.standard_only
            if (needs_key and not key) or key in self._sandbox.rejected_keys:
                return web.Response(status=401, text="Unauthorized: invalid api key")
            if self._sandbox.over_rate(asked.bucket):
                return web.json_response({"error": "rate limited"}, status=429)
            if self._sandbox.standard_only and asked.method in {"history", "parse"}:
                return web.Response(status=404, text="404 page not found")
        return None

    def _result(self, asked: Asked, lie: str | None) -> Answer:
        """Return a JSON-RPC call's whole reply; raise RpcError when it is refused."""
        sandbox = self._sandbox
        methods = STANDARD_METHODS if sandbox.standard_only else METHODS
        if asked.method not in methods:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        call = Call(sandbox.archive, sandbox.counters, asked.params, lie, sandbox.page_max)
        answer = methods[asked.method](call)
        head = b'{"jsonrpc":"2.0","id":' + orjson.dumps(asked.rpc_id) + b',"result":'
        return Answer(head + answer.result + b"}", answer.credits)

    async def _served(
        self,
        request: web.Request,
        asked: Asked,
        produce: Callable[[str | None], Answer],
        prepared: Callable[[], Answer | None],
    ) -> web.StreamResponse:
        fault = self._drawn(asked)
        lie = fault.kind if fault is not None and fault.kind in PAGES else None
        if fault is not None and lie is None and fault.kind not in DAMAGED:
            return await replaced(request, fault, asked.rpc_id)
        try:
            if fault is None and takes_gzip(request) and (ready := prepared()) is not None:
                return self._sent(asked, ready)
            answer = await asyncio.to_thread(produce, lie)  # a big page takes a while to render
        except RpcError as error:
            return json_reply(request, error_body(asked.rpc_id, error.code, error.message))
        except rest.RefusedError as error:
            return web.json_response({"error": error.message}, status=error.status)
        self._sandbox.counters.charged(asked.method, answer.credits)
        return await self._replied(request, fault, answer.result)

    async def _served_batch(self, request: web.Request, calls: list[Asked]) -> web.StreamResponse:
        """Serve a batch: a JSON-RPC error is one call's own, any other fault is the whole reply's."""
        drawn = [self._drawn(asked) for asked in calls]
        of_all = next((f for f in drawn if f is not None and f.kind not in RPC_ERRORS), None)
        if of_all is not None and of_all.kind not in (*PAGES, *DAMAGED):
            return await replaced(request, of_all, None)

        def bodies() -> list[bytes]:
            return [self._in_batch(*each) for each in zip(calls, drawn, strict=True)]

        answers = await asyncio.to_thread(bodies)
        return await self._replied(request, of_all, b"[" + b",".join(reversed(answers)) + b"]")

    def _in_batch(self, asked: Asked, fault: Fault | None) -> bytes:
        """Return one call's part of a batch's reply, and charge for it."""
        if fault is not None and fault.kind in RPC_ERRORS:
            return error_body(asked.rpc_id, int(fault.kind), RPC_ERRORS[fault.kind])
        try:
            answer = self._result(asked, None if fault is None else fault.kind)
        except RpcError as error:
            return error_body(asked.rpc_id, error.code, error.message)
        self._sandbox.counters.charged(asked.method, answer.credits)
        return answer.result

    def _drawn(self, asked: Asked) -> Fault | None:
        """Return what goes wrong with a call, and count it."""
        fault = self._sandbox.faults.draw(asked.method, asked.text)
        if fault is not None:
            self._sandbox.counters.faults[fault.kind] += 1
        return fault

    async def _replied(
        self, request: web.Request, fault: Fault | None, body: bytes
    ) -> web.StreamResponse:
        if fault is not None and fault.kind in DAMAGED:
            return await damaged(request, fault, body)
        response = await asyncio.to_thread(json_reply, request, body)
        self._sandbox.counters.bytes_sent += response.content_length or 0
        return response

    def _sent(self, asked: Asked, ready: Answer) -> web.Response:
        """Count a compressed answer and reply with it."""
        self._sandbox.counters.charged(asked.method, ready.credits)
        self._sandbox.counters.bytes_sent += len(ready.result)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(body=ready.result, headers=headers)


def _asked(call: object, text: str) -> Asked:
    """Return a JSON-RPC call as it was put; what is no object asks for no method that there is."""
    given = call if isinstance(call, dict) else {}
    method, params = str(given.get("method", "")), given.get("params", [])
    bucket = ENHANCED_BUCKET if method in DAS_METHODS else RPC_BUCKET
    first = params[0] if isinstance(params, list) and params else None
    wallet = first if is_address(first) else None
    return Asked(method, wallet, bucket, text, given.get("id"), params)
