"""`up` and `sandbox` serve in the foreground, say what leads to them, and stop cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from streamproc.settings import PREFIX
from tests.local.private import readable_by_others

if TYPE_CHECKING:
    from pathlib import Path


def started(folder: Path, *arguments: str, **added: str) -> subprocess.Popen[str]:
    """The program in that folder, with no settings but the added ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.Popen(
        [sys.executable, "-m", "streamproc", *arguments],
        env={**kept, **added},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o022,
    )


def until(running: subprocess.Popen[str], words: str) -> list[str]:
    """The lines on standard error up to the one with these words."""
    assert running.stderr is not None
    lines = []
    for line in running.stderr:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines))


def test_a_sandbox_says_where_it_is_and_who_lives_there(tmp_path: Path) -> None:
    running = started(tmp_path, "sandbox", "--wallets", "3", "--list")
    lines = until(running, "HELIUS_PLAN")
    url = next(
        line.partition("=")[2].strip()
        for line in lines
        if line.startswith("STREAMPROC_HELIUS_RPC_URL")
    )
    with urllib.request.urlopen(f"{url}/sandbox/world", timeout=10) as answer:  # noqa: S310 - our own server
        assert answer.status == 200
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=30)
    assert (running.returncode, len(out.split())) == (0, 3)


def test_a_wrong_fault_of_a_sandbox_is_named(tmp_path: Path) -> None:
    running = started(tmp_path, "sandbox", "--fault", "no-such-fault")
    _, err = running.communicate(timeout=30)
    assert (running.returncode, "no-such-fault" in err) == (2, True)


@pytest.mark.real
@pytest.mark.slow
def test_up_writes_the_settings_with_which_other_commands_find_everything(
    tmp_path: Path, stack_dir: Path
) -> None:
    running = started(
        tmp_path, "up", "--sandbox", "--wallets", "2", STREAMPROC_DATA_DIR=str(stack_dir)
    )
    until(running, "Ctrl-C stops everything")
    written = dotenv_values(tmp_path / ".streamproc" / "env")
    assert {
        "STREAMPROC_KAFKA_BROKERS",
        "STREAMPROC_POSTGRES_DSN",
        "STREAMPROC_HELIUS_RPC_URL",
    } <= set(written)
    below = tmp_path / "below"
    below.mkdir()
    doctor = started(below, "doctor", "--upstream")
    out, err = doctor.communicate(timeout=60)
    assert doctor.returncode == 0, out + err
    worker = started(
        below, "worker", STREAMPROC_DATA_DIR=str(stack_dir), STREAMPROC_HTTP_BIND="127.0.0.1:0"
    )
    until(worker, "records flow")
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)
    assert (tmp_path / ".streamproc" / "env").stat().st_mode & 0o077 == 0
    assert readable_by_others(stack_dir) == []
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert not (tmp_path / ".streamproc" / "env").exists()
