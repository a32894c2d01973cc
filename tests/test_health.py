"""The worker's HTTP surface says whether it lives, whether it is ready, and what it has counted."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from streamproc import metrics
from streamproc.errors import ConfigurationError
from streamproc.health import serve_health


async def fetched(url: str) -> tuple[int, str, str]:
    """Status, content type and text of an answer."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_live_and_ready_follow_what_the_worker_says() -> None:
    state: dict[str, Any] = {"live": True, "why": ["Kafka is away"]}
    async with serve_health("127.0.0.1:0", lambda: state["live"], lambda: state["why"]) as url:
        assert await fetched(f"{url}/healthz/live") == (
            200,
            "application/json",
            '{"status": "live"}',
        )
        assert await fetched(f"{url}/healthz/ready") == (
            503,
            "application/json",
            '{"status": "not ready", "why": ["Kafka is away"]}',
        )
        state.update(live=False, why=[])
        assert (await fetched(f"{url}/healthz/live"))[0] == 503
        assert (await fetched(f"{url}/healthz/ready"))[0] == 200


async def test_metrics_are_what_prometheus_reads() -> None:
    metrics.REQUESTS.labels("completed").inc()
    async with serve_health("127.0.0.1:0", lambda: True, list) as url:
        status, kind, text = await fetched(f"{url}/metrics")
    assert (status, kind) == (200, "text/plain")
    assert 'streamproc_requests_total{outcome="completed"}' in text
    assert "streamproc_join_waiting" in text


async def test_every_metric_is_exposed() -> None:
    async with serve_health("127.0.0.1:0", lambda: True, list) as url:
        text = (await fetched(f"{url}/metrics"))[2]
    for collector in vars(metrics).values():
        name = getattr(collector, "_name", None)
        if name is not None:
            assert f"# HELP {name}" in text


async def test_an_address_in_use_names_the_setting() -> None:
    async with serve_health("127.0.0.1:0", lambda: True, list) as url:
        taken = url.removeprefix("http://")
        with pytest.raises(ConfigurationError, match="STREAMPROC_HTTP_BIND"):
            async with serve_health(taken, lambda: True, list):
                pass


async def test_the_surface_is_gone_after_its_block() -> None:
    async with serve_health("127.0.0.1:0", lambda: True, list) as url:
        pass
    with pytest.raises(aiohttp.ClientConnectionError):
        await fetched(f"{url}/healthz/live")


async def test_nothing_else_is_served() -> None:
    async with serve_health("127.0.0.1:0", lambda: True, list) as url:
        assert (await fetched(f"{url}/"))[0] == 404
