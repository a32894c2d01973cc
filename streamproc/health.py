"""The worker's small HTTP surface: is it alive, is it ready, what has it counted."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streamproc.errors import ConfigurationError, Fault
from streamproc.metrics import REGISTRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def serve_health(
    bind: str, is_live: Callable[[], bool], is_ready: Callable[[], bool]
) -> AsyncIterator[str]:
    """Serve `/healthz/live`, `/healthz/ready` and `/metrics` on `bind` (host:port, port 0 = any); yield the base URL.

    The two checks answer 200 or 503 and must not block. Raises ConfigurationError when the address cannot be used.
    """
    runner = web.AppRunner(_application(is_live, is_ready), access_log=None)
    await runner.setup()
    try:
        yield await _listen(runner, bind)
    finally:
        await runner.cleanup()


def _application(is_live: Callable[[], bool], is_ready: Callable[[], bool]) -> web.Application:
    """The three routes."""

    async def live(_: web.Request) -> web.Response:
        return _answer("live", is_so=is_live())

    async def ready(_: web.Request) -> web.Response:
        return _answer("ready", is_so=is_ready())

    application = web.Application()
    application.add_routes(
        [
            web.get("/healthz/live", live),
            web.get("/healthz/ready", ready),
            web.get("/metrics", _metrics),
        ]
    )
    return application


async def _listen(runner: web.AppRunner, bind: str) -> str:
    """Open the socket; the URL has the port that was really taken."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        await web.TCPSite(runner, host, int(port)).start()
    except OSError as error:
        rule = f"must be a free address of this machine: {error.strerror}"
        raise ConfigurationError([Fault("STREAMPROC_HTTP_BIND", bind, rule)]) from error
    taken = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{taken}"


def _answer(word: str, *, is_so: bool) -> web.Response:
    """200 and the word, or 503 and its opposite."""
    return web.json_response(
        {"status": word if is_so else f"not {word}"}, status=200 if is_so else 503
    )


async def _metrics(_: web.Request) -> web.Response:
    """Everything counted so far, in Prometheus' text form."""
    return web.Response(
        body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
