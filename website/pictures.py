"""Pictures that follow the page's colours: SVG put into the page, its own colours left to the theme."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

IMAGE: Final = re.compile(r"^!\[([^\]]*)\]\(([^)\s]+\.svg)\)$", re.MULTILINE)
STYLE: Final = re.compile(r"<style>.*?</style>\n?", re.DOTALL)
MARK: Final = 'class="diagram"'  # a picture whose colours are classes


def inlined(text: str, *, source: str, top: Path) -> str:
    """The page with each diagram's SVG in it; other pictures stay links."""

    def put(image: re.Match[str]) -> str:
        path = top / posixpath.join(posixpath.dirname(source), image[2])
        svg = path.read_text("utf-8") if path.is_file() else ""
        if MARK not in svg:
            return image[0]
        body = "\n".join(line for line in STYLE.sub("", svg).splitlines() if line.strip())
        return f'<figure class="diagram-frame" markdown="0">\n{body}\n</figure>'

    return IMAGE.sub(put, text)
