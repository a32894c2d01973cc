"""The same facts are published as the same bytes as before there were types: a field may be added, none may change.

`stored/` has what commit fe99eed was given by the store and the comparison, and what it wrote.
"""

from __future__ import annotations

import json
from typing import Any

from streamproc.core.json_bytes import encode_json
from tests.contract.composed import STORED, composed
from tests.contract.valid import check_by_schema


def without_added(new: Any, old: Any) -> Any:  # noqa: ANN401 - any JSON
    """The new value with the old one's fields alone, in the new one's order."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {name: without_added(each, old[name]) for name, each in new.items() if name in old}
    if isinstance(new, list) and isinstance(old, list):
        pairs = zip(new, old, strict=True)
        return [without_added(each, other) for each, other in pairs]
    return new


def test_a_result_is_the_same_to_the_byte_but_for_added_fields() -> None:
    for name, value in zip(("event", "whole"), composed(), strict=True):
        before = (STORED / f"{name}.json").read_bytes()
        kept = without_added(json.loads(value), json.loads(before))
        if value != before:
            assert encode_json(kept) == before


def test_it_is_one_by_the_schema() -> None:
    for value in composed():
        check_by_schema("AnalysisCompleted", json.loads(value))
