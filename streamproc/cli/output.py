"""What commands print: tables for people, JSON for programs; results on standard output, everything else on error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

F = TypeVar("F", bound="Callable[..., Any]")


def output_option(function: F) -> F:
    """Give a command `--output table|json`."""
    return click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="For people, or for programs.",
    )(function)


def results() -> Console:
    """The console of results, on standard output; a pipe or a file gets wide plain text without wrapping."""
    return _console(stderr=False)


def remarks() -> Console:
    """The console of everything that is no result, on standard error."""
    return _console(stderr=True)


def print_json(value: object) -> None:
    """One JSON value on standard output, indented on a terminal and on one line elsewhere."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    click.echo(orjson.dumps(value, option=option).decode())


def print_json_line(text: str) -> None:
    """A JSON text on a line of its own on standard output, for programs that read line by line."""
    click.echo(text)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Rows below a heading; a column whose name ends in `>` is set flush right."""
    results().print(table_of(columns, rows, title=title))


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


def _cell(value: object) -> str:
    """A cell's text, with what rich would take for markup made harmless."""
    return "" if value is None else str(value).replace("[", "\\[")


def _console(*, stderr: bool) -> Console:
    """A console that wraps on a terminal only."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=not stream.isatty())
