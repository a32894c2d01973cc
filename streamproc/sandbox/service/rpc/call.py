"""One JSON-RPC call: what it may look at, how its parameters are read, and how its answer is put."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service.counters import PLAIN_CREDITS
from streamproc.sandbox.service.refusals import INVALID_PARAMS, RpcError

if TYPE_CHECKING:
    from streamproc.json_types import Json, JsonValue
    from streamproc.sandbox.service.counters import Counters
    from streamproc.sandbox.wire.archive import Archive


class Answer(NamedTuple):
    """A call's result as JSON bytes, and what it costs."""

    result: bytes
    credits: int


class Call(NamedTuple):
    """One JSON-RPC call with what it may look at; `lie` is a fault of the page, if any."""

    archive: Archive
    counters: Counters
    params: JsonValue
    lie: str | None = None
    page_max: int | None = None  # pages are cut to this, whatever is asked for


def listed(params: object) -> list[JsonValue]:
    """Return the parameters when they are a list."""
    if not isinstance(params, list):
        raise RpcError(INVALID_PARAMS, "Invalid params: expected a list")
    return params


def address_of(params: list[JsonValue]) -> str:
    """Return the first parameter when it is an address."""
    if not params or not is_address(params[0]):
        raise RpcError(INVALID_PARAMS, "Invalid param: WrongSize")
    return str(params[0])


def options_of(params: list[JsonValue], position: int = 1) -> Json:
    """Return the options at this position, none when there are no such."""
    options = params[position] if len(params) > position else None
    return options if isinstance(options, dict) else {}


def in_context(call: Call, value: object) -> Json:
    """Return a value as it holds at a slot."""
    return {"context": {"apiVersion": "2.2.7", "slot": call.archive.tip_slot}, "value": value}


def plain(result: object) -> Answer:
    """Return a result that costs what a plain call costs."""
    return Answer(orjson.dumps(result), PLAIN_CREDITS)
