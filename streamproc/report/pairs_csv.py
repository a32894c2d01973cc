"""All pairs of a result as CSV, a line at a time."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

from streamproc.events import SCORES
from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamproc.json_types import Json

FACTS = ("shared_tokens", "tokens_a", "tokens_b", "overlap", "label", "trend", "lower_bound")
FINDING = (
    "verdict",
    "q",
    "p",
    "lift",
)  # q and p of all kinds of evidence together, lift of the overlap
FORMULA: Final = ("=", "+", "-", "@", "\\", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def csv_lines(pairs: Iterable[Json]) -> Iterator[str]:
    """A heading and one line per pair, in the order given; null is empty, floats in shortest round trip."""
    yield _line(["rank", "wallet_a", "wallet_b", *FINDING, *SCORES, *FACTS])
    for rank, pair in enumerate(pairs, start=1):
        scores = (pair["scores"].get(name) for name in SCORES)
        finding, facts = (map(pair.get, names) for names in (FINDING, FACTS))
        yield _line([rank, pair["wallet_a"], pair["wallet_b"], *finding, *scores, *facts])


def _line(cells: list[object]) -> str:
    """One CSV line with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(_cell, cells))
    return buffer.getvalue()


def _cell(value: object) -> object:
    """A cell: numbers as they are, also as text; other text that a spreadsheet would take for a formula behind a '."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = printable(value)
    is_formula = text.lstrip().startswith(FORMULA) and not NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text
