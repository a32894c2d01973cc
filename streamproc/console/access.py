"""Who is answered: by a token where one is set, on loopback by the name that was asked for, within bounds of size."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final

from aiohttp import web

from streamproc import limits
from streamproc.console.problems import ProblemError
from streamproc.errors import ConfigurationError, Fault
from streamproc.safety.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.typedefs import Handler, Middleware

    from streamproc.settings import Settings

CHALLENGE: Final = 'Bearer realm="streamproc", Basic realm="streamproc", charset="UTF-8"'
NAMES_HERE: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
NOT_SHOWN: Final = "(not shown)"


def guards(settings: Settings) -> Sequence[Middleware]:
    """The checks that these settings ask for, the first one outermost.

    Raises ConfigurationError for an address beyond this machine without a token.
    """
    here = is_loopback(f"http://{settings.console_bind}")
    token = settings.console_token.get_secret_value() if settings.console_token else None
    if not here and token is None:
        rule = "must be set where STREAMPROC_CONSOLE_BIND leads beyond this machine"
        raise ConfigurationError([Fault("STREAMPROC_CONSOLE_TOKEN", "nothing", rule)])
    found: list[Middleware] = [within_bounds]
    if here:
        found.append(named_here)
    if token is not None:
        found.append(_known(token))
    return found


@web.middleware
async def within_bounds(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse targets (414) and headers (431) that are larger than anything that means something here."""
    if len(request.raw_path) > limits.CONSOLE_TARGET_MAX:
        rule = f"must have at most {limits.CONSOLE_TARGET_MAX} characters"
        raise ProblemError(414, [Fault("path", f"{len(request.raw_path)} characters", rule)])
    size = sum(len(name) + len(value) for name, value in request.raw_headers)
    if size > limits.CONSOLE_HEADERS_MAX:
        rule = f"must have at most {limits.CONSOLE_HEADERS_MAX} bytes together"
        raise ProblemError(431, [Fault("headers", f"{size} bytes", rule)])
    return await handler(request)


@web.middleware
async def named_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what was sent to another name (421): a page elsewhere whose name was made to lead to this machine."""
    host = request.headers.get("Host", "")
    head, _, port = host.rpartition(":")
    name = head if port.isdigit() else host
    if name.lower() not in NAMES_HERE:
        rule = f"must name this machine: {', '.join(sorted(NAMES_HERE))}"
        raise ProblemError(421, [Fault("Host", host, rule)])
    return await handler(request)


def _known(token: str) -> Middleware:
    """Refuse whoever does not know the token (401).

    It comes as `Authorization: Bearer TOKEN`, or as the password of any user (Basic), for which browsers ask by
    themselves and which they send with event streams and links too.
    """
    expected = token.encode()

    @web.middleware
    async def known(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = _token_in(request.headers.get("Authorization", ""))
        if not hmac.compare_digest(given, expected):
            rule = "must be Bearer and the token, or Basic with it as the password"
            headers = {"WWW-Authenticate": CHALLENGE}
            raise ProblemError(401, [Fault("Authorization", NOT_SHOWN, rule)], headers=headers)
        return await handler(request)

    return known


def _token_in(header: str) -> bytes:
    """The token in a header, nothing where there is none."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
