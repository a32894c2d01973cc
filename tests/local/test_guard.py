"""The guard: a program lives exactly as long as the guard's parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from streamproc.local import guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEPER = ["sleep", "600"]
ENDS_WITH_7 = """
import os, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
sys.exit(7)
"""
STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


@contextmanager
def guarded(
    folder: Path, program: list[str], *, grace_s: float = 10
) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """The guard and its running program."""
    pid_file = folder / "program.pid"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, pid_file, str(grace_s), "-", *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            while not pid_file.exists():
                time.sleep(0.01)
            yield process, psutil.Process(int(pid_file.read_text()))
        finally:
            process.kill()


def test_the_program_ends_when_the_parents_pipe_ends(tmp_path: Path) -> None:
    with guarded(tmp_path, SLEEPER) as (process, program):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 128 + signal.SIGINT
        assert not program.is_running()


def test_the_program_ends_when_the_guard_is_told_to(tmp_path: Path) -> None:
    with guarded(tmp_path, SLEEPER) as (process, program):
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGINT
        assert not program.is_running()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_the_program_ends_when_the_guard_itself_is_killed(tmp_path: Path) -> None:
    with guarded(tmp_path, SLEEPER) as (process, program):
        process.kill()
        assert psutil.wait_procs([program], timeout=20)[1] == []


def test_a_program_that_does_not_listen_is_killed_after_the_grace(tmp_path: Path) -> None:
    with guarded(tmp_path, STUBBORN, grace_s=0.2) as (process, program):
        assert process.stdout is not None
        assert process.stdout.readline() == b"deaf\n"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 128 + signal.SIGKILL
        assert not program.is_running()


def test_ctrl_c_in_the_terminal_does_not_reach_the_program(tmp_path: Path) -> None:
    with guarded(tmp_path, SLEEPER) as (process, program):
        process.send_signal(signal.SIGINT)
        assert os.getsid(program.pid) != os.getsid(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert program.is_running()


def test_an_ignored_sigint_is_not_inherited_by_the_program(tmp_path: Path) -> None:
    """A shell starts background jobs with SIGINT ignored; a JVM would then never end cleanly."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with guarded(tmp_path, SLEEPER) as (process, _):
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(20) == 128 + signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_programs_own_end_is_the_guards_end(tmp_path: Path) -> None:
    told = tmp_path / "told"  # it lives until it has been looked at
    with guarded(tmp_path, [sys.executable, "-c", ENDS_WITH_7, str(told)]) as (process, _):
        told.touch()
        assert process.wait(20) == 7
