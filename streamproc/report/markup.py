"""HTML made of elements: text is always escaped, so nothing from a chain or a request becomes markup."""

from __future__ import annotations

import html
from typing import Final

from streamproc.safety.printable import printable

VOID: Final = frozenset({"meta", "br", "link"})


class Html(str):
    """Text that already is HTML."""

    __slots__ = ()


def escaped(text: str) -> str:
    """Text that is no markup, and turns or hides nothing on the page."""
    return html.escape(printable(text))


def el(name: str, /, *children: str | None, **attributes: str | None) -> Html:
    """An element; children that are no Html are escaped, None children and attributes are left out.

    `class_` is written as class, other underscores as dashes.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Html:
    """Several pieces one after the other, escaped where they are plain text."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escaped(child)
            for child in children
            if child is not None
        )
    )


def rows(columns: list[str], body: list[list[str]], *, class_: str = "") -> Html:
    """A table; a column whose name ends in `>` is set flush right. On a phone each cell carries its column's name."""
    names = [column.rstrip(">") for column in columns]
    sides = ["num" if column.endswith(">") else None for column in columns]
    head = el(
        "tr",
        *(
            el("th", name, class_=side, scope="col")
            for name, side in zip(names, sides, strict=True)
        ),
    )
    lines = (
        el(
            "tr",
            *(
                el("td", cell, class_=side, data_name=name)
                for cell, name, side in zip(line, names, sides, strict=True)
            ),
        )
        for line in body
    )
    table = el("table", el("thead", head), el("tbody", *lines), class_=class_ or None)
    return el("div", table, class_="scroll")


def bar(value: float | None) -> Html:
    """A bar for a figure of 0 to 1; empty for null."""
    width = 0.0 if value is None else max(0.0, min(1.0, value)) * 100
    return el(
        "span",
        el("span", class_="fill", style=f"width:{width:.1f}%"),
        class_="bar",
        role="presentation",
    )


def facts_list(facts: list[tuple[str, str]]) -> Html:
    """Names and values."""
    return el("dl", *(joined(el("dt", name), el("dd", value)) for name, value in facts))
