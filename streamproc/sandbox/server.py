"""The server: routes, and the way of every call through key, rate, fault, answer and compression."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from aiohttp import web

from streamproc.errors import ConfigurationError
from streamproc.errors import Fault as Misuse
from streamproc.sandbox import admin, rest
from streamproc.sandbox.addresses import is_address
from streamproc.sandbox.counters import RATE_WINDOW_S, Counters
from streamproc.sandbox.damage import damaged, replaced
from streamproc.sandbox.faults import DAMAGED, PAGES, Fault, FaultBook
from streamproc.sandbox.paging import RpcError
from streamproc.sandbox.prebuilt import PrebuiltPages
from streamproc.sandbox.replies import error_body, json_reply, takes_gzip
from streamproc.sandbox.rpc import DAS_METHODS, METHOD_NOT_FOUND, METHODS, Answer, Call
from streamproc.sandbox.world import World
from streamproc.sandbox.world_archive import WorldArchive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from streamproc.sandbox.archive import Archive

RPC_BUCKET: Final = "rpc"
ENHANCED_BUCKET: Final = "enhanced"
PRICE_BUCKET: Final = "prices"
REJECTED_KEY: Final = "rejected"
BODY_MAX_BYTES: Final = 4 * 1024 * 1024
SHUTDOWN_S: Final = 0.2  # hanging calls do not hold up the end
PARSE_ERROR: Final = -32700
FULL_PAGES: Final = "getTransactionsForAddress"


class Asked(NamedTuple):
    """A call as counters, limits and faults see it; `rpc_id` is absent for plain HTTP."""

    method: str
    wallet: str | None
    bucket: str
    text: str
    rpc_id: Any = None
    is_rpc: bool = False


@dataclass
class Sandbox:
    """A running stand-in: what it serves, what it counts, how it behaves. Everything may change while it runs."""

    archive: Archive
    faults: FaultBook
    latency_s: float = 0.0
    rps: dict[str, float] = field(
        default_factory=dict
    )  # bucket -> calls a second; absent = no limit
    rejected_keys: frozenset[str] = frozenset({REJECTED_KEY})
    counters: Counters = field(default_factory=Counters)
    url: str = ""
    prebuilt: PrebuiltPages | None = None  # pages that cost nothing to serve, for benchmarks
    page_max: int | None = None  # pages of full histories are no longer, whatever is asked for
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def rpc_url(self) -> str:
        """Base of JSON-RPC, without a path."""
        return self.url

    @property
    def api_url(self) -> str:
        """Base of the enhanced API: `/v0/...` follows."""
        return self.url

    @property
    def dexscreener_url(self) -> str:
        """Base of the price service: `/tokens/v1/...` follows."""
        return self.url

    def set_faults(self, *faults: Fault) -> None:
        """Put these faults in force instead of the present ones."""
        self.faults.replace(faults)

    def over_rate(self, bucket: str) -> bool:
        """Count a call against its bucket; say whether it is one too many within a second."""
        allowed = self.rps.get(bucket)
        if allowed is None:
            return False
        now, recent = time.monotonic(), self._recent.setdefault(bucket, deque())
        while recent and recent[0] <= now - RATE_WINDOW_S:
            recent.popleft()
        if len(recent) >= allowed:
            return True
        recent.append(now)
        return False


@asynccontextmanager
async def serve(
    world: World | Archive,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    latency_s: float = 0.0,
    rpc_rps: float | None = None,
    enhanced_rps: float | None = None,
    faults: Iterable[Fault] = (),
    rejected_keys: Iterable[str] = (REJECTED_KEY,),
    prebuild: Iterable[str] = (),
) -> AsyncIterator[Sandbox]:
    """Serve a world while the block runs; port 0 is any free one. Yields the running sandbox with its `url`.

    Full pages of the addresses in `prebuild` are rendered and compressed before it begins.
    """
    archive = WorldArchive(world) if isinstance(world, World) else world
    limits = {RPC_BUCKET: rpc_rps, ENHANCED_BUCKET: enhanced_rps}
    sandbox = Sandbox(
        archive,
        FaultBook(faults),
        latency_s,
        {bucket: rps for bucket, rps in limits.items() if rps is not None},
        frozenset(rejected_keys),
    )
    if addresses := list(prebuild):
        sandbox.prebuilt = PrebuiltPages(archive, addresses)
    runner = web.AppRunner(
        _app(sandbox), access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        sandbox.url = f"http://{host}:{runner.addresses[0][1]}"
        yield sandbox
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Open the port; raise ConfigurationError when it cannot be had."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        rule = f"must be a port that is free here: {error.strerror}"
        raise ConfigurationError([Misuse("port", f"{host}:{port}", rule)]) from error


def _app(sandbox: Sandbox) -> web.Application:
    app = web.Application(client_max_size=BODY_MAX_BYTES)
    calls = _Calls(sandbox)
    app.router.add_post("/", calls.rpc)
    app.router.add_get("/v0/addresses/{address}/transactions", calls.history)
    app.router.add_post("/v0/transactions", calls.parse)
    app.router.add_get("/tokens/v1/solana/{addresses}", calls.prices)
    admin.add_routes(app, sandbox.archive, sandbox.faults, sandbox.counters)
    return app


class _Calls:
    """The handlers of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def rpc(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            call = orjson.loads(body)
        except orjson.JSONDecodeError:
            return json_reply(request, error_body(None, PARSE_ERROR, "Parse error"))
        method = str(call.get("method")) if isinstance(call, dict) else ""
        params = call.get("params", []) if isinstance(call, dict) else []
        bucket = ENHANCED_BUCKET if method in DAS_METHODS else RPC_BUCKET
        wallet = (
            params[0] if isinstance(params, list) and params and is_address(params[0]) else None
        )
        rpc_id = call.get("id") if isinstance(call, dict) else None
        asked = Asked(method, wallet, bucket, body.decode(errors="replace"), rpc_id, is_rpc=True)

        def produce(lie: str | None) -> Answer:
            if method not in METHODS:
                raise RpcError(METHOD_NOT_FOUND, "Method not found")
            sandbox = self._sandbox
            call = Call(sandbox.archive, sandbox.counters, params, lie, sandbox.page_max)
            answer = METHODS[method](call)
            head = b'{"jsonrpc":"2.0","id":' + orjson.dumps(rpc_id) + b',"result":'
            return Answer(head + answer.result + b"}", answer.credits)

        def prepared() -> Answer | None:
            if self._sandbox.prebuilt is None or method != FULL_PAGES or not params:
                return None
            page = self._sandbox.prebuilt.page(params, rpc_id)
            if page is None:
                return None
            called = orjson.dumps(params).decode()
            self._sandbox.counters.served_page(params[0], called, page.transactions)
            return Answer(page.body, page.credits)

        return await self._answered(request, asked, produce, prepared)

    async def history(self, request: web.Request) -> web.StreamResponse:
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
        sandbox, counters = self._sandbox, self._sandbox.counters
        counters.asked(asked.method, asked.wallet, asked.bucket, time.monotonic())
        counters.in_flight += 1
        counters.peak_in_flight = max(counters.peak_in_flight, counters.in_flight)
        try:
            if sandbox.latency_s:
                await asyncio.sleep(sandbox.latency_s)
            refusal = self._refused(request, asked)
            response = refusal or await self._served(request, asked, produce, prepared)
        finally:
            counters.in_flight -= 1
        counters.statuses[str(response.status)] += 1
        return response

    def _refused(self, request: web.Request, asked: Asked) -> web.Response | None:
        """Return the reply to a call without a good key or above the rate, None for a good call."""
        if asked.bucket != PRICE_BUCKET:
            key = request.query.get("api-key")
            if not key or key in self._sandbox.rejected_keys:
                return web.Response(status=401, text="Unauthorized: invalid api key")
        if self._sandbox.over_rate(asked.bucket):
            return web.json_response({"error": "rate limited"}, status=429)
        return None

    async def _served(
        self,
        request: web.Request,
        asked: Asked,
        produce: Callable[[str | None], Answer],
        prepared: Callable[[], Answer | None],
    ) -> web.StreamResponse:
        fault = self._sandbox.faults.draw(asked.method, asked.text)
        lie = None
        if fault is not None:
            self._sandbox.counters.faults[fault.kind] += 1
            lie = fault.kind if fault.kind in PAGES else None
            if lie is None and fault.kind not in DAMAGED:
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
        if fault is not None and fault.kind in DAMAGED:
            return await damaged(request, fault, answer.result)
        response = await asyncio.to_thread(json_reply, request, answer.result)
        self._sandbox.counters.bytes_sent += response.content_length or 0
        return response

    def _sent(self, asked: Asked, ready: Answer) -> web.Response:
        """Count a compressed answer and reply with it."""
        self._sandbox.counters.charged(asked.method, ready.credits)
        self._sandbox.counters.bytes_sent += len(ready.result)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(body=ready.result, headers=headers)
