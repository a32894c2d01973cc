"""One server process under its guard: started, watched while it starts, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from streamproc import limits
from streamproc.errors import StreamprocError
from streamproc.local import guard
from streamproc.safety.own_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

OURS_ALONE = 0o077  # whatever a server writes is for its own user
LOG_TAIL_CHARACTERS = 1500  # of a dead server's log, enough for the sentence that says why


class LocalStackError(StreamprocError):
    """An embedded server did not start, or ended while it was needed."""


class Owner(NamedTuple):
    """The user and group to run a server as."""

    uid: int
    gid: int


class Guarded:
    """A running server; it ends with this process whatever happens to this process.

    It runs in `folder`. `keep_open` are file descriptors that stay open until the server is gone (its folder's lock).
    Its output goes to `log`; the output of the run before is beside it with `.before` added.
    """

    def __init__(
        self,
        name: str,
        program: Sequence[str | Path],
        *,
        log: Path,
        owner: Owner | None = None,
        keep_open: Sequence[int] = (),
        folder: Path | str = "/",
    ) -> None:
        self.name = name
        self.log = log
        self._pid_file = log.with_suffix(".pid")
        self._pid_file.unlink(missing_ok=True)
        if log.exists():
            log.chmod(0o600)
            log.replace(log.with_name(f"{log.name}.before"))
        whom = f"{owner.uid}:{owner.gid}" if owner else guard.NOBODY_ELSE
        grace_s = str(limits.SERVER_GRACE_S)
        with open_private(log) as output:
            self._guard = subprocess.Popen(  # noqa: S603 - our own program
                # Isolated and without site packages: small, and nothing in the environment changes it.
                [
                    sys.executable,
                    "-I",
                    "-S",
                    guard.__file__,
                    self._pid_file,
                    grace_s,
                    whom,
                    *program,
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
                pass_fds=tuple(keep_open),
                umask=OURS_ALONE,
            )

    @property
    def pid(self) -> int | None:
        """The server's own process id, None before it is known."""
        try:
            return int(self._pid_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    @property
    def is_running(self) -> bool:
        """True until the server has ended."""
        return self._guard.poll() is None

    def output(self) -> str:
        """All that the server has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Return when `is_ready`; raise LocalStackError when the server ends first or takes too long."""
        end = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running:
                raise LocalStackError(f"{self.name} ended while starting; {self._last_words()}")
            if time.monotonic() > end:
                self.stop()
                raise LocalStackError(
                    f"{self.name} was not ready after {timeout_s:g} s; {self._last_words()}"
                )
            time.sleep(limits.SERVER_POLL_S)

    def stop(self) -> None:
        """End the server cleanly; killed when it takes longer than the grace. Harmless when it has ended."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()

    def kill(self) -> None:
        """End the server as kill -9 does."""
        pid = self.pid
        if pid is not None and self.is_running:
            os.kill(pid, signal.SIGKILL)
        self.stop()

    def _last_words(self) -> str:
        """Where the log is and how it ends."""
        return f"its log {self.log} ends with: {self.output()[-LOG_TAIL_CHARACTERS:].strip()}"
