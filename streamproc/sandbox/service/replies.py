"""Replies as they leave: JSON, compressed where that is worth it, and the errors of JSON-RPC."""

from __future__ import annotations

from typing import Final

import deflate
import orjson
from aiohttp import web

COMPRESS_FROM_BYTES: Final = 512
COMPRESS_LEVEL: Final = 1


def error_body(rpc_id: object, code: int, message: str) -> bytes:
    """Return a JSON-RPC error as it is sent."""
    error = {"code": code, "message": message}
    return orjson.dumps({"jsonrpc": "2.0", "id": rpc_id, "error": error})


def json_reply(request: web.Request, body: bytes) -> web.Response:
    """Return a JSON reply, compressed when the caller accepts gzip and it is worth it."""
    headers = {"Content-Type": "application/json"}
    if len(body) >= COMPRESS_FROM_BYTES and takes_gzip(request):
        body = bytes(deflate.gzip_compress(body, COMPRESS_LEVEL))
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)


def takes_gzip(request: web.Request) -> bool:
    """Say whether the caller accepts compressed answers."""
    return "gzip" in request.headers.get("Accept-Encoding", "")
