"""What a request names: an id, filters, a form, a place to go on from; all faults at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlencode

from streamproc import limits
from streamproc.console.problems import ProblemError
from streamproc.errors import Fault
from streamproc.export.parquet_form import LACKS_EXTRA, can_write_parquet
from streamproc.export.tables import ROWS, Rows
from streamproc.store.listing import STATUSES, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
NAME_RULE: Final = "must be 1 to 64 of A-Za-z0-9._-"
CURSOR: Final = re.compile(r"\d{1,17}-[A-Za-z0-9._-]{1,64}", re.ASCII)
NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
PLACES: Final = re.compile(r"\d{1,9}-\d{1,18}(?:,\d{1,9}-\d{1,18})*", re.ASCII)
FORMS: Final = ("json", "csv", "html", "parquet")
TABLES: Final = ("csv", "parquet")


class Form(NamedTuple):
    """How a result is wanted; `rows` says what a row of a table is."""

    name: str
    rows: Rows


class Filter(NamedTuple):
    """Which requests are listed, and how many at most."""

    status: str | None
    tenant: str | None
    limit: int
    after: Place | None


def request_id_of(request: web.Request) -> str:
    """The id in the path; raises ProblemError for what can be none."""
    text = request.match_info["id"]
    if not NAME.fullmatch(text):
        raise ProblemError(400, [Fault("id", text, NAME_RULE)])
    return text


def filter_of(request: web.Request) -> Filter:
    """The filter that the query says; raises ProblemError naming every fault."""
    query, faults = _query(request, ("status", "tenant", "limit", "cursor"))
    status, tenant = query.get("status"), query.get("tenant")
    if status is not None and status not in STATUSES:
        faults.append(Fault("status", status, f"must be one of {', '.join(STATUSES)}"))
    if tenant is not None and not NAME.fullmatch(tenant):
        faults.append(Fault("tenant", tenant, NAME_RULE))
    limit = query.get("limit", str(limits.REQUESTS_LISTED))
    if not NUMBER.fullmatch(limit) or not 1 <= int(limit) <= limits.CONSOLE_LISTED_MAX:
        rule = f"must be a number from 1 to {limits.CONSOLE_LISTED_MAX}"
        faults.append(Fault("limit", limit, rule))
    cursor = query.get("cursor")
    if cursor is not None and not CURSOR.fullmatch(cursor):
        faults.append(Fault("cursor", cursor, "must be taken from `next` of an earlier answer"))
    if faults:
        raise ProblemError(400, faults)
    return Filter(status, tenant, int(limit), None if cursor is None else _place(cursor))


def next_page(wanted: Filter, last: Place) -> str:
    """The path of the list's next page, behind the last request of this one."""
    cursor = f"{last.recorded_at_us}-{last.request_id}"
    kept = {"status": wanted.status, "tenant": wanted.tenant, "limit": wanted.limit}
    query = {name: value for name, value in kept.items() if value is not None}
    return f"/analyses?{urlencode({**query, 'cursor': cursor})}"


def _place(cursor: str) -> Place:
    recorded_at_us, _, request_id = cursor.partition("-")
    return Place(int(recorded_at_us), request_id)


def offered_forms() -> tuple[str, ...]:
    """The forms that results have here."""
    return FORMS if can_write_parquet() else FORMS[:-1]


def wanted_form(request: web.Request) -> Form:
    """The form of a result that is wanted; raises ProblemError for one that there is not."""
    query, faults = _query(request, ("format", "rows"))
    form, rows = query.get("format", "json"), query.get("rows", "pairs")
    if form not in FORMS:
        faults.append(Fault("format", form, f"must be one of {', '.join(FORMS)}"))
    if rows not in ROWS:
        faults.append(Fault("rows", rows, f"must be one of {', '.join(ROWS)}"))
    elif "rows" in query and form not in TABLES:
        faults.append(
            Fault("rows", rows, f"must be left out unless format is {' or '.join(TABLES)}")
        )
    if faults:
        raise ProblemError(400, faults)
    if form == "parquet" and not can_write_parquet():
        raise ProblemError(406, [Fault("format", form, LACKS_EXTRA)])
    return Form(form, cast("Rows", rows))


def nothing_asked(request: web.Request) -> None:
    """Raise ProblemError where a query says something and nothing can be said."""
    _, faults = _query(request, ())
    if faults:
        raise ProblemError(400, faults)


def last_seq(request: web.Request) -> int:
    """The `seq` that the reader has seen last, 0 for none; raises ProblemError for what is none."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if text and not NUMBER.fullmatch(text):
        rule = "must be the id of an event of this stream, a number"
        raise ProblemError(400, [Fault("Last-Event-ID", text, rule)])
    return int(text or 0)


def last_places(request: web.Request) -> dict[int, int]:
    """The next offset of each partition for the reader, empty for one that begins; raises ProblemError as above."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if text and not PLACES.fullmatch(text):
        rule = "must be the id of an event of this stream"
        raise ProblemError(400, [Fault("Last-Event-ID", text, rule)])
    pairs = (each.split("-") for each in text.split(",")) if text else ()
    return {int(partition): int(offset) for partition, offset in pairs}


def places_text(places: Mapping[int, int]) -> str:
    """The next offset of each partition as the id of an event."""
    return ",".join(f"{partition}-{offset}" for partition, offset in sorted(places.items()))


def _query(request: web.Request, names: Sequence[str]) -> tuple[dict[str, str], list[Fault]]:
    """The query's values by name, and a fault for each name that is unknown or said twice."""
    known = (
        f"must be one of {', '.join(names)}"
        if names
        else "must not be given: nothing is chosen here"
    )
    faults = [
        Fault(name, value, known) for name, value in request.query.items() if name not in names
    ]
    faults += [
        Fault(name, request.query[name], "must be given once")
        for name in names
        if len(request.query.getall(name, [])) > 1
    ]
    return dict(request.query), faults
