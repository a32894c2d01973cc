"""Dead letters: the record as it came, and headers that say where it came from and why it stopped here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.engine.records import Outgoing
from streamproc.errors import DeadLetterError, StreamprocError

if TYPE_CHECKING:
    from streamproc.engine.records import Record

HANDLER_FAILED: Final = "handler_failed"
OUTPUT_REFUSED: Final = "output_refused"
NO_KEY: Final = "no_key"
_ERRORS: Final = "__streams.errors."
_REASON: Final = "x-reason"
FIRST_SEEN: Final = "x-first-seen"


def reason_of(error: BaseException) -> str:
    """The word by which dead letters are filtered."""
    return error.reason if isinstance(error, DeadLetterError) else HANDLER_FAILED


def public_text(error: BaseException) -> str:
    """What may leave the process about an error: our own errors' sentence, only the class of any other.

    A foreign exception may quote an address with a key in it, a password or a whole record.
    """
    text = str(error) if isinstance(error, StreamprocError) else "an unexpected error"
    return text[: limits.ERROR_TEXT_MAX_CHARACTERS]


def dead_letter(
    topic: str, record: Record, error: BaseException, *, now_s: float, reason: str | None = None
) -> Outgoing:
    """The record for the dead-letters topic: key, value and headers untouched, a null value stays null.

    A record that was replayed and failed again keeps the time at which it was first seen to fail.
    """
    kept = tuple(
        (name, value)
        for name, value in record.headers
        if not name.startswith(_ERRORS) and name not in {_REASON, FIRST_SEEN}
    )
    now = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    first_seen = dict(record.headers).get(FIRST_SEEN, now.encode())
    why = (
        (f"{_ERRORS}topic", record.topic.encode()),
        (f"{_ERRORS}partition", b"%d" % record.partition),
        (f"{_ERRORS}offset", b"%d" % record.offset),
        (f"{_ERRORS}exception", type(error).__name__.encode()),
        (f"{_ERRORS}message", public_text(error).encode()),
        (_REASON, (reason or reason_of(error)).encode()),
        (FIRST_SEEN, first_seen),
    )
    return Outgoing(topic, record.key, record.value, kept + why, timestamp_ms=int(now_s * 1000))
