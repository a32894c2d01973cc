"""Bounds are declared by subject and read from one name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from streamproc import limits


def test_each_bound_is_declared_once_and_read_from_the_folder() -> None:
    folder = Path(limits.__file__).parent
    declared = [
        node.target.id
        for file in folder.glob("*.py")
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert len(declared) > 200
    assert [name for name, times in Counter(declared).items() if times > 1] == []
    assert [name for name in declared if not hasattr(limits, name)] == []
