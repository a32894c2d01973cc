"""Memory that a flood took is given back: the C library keeps what was freed, unless it is told not to."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _trimmer() -> Callable[[int], int] | None:
    """The C library's `malloc_trim`, None where there is none (it is glibc's)."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    found: Callable[[int], int] = trim
    return found


_TRIM = _trimmer()


def give_back() -> None:
    """Return freed memory to the system; takes some milliseconds, so it is for when nothing is under way."""
    if _TRIM is not None:
        _TRIM(0)
