"""What operators see is true: every documented metric after its thing happened, readiness, one line for each end."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamproc.local.stack import LocalStack
from streamproc.store.postgres.migrate import migrate
from tests.flow.conftest import changed, served, upstream_settings
from tests.flow.installation import KEY, installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.service.server import Sandbox
    from streamproc.sandbox.world.world import World
    from tests.flow.installation import Installation

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(280)]

TABLE = Path(__file__).parents[3] / "docs" / "operations.md"
JSON = {"STREAMPROC_LOG_FORMAT": "json"}


class Samples:
    """The samples of one reading of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.all = [
            each for family in text_string_to_metric_families(text) for each in family.samples
        ]

    def of(self, name: str, **labels: str) -> list[float]:
        """The values of these samples."""
        return [s.value for s in self.all if s.name == name and labels.items() <= s.labels.items()]

    def total(self, name: str, **labels: str) -> float:
        """Their sum."""
        return sum(self.of(name, **labels))


def documented() -> dict[str, set[str]]:
    """Each metric of the page's table, with its labels."""
    rows = [
        line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| `streamproc_")
    ]
    found = re.findall(r"`(streamproc_[a-z_]+)(?:\{([a-z_, ]+)\})?`", "\n".join(rows))
    return {name: set(filter(None, re.split(r",\s*", labels))) for name, labels in found}


async def readings(installation: Installation, number: int = 0) -> Samples:
    """What a worker says of itself now."""
    return Samples(await installation.metrics(number))


async def ready(installation: Installation, number: int = 0) -> tuple[int, list[str]]:
    """The worker's readiness: the status, and what keeps it from working."""
    found = re.search(r"health and metrics at (http://[^\s\"]+)", installation.log(number))
    assert found is not None
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(f"{found[1]}/healthz/ready")
    return answer.status_code, answer.json().get("why", [])


async def within(seconds: float, holds: Callable[[], Any], what: str) -> None:
    """Return when it holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await holds():
            return
        await asyncio.sleep(0.3)
    raise AssertionError(what)


def lines(installation: Installation, number: int = 0) -> list[dict[str, Any]]:
    """The log lines of a worker that speaks JSON."""
    return [
        json.loads(line) for line in installation.log(number).splitlines() if line.startswith("{")
    ]


async def test_every_documented_metric_tells_what_happened(
    installation: Installation, sandbox: Sandbox, wallets: list[str]
) -> None:
    await installation.ready_worker(**JSON)
    for number in range(4):
        pair = wallets[2 * number : 2 * number + 2]
        with changed(sandbox, latency_s=0.2):
            await installation.request(f"good-{number}", pair)
            await installation.request(f"good-{number}", pair)  # while it runs
            await installation.ending(f"good-{number}")
    for number in range(4):  # and after its end
        await installation.request(f"good-{number}", wallets[2 * number : 2 * number + 2])
    await installation.until(
        lambda: len(installation.of("analysis-completed", "good-3")) > 1, "no second answer"
    )
    late = installation.of("wallet-analyzed", "good-0")[0]
    await installation.send("wallet-analyzed", "good-0", late.value)
    await installation.send("analysis-requested", "x", b"no json")
    await installation.until(lambda: installation.of("dead-letters"), "no dead letter")

    async def is_counted() -> bool:
        return (await readings(installation)).total("streamproc_late_parts_dropped_total") > 0

    await within(10, is_counted, "the late part is not counted")
    seen = await readings(installation)
    assert seen.total("streamproc_request_duration_seconds_count") == 4
    assert seen.total("streamproc_requests_total", outcome="completed") == 4
    assert 0 < seen.total("streamproc_request_duration_seconds_sum") < 240
    await store_away_and_back(installation, wallets[:2])
    seen = await readings(installation)
    for name, labels in documented().items():
        kinds = [name, f"{name}_count"]
        found = [each for each in seen.all if each.name in kinds]
        assert found, f"{name} has no sample:\n{seen.text}"
        assert all(set(each.labels) == labels for each in found), name
        if name.endswith("_total"):
            assert sum(each.value for each in found) > 0, f"nothing is counted as {name}"
    await all_has_ended(installation)
    check_lines(installation)
    assert KEY not in installation.log(0) + seen.text


async def store_away_and_back(installation: Installation, pair: list[str]) -> None:
    """Postgres is away for longer than ten seconds: not ready, then ready, and nothing is lost."""
    parts = urlsplit(installation.environment["STREAMPROC_POSTGRES_DSN"])
    name = parts.path.lstrip("/")
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        await server.execute(f"ALTER DATABASE {name} RENAME TO {name}x")
        await installation.request("later", pair, max_age_s=3600)

        async def is_unready() -> bool:
            status, why = await ready(installation)
            return status == 503 and any("Postgres has not answered" in each for each in why)

        await within(25, is_unready, "still ready without Postgres")
    finally:
        await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", f"{name}x"
        )
        await server.execute(f"ALTER DATABASE {name}x RENAME TO {name}")
        await server.close()
    assert (await installation.ending("later"))["status"] == "completed"
    assert installation.workers[0].poll() is None

    async def is_ready() -> bool:
        return await ready(installation) == (200, [])

    await within(15, is_ready, "not ready with Postgres again")


async def all_has_ended(installation: Installation) -> None:
    """Nothing is awaited and nothing waits any more."""

    async def is_quiet() -> bool:
        seen = await readings(installation)
        waiting = seen.total("streamproc_join_waiting") + seen.total("streamproc_lag_records")
        return waiting + seen.total("streamproc_records_in_flight") == 0

    await within(30, is_quiet, "something still waits")


def check_lines(installation: Installation) -> None:
    """Each end is one line with its fields; each line has a time and what it is about."""
    said = lines(installation)
    ends = [each for each in said if "outcome" in each]
    assert sorted(each["request_id"] for each in ends) == [
        "good-0",
        "good-1",
        "good-2",
        "good-3",
        "later",
    ]
    for each in ends:
        assert each["outcome"] == "completed"
        assert each["duration_s"] > 0
        assert each["credits"] >= 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["time"])
    (letter,) = [each for each in said if each["message"].startswith("dead letter")]
    assert letter["topic"] == f"{installation.prefix}analysis-requested"
    assert {"partition", "offset"} <= set(letter)


async def test_lag_is_told_while_records_are_not_worked_off_and_gone_afterwards(
    installation: Installation, sandbox: Sandbox, wallets: list[str]
) -> None:
    await installation.ready_worker()
    with changed(sandbox, latency_s=4.0):
        for number in range(20):
            await installation.request(f"slow-{number}", wallets[:2], max_age_s=0)

        async def is_told() -> bool:
            return (await readings(installation)).total("streamproc_lag_records") > 0

        await within(15, is_told, "no lag although records wait")
        assert await ready(installation) == (200, [])
        for number in range(20):
            await installation.send(
                "analysis-cancel-requested", f"slow-{number}", {"request_id": f"slow-{number}"}
            )
        for number in range(20):
            await installation.ending(f"slow-{number}", 60)
    await all_has_ended(installation)
    seen = await readings(installation)
    ended = seen.total("streamproc_requests_total")
    assert ended == seen.total("streamproc_request_duration_seconds_count") == 20


async def test_without_kafka_a_worker_is_not_ready_and_goes_on(
    world: World, stack_dir: Path, tmp_path: Path
) -> None:
    stack = LocalStack(stack_dir)
    await asyncio.to_thread(stack.start)
    try:
        await migrate(stack.dsn)
        with served(world) as sandbox:
            async with installed(
                broker=stack.bootstrap,
                dsn=stack.dsn,
                prefix="",
                upstream=upstream_settings(sandbox),
                folder=tmp_path,
            ) as installation:
                await first_start(installation, world.addresses[:2])
                await both_stop_and_come_back(installation, stack)
                await installation.request("after", world.addresses[2:4])
                assert (await installation.ending("after"))["status"] == "completed"
                assert installation.workers[0].poll() is None
    finally:
        await asyncio.to_thread(stack.stop)


async def first_start(installation: Installation, pair: list[str]) -> None:
    """A first start on a fresh broker works and alarms nobody."""
    await installation.ready_worker(**JSON)
    await installation.request("before", pair)
    assert (await installation.ending("before"))["status"] == "completed"
    alarms = [each for each in lines(installation) if each["level"] in {"ERROR", "CRITICAL"}]
    assert alarms == []
    assert await ready(installation) == (200, [])


async def both_stop_and_come_back(installation: Installation, stack: LocalStack) -> None:
    """Kafka and Postgres stop, as `up` does on Ctrl-C, and are started again."""
    await asyncio.to_thread(stack.broker.stop)
    await asyncio.to_thread(stack.postgres.stop)

    async def is_unready() -> bool:
        status, why = await ready(installation)
        return status == 503 and {each.split(" ")[0] for each in why} >= {"Kafka", "Postgres"}

    await within(30, is_unready, "still ready without Kafka and Postgres")
    assert installation.workers[0].poll() is None
    await asyncio.to_thread(stack.postgres.start)
    await asyncio.to_thread(stack.broker.start)

    async def is_ready() -> bool:
        return await ready(installation) == (200, [])

    await within(60, is_ready, "not ready although both are there again")
    assert installation.workers[0].poll() is None
