"""`up` in a process of its own: ready for others, and gone without a trace on Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil
import pytest

from streamproc.errors import ConfigurationError
from streamproc.kafka import admin
from streamproc.local.stack import LocalStack
from streamproc.local.up import env_lines, prepared_stack, written
from streamproc.settings import load_settings
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPOLOGY = read_topology()
UP = """
import asyncio, sys
from contextlib import asynccontextmanager
from pathlib import Path
from streamproc.local.up import run_up
from streamproc.topics import read_topology

@asynccontextmanager
async def sandbox():
    yield {"helius_rpc_url": "http://127.0.0.1:1", "helius_api_key": "sandbox's own"}

def say(sentence):
    print(sentence, flush=True)

asyncio.run(run_up(Path(sys.argv[1]), topology=read_topology(), say=say, sandbox=sandbox()))
"""


@contextmanager
def running_up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`up` with its data and its working folder in `folder`."""
    with subprocess.Popen(
        [sys.executable, "-c", UP, folder / "data"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_until(process: subprocess.Popen[str], beginning: str) -> list[str]:
    """The lines that the process prints up to the one that begins so, which is the last."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if line.startswith(beginning):
            return said
    pytest.fail(f"it ended without {beginning!r}: {said}")


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a shell that has read the file which `up` has written."""
    shell = ["sh", "-c", "set -a; . .streamproc/env; env"]
    done = subprocess.run(shell, capture_output=True, text=True, check=True, cwd=folder, env={})
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_up_is_ready_for_others_and_stops_cleanly(
    stack_dir: Path, number: signal.Signals
) -> None:
    with running_up(stack_dir) as process:
        said_until(process, "Ctrl-C stops everything")
        servers = psutil.Process(process.pid).children(recursive=True)
        settings = load_settings(environment_of(stack_dir))
        names: dict[str, Any] = {"prefix": settings.topic_prefix, "app_id": settings.app_id}
        assert await admin.check(settings.kafka_brokers, TOPOLOGY, **names) == []
        connection = await asyncpg.connect(settings.postgres_dsn.get_secret_value())
        assert await connection.fetchval("SELECT count(*) FROM analyses") == 0
        await connection.close()
        assert settings.helius_rpc_url == "http://127.0.0.1:1"
        assert settings.helius_api_key is not None
        assert settings.helius_api_key.get_secret_value() == "sandbox's own"
        process.send_signal(number)
        assert said_until(process, "stopped")[-2:] == ["stopping", "stopped"]
        assert process.wait(20) == 0
    assert servers
    assert psutil.wait_procs(servers, timeout=0)[1] == []
    assert not (stack_dir / ".streamproc" / "env").exists()


@pytest.mark.real
def test_ctrl_c_during_the_start_stops_cleanly(stack_dir: Path) -> None:
    with running_up(stack_dir) as process:
        said_until(process, "starting Kafka")
        servers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said_until(process, "stopped")
        assert process.wait(20) == 0
    assert psutil.wait_procs(servers, timeout=0)[1] == []


@pytest.mark.real
async def test_topics_that_differ_from_the_declaration_end_the_start(stack_dir: Path) -> None:
    first, *others = TOPOLOGY.topics
    changed = first.model_copy(update={"partitions": first.partitions + 1})
    before = TOPOLOGY.model_copy(update={"topics": (changed, *others)})
    names: dict[str, Any] = {"prefix": "", "app_id": "streamproc"}
    async with LocalStack(stack_dir) as stack:
        await admin.apply(stack.bootstrap, before, **names)
    stack = LocalStack(stack_dir)
    with pytest.raises(ConfigurationError, match=f"{first.name} partitions: must be 4"):
        async with prepared_stack(stack, topology=TOPOLOGY, say=lambda _: None, **names):
            pytest.fail("it must not start")
    assert stack.broker.pid is None


def test_settings_with_spaces_and_quotes_survive_a_shell(tmp_path: Path) -> None:
    values = {"postgres_dsn": "postgresql://u@/d?host=/a b", "app_id": "it's"}
    (tmp_path / ".streamproc").mkdir()
    (tmp_path / ".streamproc" / "env").write_text(env_lines({**values, "topic_prefix": ""}))
    found = environment_of(tmp_path)
    assert {name: value for name, value in found.items() if name.startswith("STREAMPROC_")} == {
        f"STREAMPROC_{name.upper()}": value for name, value in values.items()
    }


def test_the_settings_file_is_private_and_goes_with_the_block(tmp_path: Path) -> None:
    file = tmp_path / "new" / "env"
    with written(file, "A=1\n"):
        assert file.read_text() == "A=1\n"
        assert file.stat().st_mode & 0o077 == 0
        assert [path.name for path in file.parent.iterdir()] == ["env"]
    assert not file.exists()


def test_a_settings_file_that_another_has_replaced_is_left(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with written(file, "A=1\n"):
        file.write_text("A=2\n")
    assert file.read_text() == "A=2\n"
