"""The rooms of the package as the architecture page lists them: `python -m tests.docs.rooms` writes them there."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from streamproc.cli.views.markdown import with_block

TOP: Final = Path(__file__).parents[2]
PAGE: Final = TOP / "docs" / "architecture.md"


def rooms_table() -> str:
    """Every folder of the package with the first line of its docstring, as a Markdown table."""
    package = TOP / "streamproc"
    rows = [
        f"| `{file.parent.relative_to(package).as_posix()}` | {_subject(file)} |"
        for file in sorted(package.rglob("__init__.py"))
        if file.parent != package
    ]
    return "\n".join(["| room | what it is about |", "|---|---|", *rows])


def _subject(file: Path) -> str:
    """The first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return docstring.partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(with_block(PAGE.read_text("utf-8"), "rooms", rooms_table()), "utf-8")
