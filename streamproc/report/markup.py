"""Pieces that the page repeats: tables, facts, addresses to copy and to look up, in elements of htpy.

htpy escapes every text; characters that turn or hide text are made visible once, over the whole page (page.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

import htpy as h

from streamproc.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htpy import Element, Node, Renderable

FLUSH_RIGHT: Final = ">"


class Explorer(NamedTuple):
    """Where a person looks up what is on the chain; without a base the page has no outside links."""

    base: str | None

    def transaction(self, signature: str) -> Renderable:
        """A signature in short, linked; the script adds a button that copies it."""
        return self._linked("tx", signature)

    def address(self, address: str, said: str | None = None) -> Renderable:
        """An address in short or as it is called, linked; the script adds a button that copies it."""
        return self._linked("address", address, said)

    def name(self, address: str, said: str) -> Renderable:
        """What an address is called, linked, without a button."""
        return self._link("address", address, said)

    def _linked(self, kind: str, text: str, said: str | None = None) -> Renderable:
        return h.span(".id")[self._link(kind, text, said or short(text))]

    def _link(self, kind: str, text: str, said: str) -> Renderable:
        if self.base is None:
            return h.span(title=text)[said]
        href = f"{self.base.rstrip('/')}/{kind}/{quote(text.encode(errors='replace'), safe='')}"
        return h.a(href=href)[said]


class Cell(NamedTuple):
    """What a cell shows, what it is sorted by where the text does not say it, and how it is coloured."""

    shown: Node
    by: float | str
    tone: str | None = None


def table(
    columns: Sequence[str],
    body: Iterable[Sequence[Node | Cell]],
    *,
    label: str,
    class_: str | None = None,
    find: bool = False,
) -> Renderable:
    """A table that the script lets a person sort; a column whose name ends in `>` is set flush right.

    With `find`, a field above it shows only the rows that contain what is typed.
    """
    names = [column.rstrip(FLUSH_RIGHT) for column in columns]
    right = [f"n{n}" for n, column in enumerate(columns, 1) if column.endswith(FLUSH_RIGHT)]
    head = h.tr[(h.th(scope="col")[name] if name else h.td for name in names)]
    lines = [h.tr[(_cell(cell) for cell in line)] for line in body]
    looks = " ".join([*right, class_] if class_ else right)
    return h.div(data_list=True)[
        find_field(label, len(lines)) if find else None,
        h.div(".scroll", tabindex="0", role="group", aria_label=label)[
            h.table(class_=looks or None)[h.thead[head], h.tbody(data_items=True)[lines]]
        ],
    ]


def _cell(cell: Node | Cell) -> Renderable:
    if isinstance(cell, Cell):
        return h.td(class_=cell.tone, data_v=str(cell.by))[cell.shown]
    return h.td[cell]


def find_field(label: str, count: int) -> Renderable:
    """A field that hides what does not contain what is typed, and says how many are left."""
    return h.p(".find")[
        h.label[
            h.span["Find in ", label[:1].lower() + label[1:]],
            h.input(type="search", data_find=True),
        ],
        h.output(data_found=True)[f"{count:,}"],
    ]


def facts(pairs: Iterable[tuple[str, Node]]) -> Renderable:
    """Names and values."""
    return h.dl[((h.dt[name], h.dd[value]) for name, value in pairs)]


def fold(line: Node, body: Node, *, class_: str, name: str | None = None) -> Renderable:
    """A line with a mark that it opens, and behind it the body."""
    return h.details(class_=class_, id=name)[
        h.summary[h.span(".mark", aria_hidden="true"), line], h.div(".body")[body]
    ]


def soft(*said: Node) -> Element:
    """A remark."""
    return h.p(".soft")[said]
