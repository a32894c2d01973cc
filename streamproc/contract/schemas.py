"""JSON Schema 2020-12 of every event: field by field with type, unit, null and meaning."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from streamproc import events, result
from streamproc.contract.meanings import meanings_of
from streamproc.events import AnalysisCompleted, AnalysisRequested, Options, OutsideEvent
from streamproc.json_types import Json
from streamproc.result import behavior, pairs, pnl, top, wallets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.topics import Topology

Schema = Json

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MODULES: Final = (events, pnl, behavior, pairs, wallets, top)


def schema_of(event: str, topology: Topology) -> Schema:
    """The schema of an event's JSON; its `$id` is what records name as `ce_dataschema`."""
    model = getattr(events, event)
    described = result.AnalysisResult if model is AnalysisCompleted else model
    schema = TypeAdapter(described).json_schema()
    parts = schema.pop("$defs", {})
    for name, part in (("", schema), *parts.items()):
        _describe(part, _class_named(name) if name else described)
    if not is_from_outside(model):
        for name, part in (("", schema), *parts.items()):
            if name != Options.__name__ and described is model:
                part["required"] = list(part["properties"])
    schema |= {"description": inspect.cleandoc(model.__doc__ or ""), "title": event}
    return {
        "$schema": DIALECT,
        "$id": f"urn:streamproc:{event}:{topology.version}",
        **_ordered(schema),
        **(
            {"$defs": {name: _ordered(part) for name, part in sorted(parts.items())}}
            if parts
            else {}
        ),
    }


def is_from_outside(model: type) -> bool:
    """Whether others write the event: then it refuses unknown fields, and what has a default may be left out."""
    return issubclass(model, OutsideEvent | AnalysisRequested)


def closed(schema: Schema) -> Schema:
    """The schema that refuses every field which it does not name: for tests of what we write."""
    shut = {name: _closed(part) for name, part in schema.items()}
    return {**shut, "additionalProperties": False} if "properties" in schema else shut


def _closed(part: object) -> object:
    """As `closed`, for whatever stands in a schema."""
    if isinstance(part, dict):
        return closed(part)
    return [_closed(each) for each in part] if isinstance(part, list) else part


def fields_of(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Every field that a schema describes: its object's name, its own, and its schema."""
    for name, part in ((schema["title"], schema), *schema.get("$defs", {}).items()):
        for field, described in part.get("properties", {}).items():
            yield name, field, described


def _class_named(name: str) -> type:
    """The class of a part."""
    (found,) = {getattr(module, name) for module in _MODULES if hasattr(module, name)}
    assert isinstance(found, type)  # noqa: S101 - the modules hold classes under such names
    return found


def _describe(part: Schema, kind: type) -> None:
    """Write each field's meaning into its schema; the library's own titles say nothing that names do not."""
    meanings = meanings_of(kind)
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if name in meanings:
            field["description"] = meanings[name]


def _ordered(schema: Schema) -> Schema:
    """The schema with what says most first."""
    first = ("title", "description", "type", "properties", "required", "additionalProperties")
    return {name: schema[name] for name in first if name in schema} | schema
