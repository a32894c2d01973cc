"""The server: routes, the checks before them, and the life of what they read from."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from streamproc import limits
from streamproc.console.access import guards
from streamproc.console.analyses import Requests
from streamproc.console.dead_letters import DeadLetters
from streamproc.console.feed import Feed
from streamproc.console.headers import add_headers, secure
from streamproc.console.page import page
from streamproc.console.past import PastReader
from streamproc.console.problems import problem, problems
from streamproc.console.results import Results
from streamproc.console.state import State
from streamproc.console.streams import Streams
from streamproc.health import listen
from streamproc.serde import codec_of
from streamproc.store import open_store
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from aiohttp.typedefs import Handler, Middleware

    from streamproc.serde import Codec
    from streamproc.settings import Settings
    from streamproc.store import Store

LINE_MAX = 2 * limits.CONSOLE_HEADERS_MAX  # what is read at all, to be refused in our words


def run_console(settings: Settings, *, started: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called with the base URL once the port is open.

    Raises ConfigurationError for wrong settings, TransientError when Kafka or Postgres is away at the start.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_stopped(settings, started))


async def _until_stopped(settings: Settings, started: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serve_console(settings) as url:
        started(url)
        await stopped.wait()


@asynccontextmanager
async def serve_console(settings: Settings) -> AsyncIterator[str]:
    """Serve the console in the block, its base URL; raises as `run_console` does."""
    checks = guards(settings)
    codec = codec_of(settings, read_topology())
    dsn, pool_size = settings.postgres_dsn.get_secret_value(), settings.postgres_pool_size
    async with (
        open_store(dsn, pool_size=pool_size, read_only=True) as store,
        _listening(Feed(settings, codec), await store.oldest_running_ms()) as feed,
    ):
        application = _application(checks, _handlers(settings, store, feed, codec))

        async def cut(_: web.Application) -> None:
            feed.cut_all()

        application.on_shutdown.append(cut)
        async with _served(application, settings.console_bind) as url:
            yield url


@asynccontextmanager
async def _listening(feed: Feed, since_ms: int | None) -> AsyncIterator[Feed]:
    """The feed, listening, up to the end of the block; raises what keeps it from listening."""
    listening = asyncio.ensure_future(feed.run(since_ms))
    hears = asyncio.ensure_future(feed.listens.wait())
    try:
        await asyncio.wait([listening, hears], return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            await listening
        yield feed
    finally:
        hears.cancel()
        listening.cancel()
        await asyncio.gather(listening, hears, return_exceptions=True)


@asynccontextmanager
async def _served(application: web.Application, bind: str) -> AsyncIterator[str]:
    """The base URL at which an application answers in the block."""
    runner = _Runner(
        application,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=limits.CONSOLE_STOP_S,
        max_line_size=LINE_MAX,
        max_field_size=LINE_MAX,
    )
    await runner.setup()
    try:
        yield await listen(runner, bind, "STREAMPROC_CONSOLE_BIND")
    finally:
        await runner.cleanup()


def _application(checks: Sequence[Middleware], handlers: Mapping[str, Handler]) -> web.Application:
    """The handlers by path, behind the checks."""
    application = web.Application(middlewares=[problems, *checks])
    application.on_response_prepare.append(add_headers)
    application.add_routes([web.get(path, handler) for path, handler in handlers.items()])
    return application


def _handlers(settings: Settings, store: Store, feed: Feed, codec: Codec) -> dict[str, Handler]:
    """What answers at each path."""
    requests, results = Requests(store, feed), Results(store, settings.explorer)
    streams = Streams(store, feed, PastReader(settings, codec), codec)
    return {
        "/": page,
        "/state": State(store, settings, codec.topology).shown,
        "/dead-letters": DeadLetters(settings, codec.topology).shown,
        "/analyses": requests.listed,
        "/analyses/{id}": requests.one,
        "/analyses/{id}/result": results.of_request,
        "/analyses/{id}/events": streams.of_request,
        "/events": streams.of_all,
    }


class _Connection(web.RequestHandler):
    """aiohttp's own, except that what is no HTTP is answered as everything else is, and quotes nothing."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """The answer to what aiohttp could not read, or could not handle."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, another one cannot follow")
        is_long = type(exc).__name__ == "LineTooLong"
        response = problem(431 if is_long else status)
        secure(response)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - the server is aiohttp's own, with other connections
        )
