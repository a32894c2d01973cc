"""The client that all calls go through: httpx, whose connections are aiohttp's.

aiohttp's connections cost the event loop a third of what httpx' own do. They know no SOCKS proxy and none of
`ALL_PROXY`, so where the environment names a proxy httpx' own are used.
"""

from __future__ import annotations

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.request import getproxies

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from streamproc import limits
from streamproc.safety.addresses import is_loopback
from streamproc.upstream.client.lean_httpx import httpx

# It imports httpx.
from httpx_aiohttp import AiohttpTransport  # isort: skip


def make_client(
    *bases: str, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """A client for these services; proxies of the environment are used unless all of them are on this machine."""
    # httpx and httpcore log every URL, and with it the key.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    timeout = httpx.Timeout(
        limits.UPSTREAM_READ_S, connect=limits.UPSTREAM_CONNECT_S, pool=limits.UPSTREAM_CALL_S
    )
    uses_environment = not all(is_loopback(base) for base in bases)
    if transport is None and not (uses_environment and getproxies()):
        transport = AiohttpTransport(client=_session)
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        limits=httpx.Limits(max_connections=limits.UPSTREAM_CONNECTIONS),
        follow_redirects=False,  # the key must not follow
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none is kept, none is sent
        trust_env=uses_environment,
    )


def _session() -> ClientSession:
    """What holds aiohttp's connections, with httpx' certificates; called within the event loop."""
    connector = TCPConnector(
        limit=limits.UPSTREAM_CONNECTIONS,
        keepalive_timeout=limits.UPSTREAM_KEPT_S,
        ssl=httpx.create_ssl_context(),
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        read_bufsize=limits.UPSTREAM_PIECE_BYTES,
        max_headers=limits.UPSTREAM_HEADERS,
        trust_env=False,
    )
