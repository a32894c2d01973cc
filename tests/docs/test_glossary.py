"""The glossary: words in order, each in use, and no name of the code that only its first authors would know."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP: Final = Path(__file__).parents[2]
PAGE: Final = TOP / "docs" / "glossary.md"
ROWS: Final = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)[1:]
WORDS: Final = [word for row, _ in ROWS for word in row.split(", ")]
# What they are called instead: progress log, terminal publisher, fetchers, quota store, retry, gauges, log rate limit,
# dead letter limit, parallel listing, injections, environment.
GIVEN_UP: Final = frozenset(
    {
        "voice",
        "crew",
        "hire",
        "purse",
        "asking",
        "vitals",
        "flood",
        "floods",
        "stealing",
        "surroundings",
        "deeds",
        "whoever",
    }
)


def names() -> Iterator[tuple[str, str]]:
    """Every module, class and function of the package, with its file."""
    for file in (TOP / "streamproc").rglob("*.py"):
        place = str(file.relative_to(TOP))
        yield file.stem, place
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, place


def test_the_words_stand_in_order_and_once() -> None:
    rows = [row for row, _ in ROWS]
    assert len(rows) > 40
    assert rows == sorted(set(rows), key=str.lower)


@pytest.fixture(scope="module")
def everything() -> str:
    """All code and pages beside the glossary, in small letters, words apart."""
    pages = [page for page in (TOP / "docs").rglob("*.md") if page != PAGE]
    files = [*(TOP / "streamproc").rglob("*.py"), TOP / "README.md", *pages]
    text = "\n".join(file.read_text("utf-8") for file in files)
    return re.sub(r"[\s_-]+", " ", text.lower())


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_in_use(everything: str, word: str) -> None:
    assert re.search(rf"\b{re.escape(re.sub(r'[_-]', ' ', word.lower()))}", everything)


def test_no_name_is_a_word_that_was_given_up() -> None:
    found = [
        (name, place)
        for name, place in names()
        if GIVEN_UP & {part.lower() for part in re.findall(r"[A-Z]?[a-z]+", name)}
    ]
    assert found == []
