"""Pages of full histories that lie: short, empty, of another wallet, or with a token that leads nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.service.rpc.paging import token_before, token_of
from streamproc.sandbox.wire.archive import foreign_records

if TYPE_CHECKING:
    from streamproc.sandbox.service.rpc.paging import PageRequest
    from streamproc.sandbox.wire.archive import Archive, Record


def lied_page(
    archive: Archive,
    lie: str | None,
    request: PageRequest,
    records: list[Record],
    token: str | None,
) -> tuple[list[Record], str | None]:
    """Return the page as a fault wants it, or as it is."""
    if lie == "other_wallet":
        return foreign_records(archive, request.address), None
    if lie == "empty_page" and records:
        return [], token_before(records[0], ascending=request.ascending)
    if lie == "duplicates":
        return [*records, *records[-2:]], token
    if lie == "short_page" and len(records) > 1:
        records = records[: max(1, len(records) // 3)]
        token = token_of(records[-1])
    if lie == "token_at_end" and records and token is None:
        token = token_of(records[-1])
    if lie == "repeat_cursor" and request.after is not None:
        token = "{}:{}".format(*request.after)
    return records, token
