"""The sandbox's own endpoints, beside the services it stands in for: faults, counters, who lives in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from streamproc.sandbox.service.faults import fault_from_json

if TYPE_CHECKING:
    from streamproc.sandbox.service.counters import Counters
    from streamproc.sandbox.service.faults import FaultBook
    from streamproc.sandbox.wire.archive import Archive


def add_routes(
    app: web.Application, archive: Archive, faults: FaultBook, counters: Counters
) -> None:
    """Add `/sandbox/world`, `/sandbox/faults` and `/sandbox/counters`."""

    async def show_world(_request: web.Request) -> web.Response:
        return _json(archive.about())

    async def show_faults(_request: web.Request) -> web.Response:
        return _json(faults.shown())

    async def set_faults(request: web.Request) -> web.Response:
        try:
            given = orjson.loads(await request.read())
            faults.replace([fault_from_json(item) for item in given])
        except (ValueError, TypeError, AttributeError) as error:
            return web.json_response({"error": f"expected a list of faults: {error}"}, status=400)
        return _json(faults.shown())

    async def show_counters(_request: web.Request) -> web.Response:
        return _json(counters.shown())

    async def reset_counters(_request: web.Request) -> web.Response:
        counters.reset()
        return _json(counters.shown())

    app.router.add_get("/sandbox/world", show_world)
    app.router.add_get("/sandbox/faults", show_faults)
    app.router.add_post("/sandbox/faults", set_faults)
    app.router.add_get("/sandbox/counters", show_counters)
    app.router.add_delete("/sandbox/counters", reset_counters)


def _json(content: object) -> web.Response:
    return web.Response(body=orjson.dumps(content), headers={"Content-Type": "application/json"})
