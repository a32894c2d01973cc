"""A result in the form that is wanted, a chunk at a time."""

from __future__ import annotations

import asyncio
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Final

import orjson
from aiohttp import web

from streamproc import limits
from streamproc.console.parameters import form_of, request_id_of
from streamproc.console.problems import ProblemError
from streamproc.console.sending import Sending
from streamproc.core.result.pair_columns import unpacked_columns
from streamproc.errors import Fault
from streamproc.report import render_report
from streamproc.report.pairs_csv import csv_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamproc.store import Store

TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "html": "text/html; charset=utf-8",
}
# The report says itself what it may load: its own style and script.
REPORT_POLICY: Final = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Results:
    """The results of completed requests."""

    def __init__(self, store: Store, explorer_url: str | None) -> None:
        """Read this store; links of reports lead to this explorer."""
        self._store, self._explorer_url = store, explorer_url
        self._places = asyncio.Semaphore(limits.CONSOLE_RESULTS)

    async def of_request(self, request: web.Request) -> web.StreamResponse:
        """A request's result as `?format=` says; 304 for whoever has what was made from the same inputs."""
        request_id, form = request_id_of(request), form_of(request)
        digest = await self._store.inputs_digest(request_id)
        if digest is None:
            await self._refuse(request_id)
        headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
        if any(each.value in (digest, "*") for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = TYPES[form]
        if form == "html":
            headers["Content-Security-Policy"] = REPORT_POLICY
        elif form == "csv":
            headers["Content-Disposition"] = f'attachment; filename="{request_id}.csv"'
        response = web.StreamResponse(headers=headers)
        async with self._places:
            chunks = self._chunks(request_id, form)
            first = await anext(chunks)
            await response.prepare(request)
            if request.method != "HEAD":
                send = Sending(request, response)
                await send(first)
                async for chunk in chunks:
                    await send(chunk)
        return response

    async def _refuse(self, request_id: str) -> None:
        """Raise ProblemError that says why there is no result: 404 for nobody's, 409 for one that has none."""
        stored = await self._store.request(request_id)
        if stored is None:
            rule = "must be of a request that was recorded"
            raise ProblemError(404, [Fault("id", request_id, rule)])
        rule = f"must be of a request that has completed; this one is {stored.status}"
        raise ProblemError(409, [Fault("id", request_id, rule)])

    async def _chunks(self, request_id: str, form: str) -> AsyncIterator[bytes]:
        """The result in this form, in pieces."""
        pairs = await self._store.pair_columns(request_id) if form == "csv" else None
        if pairs is not None:
            columns = await asyncio.to_thread(unpacked_columns, pairs)
            async for chunk in _joined(csv_lines(columns.rows())):
                yield chunk
            return
        packed = await self._store.packed_result(request_id)
        if packed is None:  # removed since
            await self._refuse(request_id)
            return
        if form == "json":
            async for chunk in _unpacked(packed):
                yield chunk
            return
        content = await asyncio.to_thread(lambda: orjson.loads(zlib.decompress(packed)))
        if form == "csv":
            async for chunk in _joined(csv_lines(content["pairs"])):
                yield chunk
        else:
            page = await asyncio.to_thread(render_report, content, explorer_url=self._explorer_url)
            yield page.encode()


async def _unpacked(packed: bytes) -> AsyncIterator[bytes]:
    """What zlib has packed, in pieces of bounded size."""
    unpacking = zlib.decompressobj()
    rest = packed
    while not unpacking.eof and (
        chunk := await asyncio.to_thread(unpacking.decompress, rest, limits.CONSOLE_CHUNK_BYTES)
    ):
        yield chunk
        rest = unpacking.unconsumed_tail


async def _joined(lines: Iterator[str]) -> AsyncIterator[bytes]:
    """The lines, many at a time."""
    while chunk := await asyncio.to_thread(
        lambda: "".join(islice(lines, limits.CONSOLE_CHUNK_LINES))
    ):
        yield chunk.encode()
