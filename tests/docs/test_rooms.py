"""Folders and functions stay small enough to be looked through, and hardly anything is untyped."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

TOP: Final = Path(__file__).parents[2]
PARTS: Final = ("streamproc", "tests", "benchmarks")
MODULES_MAX: Final = 15
FUNCTION_LINES_MAX: Final = 40
FUNCTIONS_LEAST: Final = 4_000
UNTYPED: Final = re.compile(r"\bAny\b")
UNTYPED_LINES_MAX: Final = 19
WITHOUT_TYPES: Final = TOP / "streamproc/engine/faust"  # it is all about Faust, which ships none


@pytest.mark.parametrize(("part", "least"), [("streamproc", 20), ("tests", 20), ("benchmarks", 2)])
def test_no_folder_has_more_than_fifteen_modules(part: str, least: int) -> None:
    modules = [file for file in (TOP / part).rglob("*.py") if file.name != "__init__.py"]
    counts = Counter(file.parent.relative_to(TOP).as_posix() for file in modules)
    assert len(counts) > least
    assert {folder: count for folder, count in counts.items() if count > MODULES_MAX} == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    """From `def` through the last line, without decorators."""
    found = {
        f"{file.relative_to(TOP)}:{function.lineno} {function.name}": lines_of(function)
        for part in PARTS
        for file in (TOP / part).rglob("*.py")
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(found) > FUNCTIONS_LEAST
    assert {name: lines for name, lines in found.items() if lines > FUNCTION_LINES_MAX} == {}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def test_hardly_a_line_says_any() -> None:
    found = [
        f"{file.relative_to(TOP)}: {line.strip()}"
        for part in ("streamproc", "benchmarks")
        for file in sorted((TOP / part).rglob("*.py"))
        if not file.is_relative_to(WITHOUT_TYPES)
        for line in file.read_text().splitlines()
        if UNTYPED.search(line)
    ]
    assert 0 < len(found) <= UNTYPED_LINES_MAX, found
