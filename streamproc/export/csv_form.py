"""A table as CSV, a line at a time, which a spreadsheet reads as what it is and never as a formula."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.export.table import Table, Type

FORMULA: Final = ("=", "+", "-", "@", "\\", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def csv_lines(table: Table) -> Iterator[str]:
    """A heading and one line per row: null is empty, floats in shortest round trip, times as UTC to the second."""
    types = [column.type for column in table.columns]
    yield csv_line([column.name for column in table.columns])
    for row in table.rows:
        yield csv_line([_timed(value, type_) for value, type_ in zip(row, types, strict=True)])


def csv_line(cells: list[object]) -> str:
    """One CSV line with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(_cell, cells))
    return buffer.getvalue()


def _timed(value: object, type_: Type) -> object:
    """The value; a time as spreadsheets know one."""
    if type_ != "time" or not isinstance(value, int):
        return value
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: object) -> object:
    """A cell: numbers as they are, also as text; other text that a spreadsheet would take for a formula behind a '."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = printable(value)
    is_formula = text.lstrip().startswith(FORMULA) and not NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
