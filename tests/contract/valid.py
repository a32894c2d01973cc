"""Records held against their schemas, with every field refused that no schema names."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from streamproc.contract import schema_of
from streamproc.contract.schemas import closed
from streamproc.topics import read_topology


@cache
def _validator(event: str) -> Draft202012Validator:
    return Draft202012Validator(closed(schema_of(event, read_topology())))


def check_by_schema(event: str, value: Any) -> None:  # noqa: ANN401 - whatever JSON was written
    """The value is what the event's schema describes, and nothing more."""
    found = _validator(event).iter_errors(value)
    assert [f"{error.json_path}: {error.message[:200]}" for error in found] == []
