"""What commands print: tables for people, JSON for programs; results on standard output, everything else on error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

import click
import orjson

from streamproc.safety.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import Console

F = TypeVar("F", bound="Callable[..., object]")


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
    from streamproc.cli.views.console import console

    return console(stderr=False)


def remarks() -> Console:
    """The console of everything that is no result, on standard error."""
    from streamproc.cli.views.console import console

    return console(stderr=True)


def called() -> str:
    """How whoever runs this program calls it: what printed commands begin with."""
    return os.environ.get("RUN_SCRIPT", "streamproc")


def tell(text: str) -> None:
    """A text with its line ends on standard output."""
    click.echo(printable(text, keep_lines=True))


def remark(text: str) -> None:
    """A text with its line ends on standard error."""
    click.echo(printable(text, keep_lines=True), err=True)


def tell_exactly(lines: Iterable[str | bytes]) -> None:
    """What is made for programs: byte for byte into a pipe or a file, made printable on a terminal."""
    is_terminal = sys.stdout.isatty()
    for line in lines:
        text = line.decode("utf-8", "replace") if is_terminal and isinstance(line, bytes) else line
        if isinstance(text, bytes):
            click.echo(text, nl=False)
        else:
            sys.stdout.write(printable_json(text) if is_terminal else text)


def print_json(value: object) -> None:
    """One JSON value on standard output, indented on a terminal and on one line elsewhere."""
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    print_json_line(orjson.dumps(value, option=option).decode())


def print_json_line(text: str) -> None:
    """A JSON text on a line of its own on standard output, for programs that read line by line."""
    tell_exactly([text, "\n"])


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Rows below a heading; a column whose name ends in `>` is set flush right."""
    from streamproc.cli.views.console import table_of

    results().print(table_of(columns, rows, title=title))
