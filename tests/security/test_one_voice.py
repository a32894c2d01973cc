"""Whatever the command line prints goes through the one module that makes it printable."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CLI = Path(__file__).parents[2] / "streamproc" / "cli"
VOICE = "output.py"
# `print_table` and rich's consoles come from output.py; these would go around it.
AROUND = {
    "click.echo",
    "click.secho",
    "print",
    "sys.stdout.write",
    "sys.stderr.write",
    "Console",
    "os.write",
}
AROUND |= {"sys.stdout.writelines", "sys.stderr.writelines", "sys.stdout.buffer.write", "pprint"}


def calls(file: Path) -> set[str]:
    """The names of all that a module calls."""
    tree = ast.parse(file.read_text("utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize(
    "file", sorted(CLI.rglob("*.py")), ids=lambda file: str(file.relative_to(CLI))
)
def test_no_module_prints_by_itself(file: Path) -> None:
    if file.name != VOICE:
        assert calls(file) & AROUND == set()
