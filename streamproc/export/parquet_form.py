"""A table as Parquet, where the extra `parquet` is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from streamproc.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamproc.export.table import Table

LACKS_EXTRA: Final = "must be csv here: Parquet needs the extra, pip install 'streamproc[parquet]'"


def can_write_parquet() -> bool:
    """Whether the extra is installed."""
    return find_spec("pyarrow") is not None


def parquet_chunks(table: Table) -> Iterator[bytes]:
    """The file's bytes, in pieces; raises ConfigurationError without the extra."""
    if not can_write_parquet():
        raise ConfigurationError([Fault("format", "parquet", LACKS_EXTRA)])
    from streamproc.export.arrow_writer import written  # noqa: PLC0415 - it needs the extra

    return written(table)
