"""The seam to the services: what each answer and each failure of httpx means to us.

| seen | raised |
|---|---|
| 429, JSON-RPC -32429 | RateLimitedError |
| 500, 502, 503, a lost connection, a body cut off or no JSON | UpstreamUnavailableError |
| 504, our own time-out, an answer too large | UpstreamTimeoutError |
| 400, JSON-RPC -32602 | UpstreamRejectedError |
| 401 | UpstreamKeyRejectedError |
| 403 | PlanRefusedError, which is one too: another way of listing may be allowed |
| JSON-RPC -32601 | StrategyUnsupportedError |
| JSON-RPC -32603 about the pagination token | CursorLostError |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import httpx
import msgspec

from streamproc import limits
from streamproc.errors import (
    StrategyUnsupportedError,
    StreamprocError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE_LIMITED: Final = 429
RPC_RATE_LIMITED: Final = -32429
RPC_UNSUPPORTED: Final = -32601
RPC_REJECTED: Final = frozenset({-32600, -32602})
RPC_INTERNAL: Final = -32603
KEY_REJECTED: Final = 401
PLAN_REFUSED: Final = 403
TIMED_OUT: Final = frozenset({408, 413, 504})  # a smaller page may succeed
REJECTED: Final = frozenset({400, 414, 422})


class RateLimitedError(UpstreamUnavailableError):
    """Too many calls; `retry_after_s` when the answer said for how long."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        """Keep the pause that was asked for."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PlanRefusedError(UpstreamKeyRejectedError):
    """This plan may not use the method, or the key may nothing at all."""


class CursorLostError(UpstreamUnavailableError):
    """The upstream no longer knows the pagination token that it gave."""


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


def verdict_on(reply: Reply) -> Verdict:
    """What an answer means; the text of errors is the upstream's own, cut short."""
    found = _rpc_error(reply.body)
    if found is not None:
        return Verdict(str(found.code), rpc_fault(found.code, found.message, reply.headers))
    seen = str(reply.status)
    if not httpx.codes.is_success(reply.status):
        return Verdict(seen, http_fault(reply))
    if reply.body.lstrip()[:1] not in {b"{", b"["}:
        return Verdict("no_json", UpstreamUnavailableError("the answer is no JSON"))
    return Verdict(seen, None)


def http_fault(reply: Reply) -> StreamprocError:
    """The error that an HTTP status means."""
    said = reply.body[: limits.ERROR_TEXT_MAX_CHARACTERS].decode("utf-8", "replace")
    text = f"HTTP {reply.status}: {said}"[: limits.ERROR_TEXT_MAX_CHARACTERS]
    if reply.status == RATE_LIMITED:
        return RateLimitedError(text, _retry_after_s(reply.headers))
    if reply.status in {KEY_REJECTED, PLAN_REFUSED}:
        refusal = UpstreamKeyRejectedError if reply.status == KEY_REJECTED else PlanRefusedError
        return refusal(f"the upstream refuses the key or the plan: {text}")
    if reply.status in TIMED_OUT:
        return UpstreamTimeoutError(text)
    if reply.status in REJECTED:
        return UpstreamRejectedError(text)
    return UpstreamUnavailableError(text)  # 404 too: without JSON it is a dead host


def rpc_fault(code: int, message: str, headers: Mapping[str, str] | None = None) -> StreamprocError:
    """The error that a JSON-RPC error means."""
    text = f"JSON-RPC {code}: {message}"[: limits.ERROR_TEXT_MAX_CHARACTERS]
    if code in {RPC_RATE_LIMITED, RATE_LIMITED}:
        return RateLimitedError(text, _retry_after_s(headers or {}))
    if code == RPC_UNSUPPORTED:
        return StrategyUnsupportedError(text)
    if code in RPC_REJECTED:
        return UpstreamRejectedError(text)
    if code == RPC_INTERNAL and "pagination" in message.lower():
        return CursorLostError(text)
    return UpstreamUnavailableError(text)


def transport_fault(error: Exception) -> Verdict:
    """What a failure of httpx means. Its own text is left out: it may hold the URL, and with it the key."""
    name = type(error).__name__
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return Verdict("timeout", UpstreamTimeoutError(f"no answer in time ({name})"))
    return Verdict("connection", UpstreamUnavailableError(f"the call failed ({name})"))


def _rpc_error(body: bytes) -> _RpcError | None:
    """The JSON-RPC error that a body is; None for any other body, however broken."""
    if len(body) > limits.RPC_ERROR_MAX_BYTES or not body.lstrip().startswith(b"{"):
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
