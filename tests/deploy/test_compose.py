"""Workers of the compose file scale: nothing in it is one worker's own, and two run as it starts them."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from streamproc.errors import ConfigurationError
from streamproc.settings import load_settings
from tests.checkout.test_containers import COMPOSE, ROOT
from tests.flow.installation import installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SERVICES: dict[str, Any] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
PASSWORDS = {"POSTGRES_PASSWORD": "any", "STREAMPROC_WORKER_PASSWORD": "any"}
SCRAPED = yaml.safe_load((ROOT / "deploy/monitoring/prometheus.yaml").read_text("utf-8"))


def interpolated(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """A service's environment, its variables replaced as compose does."""

    def value_of(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        assert name in given or how != "?", f"compose refuses to start without {name}"
        return given.get(name) or (rest if how == "-" else "")

    environment: dict[str, Any] = SERVICES[service]["environment"]
    return {name: VARIABLE.sub(value_of, str(value)) for name, value in environment.items()}


def test_nothing_keeps_a_second_worker_from_starting() -> None:
    worker = SERVICES["worker"]
    assert "container_name" not in worker
    assert "STREAMPROC_WORKER_ID" not in worker["environment"]
    assert not [name for name in SERVICES if "worker" in str(SERVICES[name].get("network_mode"))]
    (port,) = worker["ports"]
    found = re.fullmatch(r"127\.0\.0\.1:(\d+)-(\d+):8080", port)
    assert found is not None
    assert int(found[2]) - int(found[1]) >= 3


def test_no_two_services_open_one_port() -> None:
    taken: list[int] = []
    for service in SERVICES.values():
        for port in service.get("ports", []):
            first, _, last = port.split(":")[1].partition("-")
            taken += range(int(first), int(last or first) + 1)
    assert len(taken) == len(set(taken))


def test_every_replica_is_scraped_by_its_own_address() -> None:
    (job,) = SCRAPED["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    _, _, port = SERVICES["worker"]["ports"][0].rpartition(":")
    assert (found["names"], found["type"], found["port"]) == (["worker"], "A", int(port))
    assert SERVICES["worker"]["environment"]["STREAMPROC_HTTP_BIND"] == f"0.0.0.0:{port}"


def test_the_file_as_it_is_leads_to_the_stand_in() -> None:
    settings = load_settings(interpolated("worker", PASSWORDS))
    assert settings.helius_rpc_url == settings.dexscreener_url == "http://sandbox:8090"
    assert "sandbox" in SERVICES


def test_a_key_of_ones_own_is_not_sent_to_the_stand_in() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            interpolated("worker", {**PASSWORDS, "STREAMPROC_HELIUS_API_KEY": "mine-4c1"})
        )
    assert "STREAMPROC_HELIUS_RPC_URL: must be https" in str(caught.value)
    assert "mine-4c1" not in str(caught.value)


@contextmanager
def stand_in(host: str) -> Iterator[tuple[int, list[str]]]:
    """The sandbox as the compose file starts it, at any free port; the port, and who lives in its world."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = int(free.getsockname()[1])
    words = [word if word != "8090" else str(port) for word in SERVICES["sandbox"]["command"]]
    running = subprocess.Popen(
        [sys.executable, "-m", "streamproc", *words, "--list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        wallets = [running.stdout.readline().strip() for _ in range(10)]
        assert httpx.get(f"http://{host}:{port}/sandbox/counters").status_code == 200
        yield port, wallets
    finally:
        running.terminate()
        running.communicate()


@pytest.mark.real
@pytest.mark.slow
async def test_two_workers_side_by_side_share_the_work_and_come_back_under_their_names(
    broker: str, store_dsn: str, topic_prefix: str, tmp_path: Path
) -> None:
    host = socket.gethostname()
    try:
        socket.getaddrinfo(host, 80)
    except OSError:
        pytest.skip("this machine does not know its own name")
    with stand_in(host) as (port, wallets):
        given = {name: value.replace("sandbox:8090", f"{host}:{port}") for name, value in
                 interpolated("worker", {**PASSWORDS, "STREAMPROC_UPSTREAM_HOSTS": host}).items()}  # fmt: skip
        here = {
            **given,
            "STREAMPROC_KAFKA_BROKERS": broker,
            "STREAMPROC_POSTGRES_DSN": store_dsn,
            "STREAMPROC_HTTP_BIND": "127.0.0.1:0",
            "STREAMPROC_WORKER_IDS_DIR": str(tmp_path / "names"),
        }
        async with installed(
            broker=broker, dsn=store_dsn, prefix=topic_prefix, upstream=here, folder=tmp_path
        ) as house:
            for _ in range(2):
                await house.ready_worker()
            await house.request("first", wallets)
            assert (await house.ending("first"))["status"] == "completed"
            for number in range(2):
                assert f"this worker is worker-{number + 1}" in house.log(number)
                assert "streamproc_records_total{" in await house.metrics(number)
            house.workers[0].send_signal(signal.SIGKILL)
            house.workers[0].wait()
            await house.ready_worker()
            assert "this worker is worker-1" in house.log(2)
            await house.request("second", wallets[:3])
            assert (await house.ending("second"))["status"] == "completed"
