"""One request is one trace: every hop's span is reached from the caller's, and nothing in it is secret."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.flow.conftest import served
from tests.flow.installation import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.sandbox.world.world import World
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.slow]

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WALLETS = 3
CONSUMER, CLIENT = 5, 3


class Received(NamedTuple):
    """One span as a collector gets it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, Any]
    service: dict[str, Any]


class Collector(NamedTuple):
    """Something that spans are sent to, and what came."""

    url: str
    spans: list[Received]
    bodies: list[bytes]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """An OTLP collector in memory."""
    spans: list[Received] = []
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        spans.extend(_spans_in(bodies[-1]))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Collector(f"http://127.0.0.1:{runner.addresses[0][1]}", spans, bodies)
    finally:
        await runner.cleanup()


def _spans_in(body: bytes) -> list[Received]:
    """The spans of one export."""
    export = ExportTraceServiceRequest.FromString(body)
    return [
        Received(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.kind,
            _values(span.attributes),
            _values(resource.resource.attributes),
        )
        for resource in export.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's own
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


class Followed(NamedTuple):
    """What one request left behind: its spans, the result's headers, and what the collector got as bytes."""

    mine: list[Received]
    headers: dict[str, bytes]
    bodies: bytes
    prefix: str


async def followed(open_installation: Opener, world: World) -> Followed:
    """One traced request, by a worker that then ends."""
    async with collecting() as collector:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
            "STREAMPROC_WORKER_ID": "w-1",
        }
        with served(world) as sandbox:
            async with open_installation(sandbox, **settings) as house:
                await house.ready_worker()
                body = {"request_id": "traced", "wallets": world.addresses[:WALLETS]}
                header = {"traceparent": f"00-{TRACE}-{CALLER}-01".encode()}
                await house.send("analysis-requested", "traced", body, header)
                assert (await house.ending("traced"))["status"] == "completed"
                (completed,) = house.of("analysis-completed", "traced")
                await asyncio.to_thread(house.workers[0].send_signal, 15)
                assert await asyncio.to_thread(house.workers[0].wait, 30) == 0
        assert {span.trace_id for span in collector.spans} == {TRACE}, "a span of no request"
        return Followed(
            collector.spans, completed.headers, b"".join(collector.bodies), house.prefix
        )


async def test_one_request_is_one_trace_with_all_hops_connected(
    open_installation: Opener, world: World
) -> None:
    mine, headers, bodies, prefix = await followed(open_installation, world)
    by_id = {span.span_id: span for span in mine}
    assert len(by_id) == len(mine)
    first = [span.name for span in mine if span.parent_id == CALLER]
    assert first == [f"process {prefix}analysis-requested"]
    assert all(span.parent_id in {*by_id, CALLER} for span in mine), "a hop hangs in the air"
    handled = Counter(
        span.name.removeprefix(f"process {prefix}") for span in mine if span.kind == CONSUMER
    )
    assert handled == {
        "analysis-requested": 1,
        "analysis-accepted": 1,
        "wallet-sync": WALLETS,
        "balance-fetch": 1,
        "wallet-analyzed": WALLETS,
        "balances-fetched": 1,
        "analysis-ready": 1,
    }
    check_attributes(mine, world)
    said = by_id[headers["traceparent"].decode().split("-")[2]]
    assert said.name == f"process {prefix}analysis-ready"
    assert by_id[said.parent_id].name == "join parts"
    assert KEY.encode() not in bodies
    assert b"postgresql://" not in bodies


def check_attributes(mine: list[Received], world: World) -> None:
    """Who did what is in the attributes: request, wallet, topic, partition, method, statement, and the worker."""
    assert {s.service["service.name"] for s in mine} == {"streamproc"}
    assert {s.service["service.instance.id"] for s in mine} == {"w-1"}
    assert {s.service["deployment.environment.name"] for s in mine} == {"test"}
    consumed = [span for span in mine if span.kind == CONSUMER]
    assert {s.attributes["streamproc.request_id"] for s in consumed} == {"traced"}
    assert all(s.attributes["messaging.destination.partition.id"].isdigit() for s in consumed)
    syncs = [s for s in consumed if s.attributes["streamproc.agent"] == "sync"]
    assert {s.attributes["streamproc.wallet"] for s in syncs} == set(world.addresses[:WALLETS])
    calls = [span for span in mine if span.kind == CLIENT]
    assert {"200"} == {
        s.attributes.get("streamproc.answer") for s in calls if "rpc.method" in s.attributes
    }
    assert {"postgresql"} == {s.attributes.get("db.system.name") for s in calls} - {None}
    steps = {span.name for span in mine if span.name.startswith("pool ")}
    assert {"pool survey", "pool compared", "pool written"} <= steps
