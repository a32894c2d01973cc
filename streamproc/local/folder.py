"""The folder of a stack: one owner at a time, nothing half-made in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault
from streamproc.safety.own_files import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

UNFINISHED = ".unfinished-"


class FolderLock:
    """The right to use a folder, held by this process and by the guards until their servers are gone."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder
        self.descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take()
        except BaseException:
            os.close(self.descriptor)
            raise
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Give the folder up."""
        os.close(self.descriptor)

    def _take(self) -> None:
        """Take the lock, waiting for the servers of a stack that has died; raise when one is alive."""
        end = time.monotonic() + limits.SERVER_GRACE_S + 1
        while not self._taken():
            holder = self._holder()
            if holder is not None or time.monotonic() > end:
                who = f"process {holder}" if holder else "servers of an earlier start"
                rule = f"is used by a running stack ({who}): stop it or name another folder"
                raise ConfigurationError([Fault("STREAMPROC_DATA_DIR", str(self._folder), rule)])
            time.sleep(limits.SERVER_POLL_S)

    def _taken(self) -> bool:
        """True when the lock is now ours."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int | None:
        """The living process that wrote its id into the lock, None when it is gone."""
        text = os.pread(self.descriptor, 32, 0).decode("ascii", "replace")
        if not text.isdigit() or not _is_alive(int(text)):
            return None
        return int(text)


def _is_alive(pid: int) -> bool:
    """True when a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder that becomes `target` when the block ends well, so that `target` is never half-made.

    The block may make it as another user; it is removed when the block raises.
    """
    making = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{UNFINISHED}{target.name}-"))
    try:
        yield making
        making.rename(target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what an interrupted start has left; only for the holder of the folder's lock."""
    for left in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
