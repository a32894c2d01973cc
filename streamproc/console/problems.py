"""Answers to what cannot be answered: `application/problem+json` (RFC 9457), each fault with field, value and rule."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from streamproc import limits
from streamproc.console.headers import STARTED
from streamproc.errors import Fault, TransientError
from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)
METHODS = "GET, HEAD"
AWAY_S = "5"  # after which to ask again


class ProblemError(Exception):
    """An answer other than what was asked for."""

    def __init__(
        self, status: int, faults: Sequence[Fault] = (), *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep what the answer says."""
        super().__init__(status)
        self.status = status
        self.faults = faults
        self.headers = headers or {}


def problem(
    status: int,
    faults: Sequence[Fault] = (),
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The answer: a status, and what is wrong; of values only as much as may be seen, controls by their number."""
    said = [
        {
            "field": each.field,
            "value": printable(each.value)[: limits.FAULT_VALUE_MAX_CHARACTERS],
            "rule": each.rule,
        }
        for each in faults
    ]
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status}
    detail = detail or "; ".join(f"{each['field']} {each['rule']}" for each in said)
    if detail:
        content["detail"] = detail
    if said:
        content["faults"] = said
    return web.Response(
        status=status,
        body=orjson.dumps(content),
        headers=dict(headers or {}),
        content_type="application/problem+json",
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem whatever else a handler ends with; once an answer has begun, it only breaks off."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem(error.status, error.faults, headers=error.headers)
    except web.HTTPException as error:
        return _of_router(request, error)
    except TransientError as error:
        if STARTED in request:
            raise
        log.warning("%s was not answered: %s", request.raw_path, error)
        detail = "Postgres or Kafka is away for now; ask again"
        return problem(503, detail=detail, headers={"Retry-After": AWAY_S})
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s was not answered", request.raw_path)
        if STARTED in request:
            raise
        return problem(500, detail="an error that nobody foresaw; the log has it")


def _of_router(request: web.Request, error: web.HTTPException) -> web.Response:
    """What the router refuses: unknown paths and methods."""
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        fault = Fault("method", request.method, f"must be one of {METHODS}")
        return problem(error.status, [fault], headers={"Allow": METHODS})
    if error.status == HTTPStatus.NOT_FOUND:
        rule = "must be /, /state, /dead-letters, /events, /analyses or below /analyses/{id}"
        return problem(error.status, [Fault("path", request.raw_path, rule)])
    return problem(error.status)
