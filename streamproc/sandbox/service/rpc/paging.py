"""Pages of a history: filters, order and opaque tokens as `getTransactionsForAddress` has them."""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service.refusals import INVALID_PARAMS, RpcError
from streamproc.sandbox.service.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamproc.json_types import JsonValue, JsonView
    from streamproc.sandbox.wire.archive import Record

LIMIT_MAX: Final = 1000
FULL_LIMIT_DEFAULT: Final = 100
COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
}
INVALID_TOKEN: Final = -32603
INVALID_TOKEN_TEXT: Final = "Invalid pagination token"  # noqa: S105 - an error's text


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One call of `getTransactionsForAddress`, checked."""

    address: str
    full: bool
    limit: int
    ascending: bool
    after: tuple[int, int] | None  # slot and position where the last page stopped
    token_accounts: str
    status: str
    bounds: tuple[tuple[str, str, int], ...]  # field, comparison, value
    reads_version: int | None = None  # the newest that the caller reads, None = legacy ones only

    def admits(self, record: Record) -> bool:
        """Say whether the filters let a record through."""
        if self.status != "any" and record.failed != (self.status == "failed"):
            return False
        values = {"slot": record.slot, "blockTime": record.time or 0}
        return all(COMPARISONS[how](values[name], bound) for name, how, bound in self.bounds)


def page_request(params: Sequence[JsonValue]) -> PageRequest:
    """Return the checked call; raise RpcError as the real service does."""
    options = params[1] if len(params) > 1 and params[1] is not None else {}
    if not params or not is_address(params[0]):
        raise RpcError(INVALID_PARAMS, "Invalid params: invalid address")
    if not isinstance(options, dict):
        raise RpcError(INVALID_PARAMS, "Invalid params: options must be an object")
    full = _choice(options, "transactionDetails", ("signatures", "full")) == "full"
    filters = options.get("filters") or {}
    return PageRequest(
        address=params[0],
        full=full,
        limit=limit_of(options.get("limit"), FULL_LIMIT_DEFAULT if full else LIMIT_MAX),
        ascending=_choice(options, "sortOrder", ("desc", "asc")) == "asc",
        after=_position(options.get("paginationToken")),
        token_accounts=_choice(filters, "tokenAccounts", ("none", "balanceChanged", "all")),
        status=_choice(filters, "status", ("any", "succeeded", "failed")),
        bounds=tuple(_bounds(filters)),
        reads_version=version_of(options),
    )


def _choice(options: JsonView, name: str, allowed: tuple[str, ...]) -> str:
    value = options.get(name, allowed[0])
    if value not in allowed:
        raise RpcError(
            INVALID_PARAMS, f"Invalid params: {name} must be one of {', '.join(allowed)}"
        )
    return str(value)


def limit_of(value: object, default: int) -> int:
    """Return a page's length, the default when none is given; RpcError when it is out of range."""
    if value is None:
        return default
    if not isinstance(value, int) or not 1 <= value <= LIMIT_MAX:
        raise RpcError(INVALID_PARAMS, f"Invalid params: limit must be within 1..{LIMIT_MAX}")
    return value


def _position(token: object) -> tuple[int, int] | None:
    if token is None:
        return None
    try:
        slot, position = str(token).split(":")
        return int(slot), int(position)
    except ValueError:
        raise RpcError(INVALID_TOKEN, INVALID_TOKEN_TEXT) from None


def _bounds(filters: JsonView) -> list[tuple[str, str, int]]:
    found = []
    for name in ("slot", "blockTime"):
        for how, bound in (filters.get(name) or {}).items():
            if how not in COMPARISONS or not isinstance(bound, int):
                raise RpcError(INVALID_PARAMS, f"Invalid params: filters.{name}.{how}")
            found.append((name, how, bound))
    return found


def cut_page(history: Sequence[Record], request: PageRequest) -> tuple[list[Record], str | None]:
    """Return one page of a history, given oldest first, and the token of the next, None when nothing is left."""
    first, last = _places(history, request)
    places = range(first, last) if request.ascending else range(last - 1, first - 1, -1)
    page: list[Record] = []
    for place in places:
        if not request.admits(history[place]):
            continue
        if len(page) == request.limit:
            return page, token_of(page[-1])
        page.append(history[place])
    return page, None


def _places(history: Sequence[Record], request: PageRequest) -> tuple[int, int]:
    """Between which places of the history the rest of it lies, by the slots and the token that are asked for."""
    first, last = 0, len(history)
    for name, how, bound in request.bounds:
        if name == "slot" and how in {"gt", "gte"}:
            first = max(first, bisect_left(history, bound, key=_slot))
        elif name == "slot" and how in {"lt", "lte"}:
            last = min(last, bisect_right(history, bound, key=_slot))
    if request.after is not None and request.ascending:
        first = max(first, bisect_right(history, request.after, key=_place))
    elif request.after is not None:
        last = min(last, bisect_left(history, request.after, key=_place))
    return first, max(first, last)


def _slot(record: Record) -> int:
    return record.slot


def _place(record: Record) -> tuple[int, int]:
    return record.slot, record.index


def token_of(record: Record) -> str:
    """Return the token that continues after this record."""
    return f"{record.slot}:{record.index}"


def token_before(record: Record, *, ascending: bool) -> str:
    """Return a token that names no record but makes the next page begin with this one."""
    return f"{record.slot}:{record.index - 1 if ascending else record.index + 1}"
