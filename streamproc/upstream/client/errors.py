"""The seam to the services: what each answer and each failure of httpx means to us.

| seen | raised |
|---|---|
| 429, JSON-RPC -32429 | RateLimitedError |
| 500, 502, 503, a lost connection, a body cut off or no JSON | UpstreamUnavailableError |
| 504, our own time-out, an answer too large | UpstreamTimeoutError |
| 400, JSON-RPC -32602 | UpstreamRejectedError |
| 401 | UpstreamKeyRejectedError |
| 403 | PlanRefusedError, which is one too: another way of listing may be allowed |
| JSON-RPC -32601, -32600 about the method | StrategyUnsupportedError |
| JSON-RPC -32015 | UpstreamTooNewError: another way of listing may not meet that transaction |
| JSON-RPC -32603 about the pagination token | CursorLostError |

What the upstream says in words goes into no error: status, method and host do, and our own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from aiohttp import ClientError

from streamproc import limits
from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamTooNewError,
    UpstreamUnavailableError,
)
from streamproc.upstream.client.lean_httpx import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_LIMITED: Final = 429
RPC_RATE_LIMITED: Final = -32429
RPC_UNSUPPORTED: Final = -32601
RPC_INVALID: Final = -32600
RPC_INTERNAL: Final = -32603
RPC_CODES: Final = range(-32_999, -31_999)  # those that may be counted one by one
SOMEWHERE: Final = "the upstream"  # where it is not known who was asked


class RateLimitedError(UpstreamUnavailableError):
    """Too many calls; `retry_after_s` when the answer said for how long."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        """Keep the pause that was asked for."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PausedError(UpstreamUnavailableError):
    """The upstream is away as a whole, as far as one can tell."""


class SlowError(UpstreamTimeoutError):
    """The upstream did not answer in time."""


class PlanRefusedError(UpstreamKeyRejectedError):
    """This plan may not use the method, or the key may nothing at all."""


class CursorLostError(UpstreamUnavailableError):
    """The upstream no longer knows the pagination token that it gave."""


_REFUSED: Final = (UpstreamRejectedError, "it refuses what was asked")
_UNSUPPORTED: Final = (StrategyUnsupportedError, "it does not have the method")
_SLOW: Final = (SlowError, "it took too long")
_HTTP: Final[dict[int, tuple[type[StreamprocError], str]]] = {
    400: _REFUSED,
    401: (UpstreamKeyRejectedError, "it refuses the key"),
    403: (PlanRefusedError, "it refuses the key or the plan"),
    405: _UNSUPPORTED,
    408: _SLOW,
    413: (UpstreamTimeoutError, "it was asked for too much at once"),
    414: _REFUSED,
    422: _REFUSED,
    501: _UNSUPPORTED,
    504: _SLOW,
}
_RPC: Final[dict[int, tuple[type[StreamprocError], str]]] = {
    -32005: (PausedError, "the node is behind"),
    -32015: (
        UpstreamTooNewError,
        "a transaction is of a newer version than this release reads; a newer reader is needed",
    ),
    RPC_INVALID: _REFUSED,
    RPC_UNSUPPORTED: _UNSUPPORTED,
    -32602: _REFUSED,
}


class Reply(NamedTuple):
    """An answer as it came, decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Verdict(NamedTuple):
    """What was seen, in a word for counting, and the error that it means; None for a good answer."""

    seen: str
    error: StreamprocError | None


class _RpcError(msgspec.Struct):
    code: int
    message: str = ""


class _Envelope(msgspec.Struct):
    error: _RpcError | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def verdict_on(reply: Reply, where: str = SOMEWHERE) -> Verdict:
    """What an answer means; `where` says who was asked for what, in our words."""
    found = _rpc_error(reply)
    if found is not None:
        seen = str(found.code) if found.code in RPC_CODES else "rpc_error"
        return Verdict(seen, rpc_fault(found.code, found.message, reply.headers, where))
    seen = str(reply.status)
    if not httpx.codes.is_success(reply.status):
        return Verdict(seen, http_fault(reply, where))
    if reply.body.lstrip()[:1] not in {b"{", b"["}:
        return Verdict("no_json", UpstreamUnavailableError(f"{where}: the answer is no JSON"))
    return Verdict(seen, None)


def http_fault(reply: Reply, where: str = SOMEWHERE) -> StreamprocError:
    """The error that an HTTP status means."""
    status = reply.status
    text = f"{where} answers HTTP {status}"
    if status == RATE_LIMITED:
        return RateLimitedError(f"{text}: too many calls", _retry_after_s(reply.headers))
    if status in _HTTP:
        error, words = _HTTP[status]
        return error(f"{text}: {words}")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return PausedError(text)
    if httpx.codes.is_redirect(status):
        return UpstreamUnavailableError(f"{text}: redirects are not followed")
    return UpstreamUnavailableError(text)  # 404 too: without JSON it is a dead host


def rpc_fault(
    code: int, message: str, headers: Mapping[str, str] | None = None, where: str = SOMEWHERE
) -> StreamprocError:
    """The error that a JSON-RPC error means; its message only tells apart what has one code."""
    text, said = f"{where} answers with error {code}", message.lower()
    if code in {RPC_RATE_LIMITED, RATE_LIMITED}:
        return RateLimitedError(f"{text}: too many calls", _retry_after_s(headers or {}))
    if code == RPC_INVALID and "method" in said:
        code = RPC_UNSUPPORTED
    if code in _RPC:
        error, words = _RPC[code]
        return error(f"{text}: {words}")
    if code == RPC_INTERNAL and "pagination" in said:
        return CursorLostError(f"{text}: it does not know its own pagination token any more")
    return UpstreamUnavailableError(text)


def transport_fault(error: Exception, where: str = SOMEWHERE) -> Verdict:
    """What a failure of httpx or aiohttp means. Its own text is left out: it may hold the URL, and with it the key.

    httpx calls some lost connections a time-out; what aiohttp said is their cause, and right.
    """
    cause = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    name = type(cause).__name__
    if isinstance(cause, (httpx.TimeoutException, TimeoutError)):
        return Verdict("timeout", SlowError(f"{where}: no answer in time ({name})"))
    return Verdict("connection", PausedError(f"{where}: the call failed ({name})"))


def _rpc_error(reply: Reply) -> _RpcError | None:
    """The JSON-RPC error that a body is; None for any other body, however broken, and for a large good one."""
    body = reply.body
    is_long = len(body) > limits.RPC_ERROR_MAX_BYTES
    if (is_long and reply.status == httpx.codes.OK) or not body.lstrip().startswith(b"{"):
        return None
    try:
        return _ENVELOPE.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The header's seconds, bounded; None when it is missing or a date."""
    try:
        asked_s = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(asked_s, limits.RETRY_AFTER_MAX_S) if asked_s >= 0 else None
