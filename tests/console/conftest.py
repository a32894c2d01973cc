"""What tests of the console share: topics and a store of their own, the console before them, and readers of streams."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import orjson
import pytest
import pytest_asyncio

from streamproc.cli.shared.kafka_clients import producing
from streamproc.cli.shared.records import codec_for, now_ms, send_record
from streamproc.console.server import serve_console
from streamproc.events import AnalysisFailed, AnalysisProgressed, WalletProgressed
from streamproc.kafka import admin
from streamproc.settings import Settings
from streamproc.store import Decision, NewRequest, open_store
from streamproc.topics import read_topology
from tests.conftest import _database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.events import Event
    from tests.conftest import Servers

ENDS_WITHIN_S = 60.0
NEW = NewRequest("r-0", b"d", "t/0/0", ["a", "b"], {"max_pairs": 7}, 0, 2_000_000_000)


class Received(NamedTuple):
    """A server-sent event as a browser sees it."""

    event: str
    id: str | None
    data: dict[str, Any]


@dataclass
class House:
    """Topics and a store; what workers would do is done by hand."""

    settings: Settings

    async def say(self, *events: Event) -> None:
        """Publish events."""
        codec = codec_for(self.settings)
        async with producing(self.settings) as producer:
            for event in events:
                await send_record(producer, codec.encode(event, time_ms=now_ms()))

    async def record(self, request_id: str, **other: Any) -> None:  # noqa: ANN401 - of any column
        """Record a request."""
        dsn = self.settings.postgres_dsn.get_secret_value()
        async with open_store(dsn, pool_size=1) as store:
            new = replace(NEW, request_id=request_id, requested_at_ms=now_ms(), **other)
            await store.record_request(new)

    async def fail(self, request_id: str, last: AnalysisProgressed) -> None:
        """End a request without a result; nothing is published."""
        failed = AnalysisFailed(
            request_id=request_id,
            status="failed",
            code="wallets_failed",
            message="m <script>",
            wallets_failed=[],
            faults=[],
            at=1,
        )
        codec = codec_for(self.settings)
        records = codec.encode(failed, time_ms=1), codec.encode(last, time_ms=1)
        async with open_store(self.settings.postgres_dsn.get_secret_value(), pool_size=1) as store:
            await store.decide([Decision(request_id, "failed", "wallets_failed", *records)])

    @asynccontextmanager
    async def console(self, **given: object) -> AsyncIterator[httpx.AsyncClient]:
        """The console on any free port, and a client of it."""
        settings = Settings.model_validate(
            {**self.settings.model_dump(), "console_bind": "127.0.0.1:0", **given}
        )
        pool = httpx.Limits(max_connections=None)
        async with (
            serve_console(settings) as url,
            httpx.AsyncClient(base_url=url, timeout=ENDS_WITHIN_S, limits=pool) as client,
        ):
            yield client


@pytest.fixture
async def house(broker: str, store_dsn: str, topic_prefix: str) -> House:
    """Topics and a store of the test's own, with nothing in them."""
    return await new_house(broker, store_dsn, topic_prefix)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_house(servers: Servers, migrated_template: str) -> AsyncIterator[House]:
    """Topics and a store that all tests of a module look at and none changes."""
    with _database(servers.dsn, template=migrated_template) as dsn:
        yield await new_house(servers.bootstrap, dsn, f"t{uuid.uuid4().hex[:10]}-")


async def new_house(broker: str, dsn: str, prefix: str) -> House:
    """Topics of this prefix, and this store."""
    settings = Settings.model_validate(
        {
            "kafka_brokers": broker,
            "topic_prefix": prefix,
            "postgres_dsn": dsn,
            "app_id": f"{prefix}app",
        }
    )
    await admin.apply(broker, read_topology(), prefix=prefix, app_id=settings.app_id)
    return House(settings)


def progress(request_id: str, seq: int, percent: float = 10, end: str = "") -> AnalysisProgressed:
    """A progress record, the last one with `end`."""
    return AnalysisProgressed(
        request_id=request_id,
        seq=seq,
        stage=end or "syncing",
        percent=100 if end else percent,
        wallets_total=2,
        wallets_done=0,
        wallets_failed=0,
        balances_done=False,
        message=f"step {seq}\nof it",
        terminal=bool(end),
        at=1_700_000_000,
    )


def wallet_progress(request_id: str, wallet: str, fraction: float) -> WalletProgressed:
    """A wallet's progress."""
    return WalletProgressed(
        request_id=request_id, wallet=wallet, transactions=10, fraction=fraction
    )


@asynccontextmanager
async def stream(
    client: httpx.AsyncClient, path: str, last_id: str | None = None
) -> AsyncIterator[AsyncIterator[Received]]:
    """The events of a stream."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[Received]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields or "id" in fields:
            data = orjson.loads(fields.get("data", "{}"))
            yield Received(fields.get("event", ""), fields.get("id"), data)
        fields = {}


async def whole(client: httpx.AsyncClient, path: str, last_id: str | None = None) -> list[Received]:
    """All events of a stream that ends."""
    async with asyncio.timeout(ENDS_WITHIN_S), stream(client, path, last_id) as events:
        return [each async for each in events]


async def first(events: AsyncIterator[Received], count: int) -> list[Received]:
    """The next so many events of a stream."""
    async with asyncio.timeout(ENDS_WITHIN_S):
        return [await anext(events) for _ in range(count)]
