"""Requests: a list of them, and one with its progress, options and links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from streamproc.console.parameters import (
    filter_of,
    next_page,
    nothing_asked,
    offered_forms,
    request_id_of,
)
from streamproc.console.problems import ProblemError
from streamproc.errors import Fault

if TYPE_CHECKING:
    from streamproc.console.feed import Feed
    from streamproc.json_types import Json
    from streamproc.store import Store, StoredRequest


class Requests:
    """What is known about requests."""

    def __init__(self, store: Store, feed: Feed) -> None:
        """Read the store, and of those that run how far they are from the feed."""
        self._store, self._feed = store, feed

    async def listed(self, request: web.Request) -> web.Response:
        """The requests that the query asks for, the newest first."""
        wanted = filter_of(request)
        found = await self._store.listed(
            status=wanted.status, tenant=wanted.tenant, most=wanted.limit, after=wanted.after
        )
        shown = [
            {
                **each.as_json(_percent(self._latest(each.request_id))),
                "links": _links(each.request_id, each.status),
            }
            for each in found
        ]
        is_full = len(found) == wanted.limit
        return _json(
            {"analyses": shown, "next": next_page(wanted, found[-1].place) if is_full else None}
        )

    async def one(self, request: web.Request) -> web.Response:
        """One request: how it stands, what it asked for, and where more is."""
        nothing_asked(request)
        request_id = request_id_of(request)
        stored = await self._store.request(request_id)
        if stored is None:
            rule = "must be of a request that was recorded"
            raise ProblemError(404, [Fault("id", request_id, rule)])
        progress, failure = self._latest(request_id), None
        if stored.status != "running":
            ending = await self._store.ending(request_id)
            if ending is not None and ending.progress is not None:
                progress = orjson.loads(ending.progress.value)
            if ending is not None and stored.status != "completed":
                failure = orjson.loads(ending.terminal.value)
        return _json(_shown(stored, progress, failure))

    def _latest(self, request_id: str) -> Json | None:
        """The last progress of a request that runs, None when nobody has said any."""
        update = self._feed.latest.get(request_id)
        return None if update is None else orjson.loads(update.value)


def _shown(stored: StoredRequest, progress: Json | None, failure: Json | None) -> Json:
    """A request for programs; `failure` is the terminal record of one that ended without a result."""
    return {
        "request_id": stored.request_id,
        "tenant": stored.tenant,
        "status": stored.status,
        "code": stored.code,
        "requested_at_ms": stored.requested_at_ms,
        "deadline_at": stored.deadline_at,
        "wallets": stored.wallets,
        "repeats_dropped": stored.repeats_dropped,
        "options": stored.options,
        "progress": progress,
        "failure": failure,
        "links": _links(stored.request_id, stored.status),
    }


def _links(request_id: str, status: str) -> dict[str, str]:
    """Where more about a request is; its id is safe in a path."""
    own = f"/analyses/{request_id}"
    found = {"self": own, "events": f"{own}/events"}
    if status == "completed":
        found |= {f"result_{form}": f"{own}/result?format={form}" for form in offered_forms()}
    return found


def _percent(progress: Json | None) -> float | None:
    return None if progress is None else float(progress["percent"])


def _json(content: Json) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json")
