"""What a change of a schema breaks, for those who read what we write and for those who write what we read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.json_types import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = Json

_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def breaking(old: Schema, new: Schema, *, is_read_by_us: bool) -> list[str]:
    """Every change that breaks somebody who relies on the old schema, by the path of the field; none when all is well.

    Of what we write (`is_read_by_us` false) a field may be added, and a value may become narrower. Of what we read a
    field that may be left out may be added, and a value may become wider.
    """
    before, after = _Side(old, old.get("$defs", {})), _Side(new, new.get("$defs", {}))
    return list(_differences(str(new.get("title", "")), before, after, is_read_by_us))


class _Side:
    """A schema and the definitions that it refers to."""

    def __init__(self, schema: Schema, parts: dict[str, Schema]) -> None:
        self.parts = parts
        while "$ref" in schema:
            schema = parts[schema["$ref"].removeprefix("#/$defs/")]
        self.schema = schema

    def under(self, schema: Schema) -> _Side:
        """A part of it."""
        return _Side(schema, self.parts)

    def kinds(self) -> dict[str, _Side]:
        """Its alternatives by type."""
        if "anyOf" in self.schema:
            sides = [self.under(each) for each in self.schema["anyOf"]]
            return {name: kind for side in sides for name, kind in side.kinds().items()}
        if "type" not in self.schema:
            values = self.schema.get("enum", [self.schema.get("const")])
            return {"string" if isinstance(values[0], str) else "any": self}
        return {self.schema["type"]: self}


def _differences(path: str, old: _Side, new: _Side, is_read: bool) -> Iterator[str]:  # noqa: FBT001 - one of our own
    """As `breaking`, for one value."""
    before, after = old.kinds(), new.kinds()
    lost, won = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    if lost and is_read:
        yield f"{path}: {', '.join(lost)} is refused"
    if won and not is_read:
        yield f"{path}: can be {', '.join(won)}"
    for name in sorted(before.keys() & after.keys()):
        yield from _of_a_kind(path, before[name], after[name], is_read)


def _of_a_kind(path: str, old: _Side, new: _Side, is_read: bool) -> Iterator[str]:  # noqa: FBT001 - as above
    """As above, for values of one type."""
    yield from _values(path, old.schema, new.schema, is_read)
    yield from _fields(path, old, new, is_read)
    for keyword in ("items", "additionalProperties"):
        one, other = old.schema.get(keyword), new.schema.get(keyword)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(f"{path}[]", old.under(one), new.under(other), is_read)


def _values(path: str, old: Schema, new: Schema, is_read: bool) -> Iterator[str]:  # noqa: FBT001 - as above
    """Words, bounds and units."""
    narrow, wide = (old, new) if is_read else (new, old)
    words, more = _words(narrow), _words(wide)
    if more is not None and (words is None or words - more):
        named = "any text" if words is None else ", ".join(sorted(words - more))
        yield f"{path}: {named} {'is refused' if is_read else 'can occur'}"
    for keyword in _UPPER + _LOWER:
        bound = wide.get(keyword)
        given = narrow.get(keyword)
        if bound is None:
            continue
        if given is None or (given > bound if keyword in _UPPER else given < bound):
            yield f"{path}: {keyword} was {old.get(keyword)}, is {new.get(keyword)}"
    for keyword in ("x-unit", "pattern"):
        if old.get(keyword) != new.get(keyword):
            yield f"{path}: {keyword} was {old.get(keyword)}, is {new.get(keyword)}"


def _words(schema: Schema) -> set[str] | None:
    """The words that a text can be, None when it can be any."""
    if "const" in schema:
        return {str(schema["const"])}
    return set(map(str, schema["enum"])) if "enum" in schema else None


def _fields(path: str, old: _Side, new: _Side, is_read: bool) -> Iterator[str]:  # noqa: FBT001 - as above
    """The fields of an object."""
    before, after = old.schema.get("properties", {}), new.schema.get("properties", {})
    had, has = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    for name in before:
        if name not in after:
            yield f"{path}.{name}: removed"
        elif name in had - has and not is_read:
            yield f"{path}.{name}: can be absent"
        elif name in has - had and is_read:
            yield f"{path}.{name}: must be given"
        else:
            one, other = old.under(before[name]), new.under(after[name])
            yield from _differences(f"{path}.{name}", one, other, is_read)
    if is_read:
        for name in sorted((after.keys() - before.keys()) & has):
            yield f"{path}.{name}: must be given"
