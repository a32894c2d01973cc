"""A log line is one line, holds no secret, and says as JSON what it is about."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from streamproc.logs import _Json, _Masked, about

KEY = 'key-"quoted"\\and/more'


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    """A record as a logger makes it."""
    made = logging.LogRecord("streamproc.x", logging.WARNING, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


def failed(sentence: str) -> logging.LogRecord:
    """The record of an exception with this text."""
    made = record("it failed")
    made.exc_info = (ValueError, ValueError(sentence), None)
    return made


def as_json(made: logging.LogRecord, *secrets: str) -> dict[str, Any]:
    """What the JSON form says of a record."""
    line = _Json(secrets).format(made)
    assert "\n" not in line
    content: dict[str, Any] = json.loads(line)
    return content


@pytest.mark.parametrize("form", [_Json, _Masked])
def test_a_secret_is_masked_in_message_arguments_traces_and_fields(form: type[_Masked]) -> None:
    for made in (
        record(f"calling {KEY}"),
        record("calling %s", KEY),
        record("calling %r", {"key": KEY}),
        failed(f"cannot reach https://h/?api-key={KEY}"),
        record("x", cause=f"the upstream said {KEY}"),
    ):
        line = form([KEY]).format(made)
        for spelled in (KEY, json.dumps(KEY)[1:-1], "quoted"):
            assert spelled not in line


def test_a_foreign_text_cannot_begin_a_line_of_its_own() -> None:
    forged = "x\n2026-11-30 10:00:00,000 INFO    streamproc: all is well\x1b[2J"
    assert _Masked([]).format(record("odd: %s", forged)).count("\n") == 0
    lines = _Masked([]).format(failed(forged)).split("\n")
    assert all(line.startswith("    ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


def test_json_has_a_time_of_rfc_3339_and_plain_fields() -> None:
    said = as_json(record("odd %d", 3, topic="t", partition=0, offset=7, wallet=None))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    assert said == {
        "level": "WARNING",
        "logger": "streamproc.x",
        "message": "odd 3",
        "topic": "t",
        "partition": 0,
        "offset": 7,
    }


def test_what_a_task_works_on_is_in_all_of_its_lines_and_extra_wins() -> None:
    about(request_id="A", wallet="W", tenant=None, offset=0)
    try:
        said = as_json(record("x", wallet="V"))
    finally:
        about()
    assert (said["request_id"], said["wallet"], said["offset"]) == ("A", "V", 0)
    assert "tenant" not in said
    assert "request_id" not in as_json(record("x"))


def test_a_line_of_odd_characters_is_valid_json() -> None:
    said = as_json(record("odd \ud800 \x00 %s", b"\xff", request_id="\ud800"))
    assert said["message"].startswith("odd \\ud800 \\x00")
    assert said["request_id"] == "\\ud800"


def test_a_trace_is_in_json_as_one_field() -> None:
    assert "ValueError: gone" in as_json(failed("gone"))["trace"]
