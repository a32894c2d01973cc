"""Dead letters: the record as it came, and headers that say where it came from and why it stopped here."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.engine.records import Outgoing
from streamproc.errors import DeadLetterError, StreamprocError
from streamproc.kafka.dead_letters import ERRORS, REASON
from streamproc.kafka.record_batches import Unreadable

if TYPE_CHECKING:
    from streamproc.engine.records import Headers, Record

HANDLER_FAILED: Final = "handler_failed"
OUTPUT_REFUSED: Final = "output_refused"
NO_KEY: Final = "no_key"
UNREADABLE: Final = "unreadable"
FIRST_SEEN: Final = "x-first-seen"
# What is left out of a letter that is too large, step by step.
PARTS: Final = ("value", "headers", "key")


def check_readable(record: Record) -> None:
    """Raise DeadLetterError for a record of which only the place is known."""
    if isinstance(record.value, Unreadable):
        raise DeadLetterError(UNREADABLE, record.value.why)


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
    topic: str,
    record: Record,
    error: BaseException,
    *,
    now_s: float,
    reason: str | None = None,
    most: int = limits.EVENT_MAX_BYTES,
    without: int = 0,
) -> Outgoing:
    """The record for the dead-letters topic: key, value and headers untouched, a null value stays null.

    A record that was replayed and failed again keeps the time at which it was first seen to fail. What would make the
    letter larger than `most` bytes is left out, and so are the first `without` of PARTS; headers say how much that was.
    """
    kept = tuple(
        (name, value)
        for name, value in record.headers
        if not name.startswith(ERRORS) and name not in {REASON, FIRST_SEEN}
    )
    why = _why(record, error, reason or reason_of(error), now_s)
    is_read = not isinstance(record.value, Unreadable)
    letter = Outgoing(
        topic, record.key, record.value if is_read else None, kept + why, None, int(now_s * 1000)
    )
    for number, part in enumerate(PARTS, start=1):
        if number > without and _size(letter) <= most:
            break
        letter = _lighter(letter, part, kept)
    return letter


def _why(record: Record, error: BaseException, reason: str, now_s: float) -> Headers:
    """The headers that say where the record came from and why it stopped."""
    now = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    first_seen = dict(record.headers).get(FIRST_SEEN) or now.encode()
    why: Headers = (
        (f"{ERRORS}topic", record.topic.encode()),
        (f"{ERRORS}partition", b"%d" % record.partition),
        (f"{ERRORS}offset", b"%d" % record.offset),
        (f"{ERRORS}exception", type(error).__name__.encode()),
        (f"{ERRORS}message", public_text(error).encode("utf-8", "backslashreplace")),
        (REASON, reason.encode()),
        (FIRST_SEEN, first_seen[: limits.FIRST_SEEN_MAX_BYTES]),
    )
    if isinstance(record.value, Unreadable) and record.value.last_offset is not None:
        why = (*why, ("x-last-offset", b"%d" % record.value.last_offset))
    return why


def _lighter(letter: Outgoing, part: str, kept: Headers) -> Outgoing:
    """The letter without one of its parts, and headers that say how long that was and which SHA-256 it had."""
    left_out: Headers
    if part == "headers":
        left_out = (
            (f"x-{part}-left-out", b"%d" % len(kept)),
            ("x-headers-bytes", b"%d" % sum(len(n) + len(v or b"") for n, v in kept)),
        )
        told = letter.headers[len(kept) :]
        return letter._replace(headers=told + left_out)
    content = letter.value if part == "value" else letter.key
    if content is None:
        return letter
    left_out = (
        (f"x-{part}-bytes", b"%d" % len(content)),
        (f"x-{part}-sha256", hashlib.sha256(content).hexdigest().encode()),
    )
    headers = letter.headers + left_out
    if part == "value":
        return letter._replace(value=None, headers=headers)
    return letter._replace(key=None, headers=headers)


def _size(letter: Outgoing) -> int:
    """About how many bytes the record takes on the topic."""
    headers = sum(len(name) + len(value or b"") + 8 for name, value in letter.headers)
    return len(letter.key or b"") + len(letter.value or b"") + headers
