"""JSON of what is stored and published: one spelling, the same bytes for the same value."""

from __future__ import annotations

import json

import orjson


def encode_json(value: object, *, sort: bool = False) -> bytes:
    """JSON in UTF-8, floats in shortest round trip, integers of any size: past 64 bits the standard library writes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort else None)
    except TypeError:
        text = json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=sort
        )
        return text.encode()
