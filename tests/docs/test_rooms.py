"""Folders of the package, the tests and the benchmarks stay small enough to be looked through."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

TOP: Final = Path(__file__).parents[2]
MODULES_MAX: Final = 15


@pytest.mark.parametrize(("part", "least"), [("streamproc", 20), ("tests", 20), ("benchmarks", 2)])
def test_no_folder_has_more_than_fifteen_modules(part: str, least: int) -> None:
    modules = [file for file in (TOP / part).rglob("*.py") if file.name != "__init__.py"]
    counts = Counter(file.parent.relative_to(TOP).as_posix() for file in modules)
    assert len(counts) > least
    assert {folder: count for folder, count in counts.items() if count > MODULES_MAX} == {}
