"""A filter for log lines: in an outage Kafka's clients say the same hundreds of times."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGERS = ("aiokafka", "faust", "mode", "streamproc.engine")


class LogRateLimit(logging.Filter):
    """Lets a few equal lines of a window through and counts the others; the next line then says how many there were.

    Equal are lines of one logger and one template, whatever is filled in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, str], list[float]] = {}  # start, passed, held back

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line goes on; other loggers' lines always do."""
        if record.name.partition(".")[0] not in LOGGERS and not record.name.startswith(LOGGERS[-1]):
            return True
        now = self._clock()
        window = self._windows.setdefault((record.name, str(record.msg)), [now, 0, 0])
        if now - window[0] >= limits.LOG_WINDOW_S:
            held = int(window[2])
            window[:] = [now, 0, 0]
            if held:
                record.msg = f"{record.msg} ({held} like this were held back)"
        window[1] += 1
        if window[1] <= limits.LOG_BURST:
            return True
        window[2] += 1
        return False


def limit_log_rate() -> None:
    """Put the filter on every handler of the root logger; a second call adds nothing."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, LogRateLimit) for each in handler.filters):
            handler.addFilter(LogRateLimit())
