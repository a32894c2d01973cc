"""Workers that are forked from a process which has imported all they need: each test's are there at once.

What `python -m streamproc worker` spends its first two seconds on is done once; from then on it is the same program,
with its own environment, folder, log and exit code. Tests of the security and of the command line start it anew.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from functools import cache
from importlib import import_module
from multiprocessing import forkserver, util
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORKER: Final = "streamproc.__main__"
PRELOADED: Final = (
    WORKER,
    "streamproc.app",
    "streamproc.cli.commands.serving",
    "streamproc.cli.exits",
)
ROOT: Final = Path(__file__).parents[1]
POOL: Final = "streamproc.agents.shared.pool_worker"
LOOK_S: Final = 0.01  # between two questions whether a worker has ended


class Process(Protocol):
    """A worker's process, started one way or the other."""

    pid: int
    returncode: Any  # int, None while it runs

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal unless it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Forked:
    """A forked worker, with what tests use of `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery
        self._turn = Lock()

    def poll(self) -> int | None:
        with self._turn:  # a process that has ended can be asked for once
            if self.returncode is None:
                self.returncode = self._nursery.ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            time.sleep(LOOK_S)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that workers are forked from; it ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # as a pool's fork server has it
        )
        self._turn = Lock()
        atexit.register(self.close)

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def ask(self, **question: Any) -> int | None:  # noqa: ANN401 - JSON
        """Its answer to one question."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._turn:
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
            answer: int | None = json.loads(stdout.readline())
        return answer

    def start(
        self,
        program: str,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
    ) -> Forked:
        """A process that runs `main` of this module, as `python -m` would; what it writes is added to the log."""
        pid = self.ask(
            program=program,
            arguments=arguments,
            environment=dict(environment),
            folder=str(folder),
            log=str(log),
        )
        assert pid is not None
        return Forked(self, pid)


@cache
def nursery() -> Nursery:
    """The one that all tests of this process share."""
    return Nursery()


def serve() -> None:
    """Fork a process for each line that describes one, and answer whether one has ended."""
    for name in (*PRELOADED, *import_module(POOL).PRELOADED):
        import_module(name)
    gc.freeze()
    while line := sys.stdin.readline():
        question = json.loads(line)
        if "ended" in question:
            found, status = os.waitpid(question["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if found else None
        else:
            answer = os.fork() or become(**question)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def become(
    program: str, arguments: list[str], environment: dict[str, str], folder: str, log: str
) -> NoReturn:
    """Go on as another program."""
    for descriptor, path, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY | os.O_APPEND),
        (2, log, os.O_WRONLY | os.O_APPEND),
    ):
        os.dup2(os.open(path, how), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    gc.unfreeze()
    sys.argv[1:] = arguments
    if program == WORKER:
        start_fork_server()
    module = import_module(program)
    sys.modules["__main__"] = module  # what the processes of the pool look for
    sys.exit(module.main())


def start_fork_server() -> None:
    """Fork what the pool's processes are forked from while there are no threads: what it imports is there."""
    with patch.object(util, "spawnv_passfds", forked):
        forkserver.ensure_running()


def forked(_executable: str, arguments: Sequence[str], passed: Sequence[int]) -> int:
    """The process id of a fork that runs the code of `python -c CODE`; has those descriptors and the first three."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        low = 3
        for kept in (*sorted(passed), os.sysconf("SC_OPEN_MAX")):
            os.closerange(low, kept)
            low = max(low, kept + 1)
        exec(arguments[-1], {})  # noqa: S102 - the library's own code
        code = 0
    except SystemExit:
        code = 0
    except BaseException:  # noqa: BLE001 - this is no copy of the worker: it tells why and ends
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    serve()
