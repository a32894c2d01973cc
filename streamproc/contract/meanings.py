"""What a class says below its fields: the meanings that schemas and tables carry."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache

from typing_extensions import get_original_bases


@cache
def meanings_in(module: str) -> dict[str, dict[str, str]]:
    """By class of the module, by field: the text that stands below the field."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: dict(_below_fields(node)) for node in tree.body if isinstance(node, ast.ClassDef)
    }


def meanings_of(kind: type) -> dict[str, str]:
    """By field of the class, inherited ones included: what it means."""
    found: dict[str, str] = {}
    for base in get_original_bases(kind):  # a TypedDict's own bases stand nowhere else
        if getattr(base, "__module__", "").startswith("streamproc."):
            found |= meanings_of(base)
    return found | meanings_in(kind.__module__).get(kind.__name__, {})


def _below_fields(node: ast.ClassDef) -> list[tuple[str, str]]:
    """Each field that has a text below it, with that text."""
    found = []
    for field, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found.append((field.target.id, inspect.cleandoc(str(below.value.value))))
    return found
