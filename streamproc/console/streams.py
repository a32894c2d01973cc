"""Server-sent events: what a reader has missed, then what happens, without gap or repeat."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from streamproc import limits
from streamproc.console.feed import CutError
from streamproc.console.parameters import (
    last_places,
    last_seq,
    nothing_asked,
    places_text,
    request_id_of,
)
from streamproc.console.problems import ProblemError
from streamproc.console.sending import Sending
from streamproc.console.update import PROGRESS, update_of
from streamproc.errors import Fault, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamproc.console.feed import Feed, Subscription
    from streamproc.console.past import PastReader
    from streamproc.console.update import Update
    from streamproc.serde import Codec
    from streamproc.store import Store, StoredRequest

log = logging.getLogger(__name__)
HEADERS: Final = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
HEARTBEAT: Final = b": \n\n"


class Streams:
    """The event streams of the console."""

    def __init__(self, store: Store, feed: Feed, past: PastReader, codec: Codec) -> None:
        """Take what is missed from the topics and the store, and what happens from the feed."""
        self._store, self._feed, self._past = store, feed, past
        self._event = codec.topology.by_event[PROGRESS.__name__].name

    async def of_request(self, request: web.Request) -> web.StreamResponse:
        """One request's progress, each `seq` once, and the updates of its wallets; ends with the terminal record.

        204 for a reader who has seen that one: a browser then asks no more.
        """
        nothing_asked(request)
        request_id, seen = request_id_of(request), last_seq(request)
        stored = await self._store.request(request_id)
        if stored is None:
            rule = "must be of a request that was recorded"
            raise ProblemError(404, [Fault("id", request_id, rule)])
        kept = await self._kept(stored)
        if stored.status != "running" and seen >= max(kept, default=0):
            return web.Response(status=204)
        with self._feed.subscribed(request_id) as subscription:
            return await _streamed(
                request, lambda response: self._follow(response, stored, seen, subscription)
            )

    async def of_all(self, request: web.Request) -> web.StreamResponse:
        """All requests' progress; the id of an event is the next offset of each partition."""
        nothing_asked(request)
        places = last_places(request)
        with self._feed.subscribed(None) as subscription:
            return await _streamed(
                request, lambda response: self._follow_all(response, places, subscription)
            )

    async def _kept(self, stored: StoredRequest) -> dict[int, Update]:
        """The progress that the store keeps of a request that has ended, by `seq`."""
        if stored.status == "running":
            return {}
        values = await self._store.progress_kept(stored.request_id)
        updates = [update_of(value, self._event) for value in values]
        return {each.seq: each for each in updates}

    async def _follow(
        self, send: Sending, stored: StoredRequest, seen: int, subscription: Subscription
    ) -> None:
        """Send what lies on the topics or in the store, then what comes, up to the terminal record."""
        past = await self._past.of_request(stored.request_id, stored.requested_at_ms)
        kept = await self._kept(stored)
        missed = {**kept, **past.progress}
        frames = [each.frame(None) for each in past.wallets.values()]
        for seq in sorted(seq for seq in missed if seq > seen):
            frames.append(missed[seq].frame(str(seq)))
            seen = seq
        if frames:
            await send(b"".join(frames))
        if stored.status != "running" or any(each.is_terminal for each in missed.values()):
            return
        async for updates in _live(send, subscription):
            for update in updates:
                if not update.seq:
                    await send(update.frame(None))
                elif update.seq > seen:
                    seen = update.seq
                    await send(update.frame(str(seen)))
                    if update.is_terminal:
                        return

    async def _follow_all(
        self, send: Sending, places: dict[int, int], subscription: Subscription
    ) -> None:
        """Send all progress from these offsets on, or from now on."""
        at = dict(places or subscription.places)
        if places:
            async for update in self._past.of_all(at):
                await _send_once(send, update, at)
        # An id alone: who is cut off before anything happens goes on from here.
        await send(f"id: {places_text(at)}\n\n".encode())
        async for updates in _live(send, subscription):
            for update in updates:
                await _send_once(send, update, at)


async def _send_once(send: Sending, update: Update, at: dict[int, int]) -> None:
    """Send an update that lies at or behind the reader's place, and move that on."""
    if update.offset >= at.get(update.partition, 0):
        at[update.partition] = update.offset + 1
        await send(update.frame(places_text(at)))


async def _live(send: Sending, subscription: Subscription) -> AsyncIterator[list[Update]]:
    """What comes, as it comes; a heartbeat where nothing does."""
    while True:
        updates = await subscription.take(limits.CONSOLE_HEARTBEAT_S)
        if updates:
            yield updates
        else:
            await send(HEARTBEAT)


async def _streamed(
    request: web.Request, follow: Callable[[Sending], Awaitable[None]]
) -> web.StreamResponse:
    """An event stream with what `follow` sends; whatever ends it early, the reader asks again."""
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    send = Sending(request, response)
    try:
        await send(f"retry: {limits.CONSOLE_RETRY_MS}\n\n".encode())
        await follow(send)
    except CutError:
        log.debug("a reader of %s was cut off", request.path)
    except (TransientError, msgspec.MsgspecError) as error:
        log.warning("%s broke off: %s", request.path, error)
    return response
