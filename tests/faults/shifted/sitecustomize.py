"""On the path of a worker under test: its wall clock is off by the seconds that a file says at the moment."""

from __future__ import annotations

import os
import time
from pathlib import Path

_FILE = Path(os.environ["CLOCK_OFF_BY"])
_LOOK_S = 0.2
_true_ns = time.time_ns
_seen = [0.0, 0.0]  # when the file was last read, on the monotonic clock, and what it said


def off_by_s() -> float:
    """How far the clock is off now, seconds."""
    now = time.monotonic()
    if now - _seen[0] > _LOOK_S:
        _seen[:] = [now, float(_FILE.read_text())]
    return _seen[1]


def shifted_ns() -> int:
    """Unix nanoseconds of a wrong clock."""
    return _true_ns() + int(off_by_s() * 1e9)


time.time_ns = shifted_ns
time.time = lambda: shifted_ns() / 1e9
