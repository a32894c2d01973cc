"""Log lines on standard error: for people, or one JSON object a line; finished sentences, without secrets.

Whatever a library quotes on the way, no line holds a secret and no line can be mistaken for two. What a record is about
(its request, tenant, topic, partition, offset, wallet) comes from `about`, or from `extra` of the call that logs.
"""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import orjson

from streamproc.safety.printable import printable
from streamproc.safety.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

QUIET: Final = {"aiokafka": "WARNING", "faust": "WARNING", "mode": "WARNING", "httpx": "WARNING"}
ABOUT: Final = ("request_id", "tenant", "topic", "partition", "offset", "wallet")
END: Final = ("outcome", "code", "cause", "duration_s", "credits")
_INDENT: Final = "    "  # no line of a trace can pass for a record of its own
_CONTEXT: Final[ContextVar[Mapping[str, str | int] | None]] = ContextVar("about", default=None)


def about(**fields: str | int | None) -> None:
    """From now on what the running task logs is about this: some of ABOUT; what was said before no longer counts."""
    _CONTEXT.set({name: value for name, value in fields.items() if value is not None})


def about_also(**fields: str | int | None) -> None:
    """The same, beside what was said before; None says nothing new."""
    known = {name: value for name, value in fields.items() if value is not None}
    _CONTEXT.set({**(_CONTEXT.get() or {}), **known})


class _Masked(logging.Formatter):
    """The line for people; no secret is in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._secrets = secrets
        self.converter = time.gmtime

    @cached_property
    def _redaction(self) -> Redaction:
        """What takes secrets out; made for the first line, so that a program that logs nothing looks for none."""
        return Redaction(self._secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, sentence; the trace of an error below it, indented."""
        head = f"{self.formatTime(record)} {record.levelname:<7} {record.name}: {self._sentence(record)}"
        trace = self._trace(record)
        return (
            head
            if trace is None
            else "\n".join([head, *(_INDENT + line for line in trace.split("\n"))])
        )

    def _sentence(self, record: logging.LogRecord) -> str:
        """The record's finished sentence, redacted, on one line."""
        return printable(self._redaction.redacted(record.getMessage()))

    def _trace(self, record: logging.LogRecord) -> str | None:
        """The trace of the record's error, redacted."""
        if not (record.exc_info and record.exc_info[0]):
            return None
        return printable(
            self._redaction.redacted(self.formatException(record.exc_info)), keep_lines=True
        )


class _Json(_Masked):
    """The same as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One object: time (RFC 3339), level, logger, message, what it is about, and the trace of an error."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        content: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._sentence(record),
        }
        context = _CONTEXT.get() or {}
        for name in (*ABOUT, *END):
            value = getattr(record, name, context.get(name))
            if value is not None:
                content[name] = (
                    printable(self._redaction.redacted(value)) if isinstance(value, str) else value
                )
        if (trace := self._trace(record)) is not None:
            content["trace"] = trace
        return orjson.dumps(content, default=str).decode()


def set_up_logging(
    form: Literal["console", "json"], level: str, *, secrets: Iterable[str] = ()
) -> None:
    """Send all log lines to standard error in this form; libraries speak from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(secrets) if form == "json" else _Masked(secrets))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
