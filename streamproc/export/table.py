"""A table: columns with names and types that stay, and rows that are made as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Type = Literal["text", "integer", "amount", "number", "flag", "time"]
"""`integer` fits 64 bits, `amount` is an exact integer of at most 38 digits, `time` is in unix seconds."""


class Column(NamedTuple):
    """A column's name and the type of its values; each of them may be None."""

    name: str
    type: Type


class Table(NamedTuple):
    """Rows with a value for each column, in the order of the columns; read once."""

    columns: Sequence[Column]
    rows: Iterator[Sequence[object]]


def columns_of(**types: Type) -> tuple[Column, ...]:
    """Columns from names and types."""
    return tuple(Column(name, type_) for name, type_ in types.items())
