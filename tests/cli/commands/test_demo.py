"""The demo shows the whole on one machine, and leaves nothing running however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from streamproc.settings import PREFIX
from tests.local.private import readable_by_others

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def environment(stack_dir: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine on which nothing is set but where data go; nothing may be left running there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    yield {**kept, f"{PREFIX}DATA_DIR": str(stack_dir)}
    assert running_in(stack_dir) == []


def running_in(folder: Path) -> list[str]:
    """What still runs with this folder on its command line or in its environment, waited for a little."""
    end = time.monotonic() + 20
    while True:
        found = [
            " ".join(process.info["cmdline"] or ())
            for process in psutil.process_iter(["pid", "cmdline", "environ"])
            if process.info["pid"] != os.getpid()
            and str(folder) in f"{process.info['cmdline']} {process.info['environ']}"
        ]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


def demo(
    environment: dict[str, str], *arguments: str, folder: Path = Path("/")
) -> subprocess.Popen[str]:
    """The demo, started in this folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "streamproc", "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        umask=0o022,
    )


def test_the_demo_shows_and_writes_a_result_twice(environment: dict[str, str]) -> None:
    for _ in range(2):
        running = demo(environment, "--wallets", "4", "--seed", "3")
        out, err = running.communicate(timeout=150)
        assert running.returncode == 0, err
        assert "100 % completed" in err
        assert "Pairs, the strongest verdict first" in out
        assert out.count("complete, ") == 4
        files = [
            Path(line.split()[-1]) for line in out.splitlines() if line.endswith((".json", ".html"))
        ]
        assert [path.suffix for path in files] == [".json", ".html"]
        result = json.loads(files[0].read_text("utf-8"))
        assert (result["status"], result["pairs_total"]) == ("completed", 6)
        assert files[1].read_text("utf-8").startswith("<!doctype html>")
        assert "streamproc result" not in err, "nothing runs any more that could answer"
        assert err.splitlines()[-1].endswith(files[1].as_uri())
    assert readable_by_others(Path(environment[f"{PREFIX}DATA_DIR"])) == []


def test_the_demo_tells_in_words_why_pairs_are_more_than_chance(
    environment: dict[str, str],
) -> None:
    out, err = demo(environment).communicate(timeout=150)
    assert "More than chance" in out, err
    assert re.search(r"\d+ of 276 pairs are more than chance \(", out)
    words = " ".join(out.split())
    explains = "season, popularity and company explain"
    assert re.search(rf"\S+ (follows|and) \S+ [^:]*: \d+ shared tokens where {explains}", words)


def test_a_kept_demo_answers_the_commands_that_it_names_until_it_is_stopped(
    environment: dict[str, str], tmp_path: Path
) -> None:
    running = demo(environment, "--wallets", "4", "--keep", folder=tmp_path)
    assert running.stderr is not None
    said: list[str] = []
    for line in running.stderr:
        said.append(line.strip())
        if "Ctrl-C stops all of it" in line:
            break
    console = next(line for line in said if re.fullmatch(r"http://127.0.0.1:\d+/#demo-\w+", line))
    request_id = console.partition("#")[2]
    with urllib.request.urlopen(console.replace("#", "analyses/")) as answer:  # noqa: S310 - http alone
        assert json.load(answer)["status"] == "completed"
    commands = [line.split()[1:] for line in said if line.startswith("streamproc ")]
    assert [command[0] for command in commands] == ["list", "result", "submit", "dlq"]
    for command in (*commands, ["result", request_id, "--format", "csv", "--rows", "trades"]):
        done = subprocess.run(
            [sys.executable, "-m", "streamproc", *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "has changed" not in done.stderr
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert not (tmp_path / ".streamproc" / "env").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_everything_and_ends_with_1(
    environment: dict[str, str], number: signal.Signals
) -> None:
    running = demo(environment)
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("worker"):
            break
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_killed_demo_leaves_nothing_behind(environment: dict[str, str]) -> None:
    running = demo(environment)
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("worker"):
            break
    running.kill()
    running.communicate(timeout=60)


def test_live_needs_a_key_and_wallets(environment: dict[str, str]) -> None:
    missing = demo(environment, "--live", "a", "b")
    _, err = missing.communicate(timeout=60)
    assert (missing.returncode, "STREAMPROC_HELIUS_API_KEY: must be set for --live" in err) == (
        2,
        True,
    )
    unclear = demo(environment, "a", "b")
    _, err = unclear.communicate(timeout=60)
    assert (unclear.returncode, "--live" in err) == (2, True)
