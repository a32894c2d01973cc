"""Files of our own: read only when nobody else can have written them, and written so that nobody else can read them.

Modes are set whatever the umask: a folder is for its owner, and as root it also lets others pass (not look), because
Postgres then runs as another user.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Final

from dotenv import dotenv_values

from streamproc import limits
from streamproc.errors import StreamprocError

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE: Final = 0o700
_FOR_OWNER: Final = 0o600
_PASSABLE: Final = 0o711
_ROOT: Final = 0  # may write everything anyway
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OPEN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # nobody waits at a pipe


class NotOursError(StreamprocError):
    """A file that somebody else can have written; the sentence says what a file must be instead."""

    code = "misconfigured"


def read_variables(path: Path, *, may_be_roots: bool) -> dict[str, str]:
    """The variables that a file of our own sets, as a shell would read them; none when there is no file.

    Raises NotOursError when the file or its folder belongs to another user, is a link, or can be written by others.
    """
    try:
        text = _read_own(path, may_be_roots=may_be_roots)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise NotOursError(f"can be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotOursError("is text in UTF-8") from None
    found = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in found.items() if value is not None}


def read_secret(path: Path) -> str:
    """The text of a secret's file without the space around it.

    The file may belong to another user (root hands secrets to containers so) and be reached by links, but only its
    owner may write it. Raises NotOursError, OSError, or ValueError for what is no UTF-8.
    """
    with ExitStack() as opened:
        file = _opened(path, _OPEN, opened)
        if _regular(file).st_mode & _OTHERS_WRITE:
            raise NotOursError("only its owner can write")
        return _text(file).strip()


def rule_broken(error: Exception) -> str:
    """What a secret's file must be, in words that quote nothing of it."""
    if isinstance(error, NotOursError):
        return f"must name a file that {error}"
    why = error.strerror if isinstance(error, OSError) and error.strerror else "no text in UTF-8"
    return f"must name a readable file: {why}"


def private_folder(folder: Path, *, lets_pass: bool = False) -> None:
    """Make a folder that nobody else can look into, and close it if it was there and is ours; parents as needed.

    With `lets_pass` root's folders can be passed through. Raises OSError.
    """
    make_folder(folder)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(_PASSABLE if lets_pass and os.geteuid() == _ROOT else _PRIVATE)


def make_folder(folder: Path) -> None:
    """Make a folder and the parents that it needs, private but for root's, which can be passed; what exists stays."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        place.chmod(_PASSABLE if os.geteuid() == _ROOT else _PRIVATE)


def write_private(path: Path, content: bytes) -> None:
    """Put a file there that nobody else can read."""
    with open_private(path) as file:
        file.write(content)


def open_private(path: Path) -> BinaryIO:
    """An empty file to write, which nobody else can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FOR_OWNER)
    os.fchmod(descriptor, _FOR_OWNER)  # it may have been there
    return os.fdopen(descriptor, "wb")


def _read_own(path: Path, *, may_be_roots: bool) -> str:
    """The text of a file of ours, in a folder in which nobody else can put another in its place."""
    with ExitStack() as opened:
        folder = _opened(path.parent, _OPEN | os.O_DIRECTORY | os.O_NOFOLLOW, opened)
        found = os.fstat(folder)
        if not found.st_mode & stat.S_ISVTX:  # as /tmp is: nobody can replace there what is ours
            _check(found, "lies in a folder that ", {os.geteuid(), _ROOT})
        file = os.open(path.name, _OPEN | os.O_NOFOLLOW, dir_fd=folder)
        opened.callback(os.close, file)
        _check(_regular(file), "", {os.geteuid(), _ROOT} if may_be_roots else {os.geteuid()})
        return _text(file)


def _check(found: os.stat_result, where: str, owners: set[int]) -> None:
    """Raise NotOursError unless it belongs to one of these users and nobody else can write it."""
    if found.st_uid not in owners or found.st_mode & _OTHERS_WRITE:
        raise NotOursError(f"{where}belongs to you and nobody else can write")


def _opened(path: Path, flags: int, opened: ExitStack) -> int:
    """A descriptor that is closed with the stack."""
    descriptor = os.open(path, flags)
    opened.callback(os.close, descriptor)
    return descriptor


def _regular(file: int) -> os.stat_result:
    """What an open file is; raises NotOursError for a folder, a pipe or a device."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise NotOursError("is an ordinary file")
    return found


def _text(file: int) -> str:
    """The file's text; raises NotOursError for more than any settings need."""
    raw = os.read(file, limits.SETTINGS_FILE_MAX_BYTES + 1)
    if len(raw) > limits.SETTINGS_FILE_MAX_BYTES:
        raise NotOursError(f"has at most {limits.SETTINGS_FILE_MAX_BYTES} bytes")
    return raw.decode("utf-8")
