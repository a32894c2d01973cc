"""A result in the form that is wanted, a chunk at a time."""

from __future__ import annotations

import asyncio
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Final, Never

import orjson
from aiohttp import web

from streamproc import limits
from streamproc.console.parameters import TABLES, Form, request_id_of, wanted_form
from streamproc.console.problems import ProblemError
from streamproc.console.sending import Sending
from streamproc.core.result.pair_columns import unpacked_columns
from streamproc.errors import Fault
from streamproc.export.csv_form import csv_lines
from streamproc.export.parquet_form import parquet_chunks
from streamproc.export.tables import pairs_table, table_of
from streamproc.report import render_report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamproc.export.table import Table
    from streamproc.export.tables import Rows
    from streamproc.json_types import Json
    from streamproc.store import Store

TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "html": "text/html; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
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
        request_id, form = request_id_of(request), wanted_form(request)
        digest = await self._store.inputs_digest(request_id)
        if digest is None:
            await self._refuse(request_id)
        headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
        if any(each.value in (digest, "*") for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers |= _headers_of(request_id, form)
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

    async def _refuse(self, request_id: str) -> Never:
        """Raise ProblemError that says why there is no result: 404 for nobody's, 409 for one that has none."""
        stored = await self._store.request(request_id)
        if stored is None:
            rule = "must be of a request that was recorded"
            raise ProblemError(404, [Fault("id", request_id, rule)])
        rule = f"must be of a request that has completed; this one is {stored.status}"
        raise ProblemError(409, [Fault("id", request_id, rule)])

    async def _chunks(self, request_id: str, form: Form) -> AsyncIterator[bytes]:
        """The result in this form, in pieces."""
        if form.name in TABLES:
            async for chunk in _written(await self._table(request_id, form.rows), form.name):
                yield chunk
            return
        packed = await self._packed(request_id)
        if form.name == "json":
            async for chunk in _unpacked(packed):
                yield chunk
            return
        content = await asyncio.to_thread(_parsed, packed)
        page = await asyncio.to_thread(render_report, content, explorer_url=self._explorer_url)
        yield page.encode()

    async def _table(self, request_id: str, rows: Rows) -> Table:
        """A table of the result; pairs come from their columns where these are kept."""
        pairs = await self._store.pair_columns(request_id) if rows == "pairs" else None
        if pairs is not None:
            columns = await asyncio.to_thread(unpacked_columns, pairs)
            return pairs_table(columns.rows())
        packed = await self._packed(request_id)
        return table_of(rows, await asyncio.to_thread(_parsed, packed))

    async def _packed(self, request_id: str) -> bytes:
        """The whole result in zlib's form; raises ProblemError when it was removed since."""
        packed = await self._store.packed_result(request_id)
        return await self._refuse(request_id) if packed is None else packed


def _headers_of(request_id: str, form: Form) -> dict[str, str]:
    """What a form says of itself; tables are saved under a name."""
    found = {"Content-Type": TYPES[form.name]}
    if form.name == "html":
        found["Content-Security-Policy"] = REPORT_POLICY
    elif form.name in TABLES:
        name = f"{request_id}-{form.rows}.{form.name}"
        found["Content-Disposition"] = f'attachment; filename="{name}"'
    return found


def _parsed(packed: bytes) -> Json:
    """The result in zlib's form, taken apart."""
    content: Json = orjson.loads(zlib.decompress(packed))
    return content


async def _written(table: Table, form: str) -> AsyncIterator[bytes]:
    """The table in that form, in pieces."""
    chunks = parquet_chunks(table) if form == "parquet" else _joined(csv_lines(table))
    while chunk := await asyncio.to_thread(next, chunks, b""):
        yield chunk


async def _unpacked(packed: bytes) -> AsyncIterator[bytes]:
    """What zlib has packed, in pieces of bounded size."""
    unpacking = zlib.decompressobj()
    rest = packed
    while not unpacking.eof and (
        chunk := await asyncio.to_thread(unpacking.decompress, rest, limits.CONSOLE_CHUNK_BYTES)
    ):
        yield chunk
        rest = unpacking.unconsumed_tail


def _joined(lines: Iterator[str]) -> Iterator[bytes]:
    """The lines, many at a time."""
    while chunk := "".join(islice(lines, limits.CONSOLE_CHUNK_LINES)):
        yield chunk.encode()
