"""SQL lives in `sql/*.sql`; each statement begins with `-- name: ...` and is asked for as `file.name`."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def query(name: str) -> str:
    """The text of the statement `file.name`; raises KeyError for one that does not exist."""
    subject, _, statement = name.partition(".")
    return statements(subject)[statement]


@cache
def statements(subject: str) -> dict[str, str]:
    """All statements of `sql/<subject>.sql` by name."""
    text = files("streamproc.store").joinpath("sql", f"{subject}.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"two statements of sql/{subject}.sql have the same name")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


def subjects() -> list[str]:
    """The names of all files in `sql/`, sorted."""
    folder = files("streamproc.store").joinpath("sql")
    return sorted(
        each.name.removesuffix(".sql") for each in folder.iterdir() if each.name.endswith(".sql")
    )
