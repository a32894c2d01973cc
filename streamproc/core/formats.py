"""The numbers of the formats in which things are stored: what another number wrote is made anew.

A number rises whenever what is stored would be read otherwise, or a rule would make something else of the same
transactions; `tests/core/test_formats.py` fails when fields or the rules' constants change without it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ENTRY_FORMAT: Final = 2  # of `entries.Entry`, and of the rules that make one
ANALYSIS_FORMAT: Final = 3  # of what is computed of entries; rises with ENTRY_FORMAT too
WORKINGS_FORMAT: Final = 2  # of what a result is composed from: prices, names, surroundings


class Formats(NamedTuple):
    """The formats that one worker reads and writes; what has no number is of format 1."""

    entries: int = ENTRY_FORMAT
    analyses: int = ANALYSIS_FORMAT


PRESENT: Final = Formats()
