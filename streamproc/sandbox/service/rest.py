"""The calls that are no JSON-RPC: the enhanced API's two and the price service's one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from streamproc.sandbox.chain.addresses import is_address
from streamproc.sandbox.service.counters import ENHANCED_CREDITS
from streamproc.sandbox.service.rpc.call import Answer
from streamproc.sandbox.wire.archive import foreign_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.sandbox.service.counters import Counters
    from streamproc.sandbox.wire.archive import Archive, Record

HISTORY_LIMIT_MAX: Final = 100
PARSE_MAX: Final = 100
PRICES_MAX: Final = 30
CURSORS: Final = (
    "before-signature",
    "before",
)  # any other name is silently ignored, as really seen


class RefusedError(Exception):
    """The call is answered with this HTTP status and a JSON error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def enhanced_history(
    archive: Archive, counters: Counters, address: str, query: Mapping[str, str], lie: str | None
) -> Answer:
    """Return one page of enhanced transactions, newest first; `[]` past the end."""
    if not is_address(address):
        raise RefusedError(400, "invalid address")
    if "type" in query:
        raise RefusedError(404, "no events in the search period; continue with before-signature")
    limit = query.get("limit", str(HISTORY_LIMIT_MAX))
    if not limit.isdigit() or not 1 <= int(limit) <= HISTORY_LIMIT_MAX:
        raise RefusedError(400, f"limit must be within 1..{HISTORY_LIMIT_MAX}")
    mode = query.get("token-accounts", "none")
    records = list(reversed(archive.history(address, mode)))
    cursor = next((query[name] for name in CURSORS if name in query), None)
    start = 0 if lie == "repeat_cursor" else _start(records, cursor)
    page = _lied(archive, address, lie, records[start : start + int(limit)])
    counters.served_page(address, f"history/{cursor}/{limit}/{mode}", len(page))
    return _enhanced(archive, page)


def _start(records: list[Record], cursor: str | None) -> int:
    if cursor is None:
        return 0
    for position, record in enumerate(records):
        if record.signature == cursor:
            return position + 1
    raise RefusedError(404, "before-signature not found in this history")


def _lied(archive: Archive, address: str, lie: str | None, page: list[Record]) -> list[Record]:
    """Return the page as a fault wants it, or as it is."""
    if lie == "short_page":
        return page[: max(1, len(page) // 3)]
    if lie == "empty_page":
        return []
    if lie == "duplicates":
        return [*page, *page[-2:]]
    if lie == "other_wallet":
        return foreign_records(archive, address)
    return page


def parse_transactions(archive: Archive, body: object) -> Answer:
    """Return the enhanced form of up to a hundred signatures; unknown ones are left out without a word."""
    signatures = body.get("transactions") if isinstance(body, dict) else None
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= PARSE_MAX:
        raise RefusedError(400, f"transactions must be 1..{PARSE_MAX} signatures")
    found = (archive.find(str(signature)) for signature in signatures)
    return _enhanced(archive, [record for record in found if record is not None])


def _enhanced(archive: Archive, records: list[Record]) -> Answer:
    body = b"[" + b",".join(archive.enhanced(record) for record in records) + b"]"
    return Answer(body, ENHANCED_CREDITS)


def token_pairs(archive: Archive, addresses: str) -> Answer:
    """Return the market pairs of up to thirty mints, all in one list."""
    mints = addresses.split(",")
    if len(mints) > PRICES_MAX:
        raise RefusedError(400, f"up to {PRICES_MAX} addresses")
    pairs: list[object] = [pair for mint in mints for pair in archive.pairs(mint)]
    return Answer(orjson.dumps(pairs), 0)
