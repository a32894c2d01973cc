"""Headers that every answer has: browsers guess no types, frame nothing, tell nobody, load nothing."""

from __future__ import annotations

from typing import Final

from aiohttp import web

STARTED: Final = web.RequestKey("started", bool)  # of a request whose answer has begun
POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "streamproc",
}
UNLESS_SAID: Final = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Called by aiohttp before an answer begins."""
    request[STARTED] = True
    secure(response)


def secure(response: web.StreamResponse) -> None:
    """Put the headers on an answer; a policy and a rule for caches that it has already stay."""
    response.headers.update(ALWAYS)
    for name, value in UNLESS_SAID.items():
        response.headers.setdefault(name, value)
