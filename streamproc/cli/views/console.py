"""Consoles and tables by rich, on which a terminal obeys nothing of what is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import ConsoleOptions, RenderableType


class SafeConsole(Console):
    """A console on which nothing of what is printed is obeyed by the terminal but what rich itself says to it."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """As rich renders, every piece of text made printable."""
        for piece in super().render(renderable, options):
            text = piece.text if piece.control else printable(piece.text, keep_lines=True)
            yield piece if text == piece.text else Segment(text, piece.style)


def console(*, stderr: bool) -> Console:
    """A console that wraps on a terminal only."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    return SafeConsole(stderr=stderr, highlight=False, width=width, soft_wrap=not stream.isatty())


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """The table that `print_table` prints; cells are text as it stands, never markup."""
    table = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for column in columns:
        name = column.rstrip(">")
        table.add_column(name, justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(value: object) -> Text:
    """A cell's text on one line, which rich takes for nothing else."""
    return Text("" if value is None else printable(str(value)))
