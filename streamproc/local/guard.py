"""Run one program for exactly as long as our parent lives.

Started as `python -I -S guard.py PID_FILE GRACE_S OWNER PROGRAM ARGS...`, its standard input a pipe from the parent.
The end of that pipe means that the parent is gone, even by kill -9; then, or on SIGTERM, the program gets SIGINT (a
clean end for a JVM, a fast stop for Postgres) and, after the grace, SIGKILL. The guard imports nothing of streamproc,
so that it stays small and starts at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOBODY_ELSE = "-"  # in the place of OWNER: run the program as ourselves


def main(arguments: list[str]) -> int:
    """Run the program to its end and return its exit code, 128 + N when signal N ended it."""
    pid_file, grace_s, owner, *program = arguments
    # A shell's background job inherits an ignored SIGINT, and the JVM would keep ignoring it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen(  # noqa: S603 - what the parent asks for
        program,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 - no thread runs yet
        **_identity(owner),
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business

    def end() -> None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(float(grace_s))
        except subprocess.TimeoutExpired:
            child.kill()

    def end_when_parent_is_gone() -> None:
        while os.read(0, 4096):
            pass
        end()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end).start())
    threading.Thread(target=end_when_parent_is_gone, daemon=True).start()
    _write(Path(pid_file), str(child.pid))  # last: who reads it may tell us to end
    code = child.wait()
    return code if code >= 0 else 128 - code


class Identity(TypedDict, total=False):
    """The part of Popen's arguments that changes the user; nothing: stay who one is."""

    user: int
    group: int
    extra_groups: list[int]


def _identity(owner: str) -> Identity:
    """The part of Popen's arguments that changes the user; `owner` is UID:GID or `-`."""
    if owner == NOBODY_ELSE:
        return {}
    uid, gid = map(int, owner.split(":"))
    return {"user": uid, "group": gid, "extra_groups": []}


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the program: ask Linux for SIGINT should the guard itself be killed."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - not needed elsewhere

    prctl, guard = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != guard:  # it died before we asked
            os._exit(1)

    return ask


def _write(path: Path, text: str) -> None:
    """Put the whole text there or nothing."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="ascii")
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
