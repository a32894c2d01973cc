"""The worker's small HTTP surface: is it alive, is it ready, what has it counted."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streamproc.errors import ConfigurationError, Fault
from streamproc.metrics import REGISTRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence


@asynccontextmanager
async def serve_health(
    bind: str, is_live: Callable[[], bool], why_not_ready: Callable[[], Sequence[str]]
) -> AsyncIterator[str]:
    """Serve `/healthz/live`, `/healthz/ready` and `/metrics` on `bind` (host:port, port 0 = any); yield the base URL.

    `is_live` and `why_not_ready` must not block. Ready is 200 when the latter names nothing, else 503.
    Raises ConfigurationError when the address cannot be used.
    """
    runner = web.AppRunner(_application(is_live, why_not_ready), access_log=None)
    await runner.setup()
    try:
        yield await listen(runner, bind, "STREAMPROC_HTTP_BIND")
    finally:
        await runner.cleanup()


def _application(
    is_live: Callable[[], bool], why_not_ready: Callable[[], Sequence[str]]
) -> web.Application:
    """The three routes."""

    async def live(_: web.Request) -> web.Response:
        return _answer("live", [] if is_live() else ["the process does not work"])

    async def ready(_: web.Request) -> web.Response:
        return _answer("ready", why_not_ready())

    application = web.Application()
    application.add_routes(
        [
            web.get("/healthz/live", live),
            web.get("/healthz/ready", ready),
            web.get("/metrics", _metrics),
        ]
    )
    return application


async def listen(runner: web.AppRunner, bind: str, setting: str) -> str:
    """Open the socket at host:port; the URL has the port that was really taken.

    Raises ConfigurationError that names the setting when the address cannot be used.
    """
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        await web.TCPSite(runner, host, int(port)).start()
    except OSError as error:
        rule = f"must be a free address of this machine: {error.strerror}"
        raise ConfigurationError([Fault(setting, bind, rule)]) from error
    taken = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{taken}"


def _answer(word: str, why_not: Sequence[str]) -> web.Response:
    """200 and the word, or 503, its opposite and why."""
    if not why_not:
        return web.json_response({"status": word})
    return web.json_response({"status": f"not {word}", "why": list(why_not)}, status=503)


async def _metrics(_: web.Request) -> web.Response:
    """Everything counted so far, in Prometheus' text form."""
    return web.Response(
        body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )
