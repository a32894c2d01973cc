"""JSON as it was read or is about to be written, where its form is checked elsewhere: one name for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonValue = Any
Json = dict[str, JsonValue]
JsonView = Mapping[str, JsonValue]  # the same, only read
