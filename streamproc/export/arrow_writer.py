"""Parquet by pyarrow, a group of rows at a time."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import parquet

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamproc.export.table import Table, Type

TYPES: Final[Mapping[Type, pa.DataType]] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "amount": pa.decimal128(38, 0),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("s", tz="UTC"),
}


def written(table: Table) -> Iterator[bytes]:
    """The file's bytes, in pieces of which none is empty."""
    types = [column.type for column in table.columns]
    schema = pa.schema([(column.name, TYPES[column.type]) for column in table.columns])
    sink = _Sink()
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for rows in iter(partial(_next_rows, table.rows), []):
            arrays = [
                pa.array(_values(values, type_), type=TYPES[type_])
                for values, type_ in zip(zip(*rows, strict=True), types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            if piece := sink.taken():
                yield piece
    yield sink.taken()


def _next_rows(rows: Iterator[Sequence[object]]) -> list[Sequence[object]]:
    return list(islice(rows, limits.PARQUET_GROUP_ROWS))


def _values(values: Sequence[object], type_: Type) -> Sequence[object]:
    """The values as pyarrow takes them; an amount may stand as text."""
    if type_ != "amount":
        return values
    return [None if value is None else Decimal(str(value)) for value in values]


class _Sink:
    """What the writer writes into; `taken` hands out what has come since."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is to be done."""

    def close(self) -> None:
        """What was written may still be taken."""
        self.closed = True

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
