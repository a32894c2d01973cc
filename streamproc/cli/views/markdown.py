"""Parts of the documentation that are written by a command, between two marks, so that no fact stands in two places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from streamproc.cli.views.output import tell
from streamproc.errors import Fault, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

F = TypeVar("F", bound="Callable[..., object]")


def into_option(function: F) -> F:
    """Give a command `--into FILE`."""
    return click.option(
        "--into",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A Markdown file in which the block of this command is written anew.",
    )(function)


def show_block(name: str, content: str, into: Path | None) -> None:
    """Print the content, or write it into the file between its marks."""
    if into is None:
        tell(content)
        return
    into.write_text(with_block(into.read_text("utf-8"), name, content), encoding="utf-8")


def with_block(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of `name` replaced; raises InvalidInputError without the marks."""
    opening, closing = (
        f"<!-- {name}: written by a command, see CONTRIBUTING.md -->",
        f"<!-- /{name} -->",
    )
    before, found, rest = text.partition(opening)
    _, closed, after = rest.partition(closing)
    if not (found and closed):
        raise InvalidInputError([Fault("--into", "no marks", f"must have {opening} and {closing}")])
    return f"{before}{opening}\n{content}\n{closing}{after}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    """A cell's text with what would end the cell made harmless."""
    return text.replace("|", "\\|").replace("\n", " ")
