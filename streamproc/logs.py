"""Log lines on standard error: for people, or one JSON object a line; secrets are masked whatever is logged."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Literal

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "**********"
SHORTEST_SECRET = 4  # characters; masking a shorter one would mask ordinary words
QUIET = {"aiokafka": "WARNING", "faust": "WARNING", "mode": "WARNING", "httpx": "WARNING"}


class _Masked(logging.Formatter):
    """A formatter whose lines hold no secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line, with every secret masked."""
        line = self._line(record)
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        return line

    def _line(self, record: logging.LogRecord) -> str:
        """The line for people."""
        return super().format(record)


class _Json(_Masked):
    """The same as JSON."""

    def _line(self, record: logging.LogRecord) -> str:
        """One object: time, level, logger, message, and the trace of an error if there is one."""
        content = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            content["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(content).decode()


def set_up_logging(
    form: Literal["console", "json"], level: str, *, secrets: Iterable[str] = ()
) -> None:
    """Send all log lines to standard error in this form; libraries speak from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(secrets) if form == "json" else _Masked(secrets))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
