"""Stable names of the group's members, shared out among the workers of one machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault
from streamproc.safety.own_files import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS: Final = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
_FOR_OWNER: Final = 0o600


@contextmanager
def member_name(folder: Path) -> Iterator[str]:
    """The first of worker-1, worker-2 ... that no living process holds in this folder; held while the block runs.

    The kernel lets go of a name when its process ends, however it ends. Containers share a folder by a volume. Raises
    ConfigurationError when the folder cannot be used or all names are held.
    """
    names = [f"worker-{number + 1}" for number in range(limits.WORKERS_OF_A_MACHINE_MAX)]
    for name in names:
        try:
            make_folder(folder)
            handle = os.open(folder / name, _FLAGS, _FOR_OWNER)
        except OSError as error:
            rule = f"must be a folder that can be written: {error.strerror}"
            raise _unusable(folder, rule) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        try:
            yield name
        finally:
            os.close(handle)
        return
    raise _unusable(folder, f"must have a free name: {names[0]} to {names[-1]} are held")


def _unusable(folder: Path, rule: str) -> ConfigurationError:
    return ConfigurationError([Fault("STREAMPROC_WORKER_IDS_DIR", str(folder), rule)])
