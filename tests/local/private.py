"""What other users could read below a folder: not what the mode of one file says, but what they really reach."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def readable_by_others(folder: Path) -> list[str]:
    """All files and folders below that another user can read; a folder that cannot be passed hides what is in it."""
    found = []
    for path in folder.iterdir():
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            if mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
                found.append(str(path))
            if mode & (stat.S_IXGRP | stat.S_IXOTH):
                found += readable_by_others(path)
        elif stat.S_ISREG(mode) and mode & 0o077:
            found.append(str(path))
    return found
