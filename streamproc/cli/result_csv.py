"""All pairs of a result as CSV, a line at a time."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from streamproc.events import SCORES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamproc.report.wording import Json

FACTS = ("shared_tokens", "tokens_a", "tokens_b", "overlap", "label", "trend", "lower_bound")
TESTS = ("p", "q", "lift")  # of the overlap against chance


def csv_lines(pairs: Iterable[Json]) -> Iterator[str]:
    """A heading and one line per pair, in the order given; null is empty, floats in shortest round trip."""
    yield _line(["rank", "wallet_a", "wallet_b", *SCORES, *FACTS, *TESTS])
    for rank, pair in enumerate(pairs, start=1):
        scores = (pair["scores"].get(name) for name in SCORES)
        facts = (pair.get(name) for name in (*FACTS, *TESTS))
        yield _line([rank, pair["wallet_a"], pair["wallet_b"], *scores, *facts])


def _line(cells: list[object]) -> str:
    """One CSV line with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow("" if cell is None else cell for cell in cells)
    return buffer.getvalue()
