"""Events and the result as documentation: every field with type, unit and meaning, from the models themselves."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final

from streamproc import events
from streamproc.cli.views.markdown import table
from streamproc.contract.meanings import meanings_of
from streamproc.contract.schemas import schema_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from streamproc.json_types import Json
    from streamproc.topics import Topic, Topology

REF: Final = re.compile(r"^#/\$defs/")
PLAIN_UNITS: Final = frozenset({"count", "sequence number"})  # said by the meaning


def event_tables(topology: Topology) -> str:
    """One section per event in the order of `topics.yaml`, then the records that they are made of."""
    parts = [_event(topic) for topic in topology.topics if topic.event is not None]
    used = _parts_of([getattr(events, name) for name in topology.by_event])
    parts += [_section(f"### {name}", model) for name, model in sorted(used.items())]
    return "\n\n".join(parts)


def _event(topic: Topic) -> str:
    """One event with its topic."""
    model = getattr(events, str(topic.event))
    where = f"Topic `{topic.name}`, key `{topic.key}`; {_people(topic.producers)} -> {_people(topic.consumers)}."
    return _section(f"## {topic.event}", model, where)


def _people(names: list[str]) -> str:
    """Who, in words."""
    return ", ".join(names)


def _section(heading: str, model: type[BaseModel], where: str | None = None) -> str:
    """Heading, docstring, fields."""
    schema, meanings = model.model_json_schema(), meanings_of(model)
    needed = schema.get("required", [])
    fields = sorted(schema.get("properties", {}).items(), key=lambda each: each[0] not in needed)
    rows = [
        [f"`{name}`", _type(field), _default(name, field, schema), meanings.get(name, "")]
        for name, field in fields
    ]
    doc = inspect.cleandoc(model.__doc__ or "")
    shown = table(["field", "type", "default", "what"], rows)
    return "\n\n".join(filter(None, [heading, doc, where, shown]))


def result_tables(topology: Topology) -> str:
    """One section per record of the result, from the outermost on."""
    return record_tables(schema_of("AnalysisCompleted", topology), with_defaults=False)


def record_tables(whole: Json, *, with_defaults: bool = True) -> str:
    """One section per record of a schema, from the outermost on; what may be left out is shown with its default."""
    left, parts = [("", whole)], []
    while left:
        place, schema = left.pop(0)
        rows, inner = [], []
        columns = ["field", "type", "what"]
        needed = schema.get("required", [])
        is_open = with_defaults and set(schema["properties"]) > set(needed)
        if is_open:
            columns.insert(2, "default")
        first = set(needed) if is_open else set()
        for name, field in sorted(
            schema["properties"].items(), key=lambda each: each[0] not in first
        ):
            sign, record = _record_in(field)
            if record is not None:
                inner.append((f"{place}{name}{sign}.", whole["$defs"][record]))
            row = [f"`{name}{sign}`", _result_type(field), field["description"]]
            if is_open:
                row.insert(2, _default(name, field, schema))
            rows.append(row)
        heading = f"## `{place.rstrip('.')}`" if place else "## Top"
        shown = table(columns, rows)
        parts += [heading, *([schema["description"]] if place else []), shown]
        left = inner + left
    return "\n\n".join(parts)


def _record_in(field: Json) -> tuple[str, str | None]:
    """What a field is made of: `[]` for a list and `{}` for an object whose keys are data, and the record's name."""
    (field,) = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"][:1]
    if field.get("type") == "array":
        return "[]", _record_in(field.get("items", {}))[1]  # none: each place has a type of its own
    if isinstance(field.get("additionalProperties"), dict):
        return "{}", _record_in(field["additionalProperties"])[1]
    return "", REF.sub("", field["$ref"]) if "$ref" in field else None


def _result_type(field: Json) -> str:
    """The type of a field of the result in words; of what records it is made says the section below."""
    sign, record = _record_in(field)
    if record is None:
        return _type(field)
    return ("list" if sign == "[]" else "object") + (" or null" if "anyOf" in field else "")


def _type(field: Json) -> str:
    """A JSON schema type in a few words, with its bounds."""
    if "$ref" in field:
        return REF.sub("", field["$ref"])
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    return _shape(field)


def _shape(field: Json) -> str:
    """A list, an object or a plain value in a few words."""
    if "prefixItems" in field:
        return "[" + ", ".join(map(_type, field["prefixItems"])) + "]"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}{_bounds(field)}"
    values = field.get("additionalProperties")
    if field.get("type") == "object" and isinstance(values, dict):
        return f"object of {_type(values)}"
    return f"{field.get('type', 'any')}{_bounds(field)}"


def _bounds(field: Json) -> str:
    """What the value must keep to."""
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    above = "> " if "exclusiveMinimum" in field else ">= "
    said = [
        f"{above}{low}" if low is not None else "",
        f"<= {high}" if high is not None else "",
        f"at most {field['maxLength']} characters" if "maxLength" in field else "",
        f"at most {field['maxItems']}" if "maxItems" in field else "",
        f"matching `{field['pattern']}`" if "pattern" in field and "x-unit" not in field else "",
    ]
    unit = field.get("x-unit", "count")
    words = ", ".join(filter(None, said))
    return (f" ({words})" if words else "") + ("" if unit in PLAIN_UNITS else f", {unit}")


def _default(name: str, field: Json, schema: Json) -> str:
    """The default, or that there is none."""
    if name in schema.get("required", []):
        return "needed"
    default = field.get("default")
    return (
        "null"
        if default is None
        else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    )


def _parts_of(models: list[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """The models that fields of these models are made of, by name."""
    names = {name for model in models for name in model.model_json_schema().get("$defs", {})}
    return {name: getattr(events, name) for name in names}
