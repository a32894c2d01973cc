"""What a long command says of itself: what it starts, where, and how long each part took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamproc.cli.views.output import remarks
from streamproc.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 22


class Steps:
    """A line per step with its time, on standard error."""

    def __init__(self) -> None:
        self._console = remarks()
        self._began = time.monotonic()

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Time the block and print its line at the end; the block may add words about where things are."""
        words: list[str] = []
        began = time.monotonic()
        yield words
        took = seconds(1000 * (time.monotonic() - began))
        self.say(f"{what:<{WIDTH}} {took:>8}   {' '.join(words)}")

    def say(self, line: str) -> None:
        """Print a line as it stands."""
        self._console.print(line, markup=False)

    @property
    def whole(self) -> str:
        """How long all of it has taken so far."""
        return seconds(1000 * (time.monotonic() - self._began))
