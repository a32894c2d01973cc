"""How a fault looks on the wire: replies that stand in for the answer, and answers damaged on their way."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson
from aiohttp import web

from streamproc.sandbox.service.faults import HTTP_STATUS, RPC_ERRORS, Fault

HANG_S: Final = 3600.0  # longer than any client waits
DRIP_PIECES: Final = 20
DRIP_S: Final = 2.0
PAGE_OF_HTML: Final = "<!DOCTYPE html><html><body>Just a moment...</body></html>"
TEXTS: Final = {
    "400": "Bad Request",
    "401": "Unauthorized: invalid api key",
    "403": "Forbidden: plan",
}


async def replaced(request: web.Request, fault: Fault, rpc_id: object) -> web.StreamResponse:
    """Return what the caller gets in place of an answer."""
    await asyncio.sleep(fault.delay_s)
    if fault.kind in HTTP_STATUS:
        return _status(fault)
    if fault.kind in RPC_ERRORS:
        error = {"code": int(fault.kind), "message": RPC_ERRORS[fault.kind]}
        return _json(orjson.dumps({"jsonrpc": "2.0", "id": rpc_id, "error": error}))
    if fault.kind == "reset":
        return _reset(request)
    if fault.kind == "hang":
        await asyncio.sleep(HANG_S)
    if fault.kind == "html":
        return web.Response(text=PAGE_OF_HTML, content_type="text/html")
    bodies = {
        "not_json": b"upstream connect error",
        "empty_body": b"",
        "wrong_shape": b'{"ok":true}',
    }
    return _json(bodies.get(fault.kind, b""))


async def damaged(request: web.Request, fault: Fault, body: bytes) -> web.StreamResponse:
    """Return the true answer, cut short or in slow pieces."""
    await asyncio.sleep(0 if fault.kind == "drip" else fault.delay_s)
    if fault.kind == "cut_json":
        return _json(body[: len(body) // 2])
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    if fault.kind == "truncated":
        await response.write(body[: len(body) // 2])
        _reset(request)
        return response
    size = max(1, len(body) // DRIP_PIECES)
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        await asyncio.sleep((fault.delay_s or DRIP_S) / DRIP_PIECES)
    await response.write_eof()
    return response


def _status(fault: Fault) -> web.Response:
    status = HTTP_STATUS[fault.kind]
    headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
    return web.Response(status=status, text=TEXTS.get(fault.kind, "error"), headers=headers)


def _reset(request: web.Request) -> web.Response:
    """Drop the connection without a goodbye."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": "application/json"})
