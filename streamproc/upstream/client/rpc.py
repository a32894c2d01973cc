"""JSON-RPC queries: the request's form, and the typed answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from streamproc.errors import UpstreamUnavailableError
from streamproc.safety.addresses import has_own_key
from streamproc.upstream.client.http import Request
from streamproc.upstream.client.retry import Query
from streamproc.upstream.client.sanitize import mended

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.upstream.client.calls import Call

T = TypeVar("T")


def rpc_request(url: str, method: str, params: object) -> Request:
    """The POST of one JSON-RPC call."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return rpc_post(url, method, msgspec.json.encode(body))


def rpc_post(url: str, method: str, body: bytes) -> Request:
    """The POST of this body; a URL that may carry a key of its own gets no other."""
    if has_own_key(url):
        return Request(url, body=body, method=method, is_keyed=False)
    return Request(f"{url}/", body=body, method=method)


def rpc_query(
    url: str,
    call: Call,
    params: object,
    decoder: msgspec.json.Decoder[T],
    *,
    is_divisible: bool = False,
) -> Query[T]:
    """A call whose whole answer, envelope included, has the decoder's type."""
    request = rpc_request(url, call.method, params)
    return Query(call, request, reader(decoder), is_divisible=is_divisible)


def reader(decoder: msgspec.json.Decoder[T]) -> Callable[[bytes | bytearray], T]:
    """Reads bodies of this type; raises UpstreamUnavailableError for a body that is cut off or of another form."""

    def read(body: bytes | bytearray) -> T:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # once more, below: what is nearly JSON can be mended
        try:
            return decoder.decode(mended(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamUnavailableError(f"the answer cannot be read: {error}") from None

    return read
