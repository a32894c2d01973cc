"""What a worker opens to others: one port, on loopback, that says nothing about wallets and takes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from streamproc.engine.config import EngineConfig
from streamproc.engine.faust.app import GuardedApp
from streamproc.settings import Settings
from tests.flow.installation import KEY, installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.flow.installation import Installation


@pytest.fixture
async def installation(
    broker: str, store_dsn: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """An installation that asks no upstream."""
    async with installed(
        broker=broker, dsn=store_dsn, prefix=topic_prefix, upstream={}, folder=tmp_path
    ) as running:
        yield running


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses on which a process and its children wait for connections."""
    process = psutil.Process(pid)
    found: set[tuple[str, int]] = set()
    for each in (process, *process.children(recursive=True)):
        for connection in each.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                found.add((connection.laddr.ip, connection.laddr.port))
    return sorted(found)


@pytest.mark.real
async def test_a_worker_listens_for_health_and_metrics_only_and_on_loopback(
    installation: Installation,
) -> None:
    worker = await installation.ready_worker()
    shown = re.search(r"health and metrics at http://127\.0\.0\.1:(\d+)", installation.log(0))
    assert shown is not None
    assert listening(worker.pid) == [("127.0.0.1", int(shown[1]))]
    base = f"http://127.0.0.1:{shown[1]}"
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{base}/metrics")).text
        assert KEY not in text
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            for path in ("/healthz/live", "/healthz/ready", "/metrics"):
                assert (await client.request(method, base + path)).status_code == 405
        for path in ("/", "/stats/", "/table/", "/static/../../etc/passwd"):
            assert (await client.get(base + path)).status_code == 404


def test_without_a_setting_it_is_loopback() -> None:
    assert Settings.model_fields["http_bind"].default == "127.0.0.1:8080"


def test_fausts_own_web_server_is_off(tmp_path: Path) -> None:
    app = GuardedApp(
        EngineConfig(brokers="127.0.0.1:1", app_id="a", dead_letters="d", data_dir=tmp_path)
    )
    assert not app.conf.web_enabled
    assert not app.boot_strategy.enable_web
