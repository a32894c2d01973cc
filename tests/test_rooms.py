"""The package's folders stay small enough to be looked through."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import streamproc

MODULES_MAX = 15


def test_no_folder_of_the_package_has_more_than_fifteen_modules() -> None:
    package = Path(streamproc.__file__).parent
    modules = [file for file in package.rglob("*.py") if file.name != "__init__.py"]
    counts = Counter(file.parent.relative_to(package).as_posix() for file in modules)
    assert len(counts) > 20
    assert {folder: count for folder, count in counts.items() if count > MODULES_MAX} == {}
