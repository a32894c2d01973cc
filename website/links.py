"""Links of a page as they are in the checkout, written for the place of the page in the site."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LINK: Final = re.compile(r"(\]\()([^)\s]+)(\))")
FENCE: Final = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
EXTERNAL: Final = re.compile(r"[a-z]+:|//")


def rewritten(text: str, *, source: str, place: str, find: Callable[[str, str], str]) -> str:
    """The page's text with each link written for the site; code in fences stays as it is.

    Args:
        text: Markdown.
        source: The page in the checkout, as `docs/events.md`; links are relative to it.
        place: The page in the site, as `contract/index.md`.
        find: Says where a target lies in the site, of its path in the checkout and its anchor (`""` without one).
            What it raises about a target that is not there passes through.
    """

    def moved(link: re.Match[str]) -> str:
        target, _, anchor = link[2].partition("#")
        if EXTERNAL.match(link[2]) or not target:
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there, mark, rest = find(path, anchor).partition("#")
        relative = posixpath.relpath(there, posixpath.dirname(place) or ".")
        return f"{link[1]}{relative}{mark}{rest}{link[3]}"

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(moved, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(moved, text[at:])])
