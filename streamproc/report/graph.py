"""The groups as pictures: who acts together with whom, who comes first, and by how much."""

from __future__ import annotations

from math import cos, hypot, pi, sin
from typing import TYPE_CHECKING, Final, NamedTuple

import htpy as h
from htpy import circle, g, path, polygon, svg, text

from streamproc import limits
from streamproc.report.markup import soft
from streamproc.report.wording import TOGETHER, lag, plain, short, token_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htpy import Renderable

    from streamproc.report.wording import Json

Place = tuple[float, float]

COLOURS: Final = 6  # of groups; the seventh has the first one's again
NODE: Final = 8  # radius in pixels, as everything here
TIP: Final = 10  # length of an arrow's head
SIDE: Final = 76  # room for a name beside a node
APART: Final = 148  # between neighbours on the circle
LABELLED: Final = 12  # edges of a picture; more labels would cover one another


class Edge(NamedTuple):
    """A pair that acts together: who is first where that is known, and by how many seconds."""

    first: str
    second: str
    verdict: str
    is_directed: bool
    lag_s: float | None


def edge(pair: Json) -> Edge:
    """The pair with its direction, where the sign test carries the verdict."""
    a, b = pair["wallet_a"], pair["wallet_b"]
    said = direction(pair)
    if said is None:
        return Edge(a, b, pair.get("verdict", ""), is_directed=False, lag_s=None)
    leader = said["leader"]
    follower = b if leader == a else a
    return Edge(leader, follower, pair["verdict"], is_directed=True, lag_s=said.get("lag_s"))


def direction(pair: Json) -> Json | None:
    """The evidence of who comes first, None where it does not carry the verdict."""
    if "direction" not in (pair.get("because") or []):
        return None
    items = (item for item in pair.get("evidence") or [] if item.get("kind") == "direction")
    return next((item for item in items if item.get("leader")), None)


def groups_section(result: Json, anchors: Mapping[str, str]) -> Renderable | None:
    """Each group as a picture with its sentence; None when nothing acts together."""
    if not result["clusters"]:
        return None
    edges = [edge(pair) for pair in result["pairs"] if pair.get("verdict") in TOGETHER]
    shown = result["clusters"][: limits.REPORT_GROUPS_MAX]
    left = len(result["clusters"]) - len(shown)
    return h.fragment[
        soft(
            "A line joins two wallets whose trades are more than chance; an arrow leads from the one that is"
            " first to the one that follows, with the median time between them. Double: linked on the chain."
        ),
        h.div(".groups")[
            (
                _group(place, cluster, edges, anchors, result["tokens"])
                for place, cluster in enumerate(shown)
            )
        ],
        soft(f"{left:,} more groups are in the complete result.") if left else None,
    ]


def _group(
    place: int,
    cluster: Json,
    edges: list[Edge],
    anchors: Mapping[str, str],
    tokens: dict[str, Json],
) -> Renderable:
    wallets = cluster["wallets"]
    inside = [each for each in edges if each.first in wallets and each.second in wallets]
    common = [token_name(mint, tokens) for mint in cluster.get("common_mints") or []][:8]
    more = len(cluster.get("common_mints") or []) - len(common)
    score = cluster.get("mean_score")
    return h.article(f".group.c{place % COLOURS}")[
        h.h3[f"Group {place + 1}"],
        _picture(wallets, inside) if len(wallets) <= limits.REPORT_GRAPH_WALLETS_MAX else None,
        h.p[cluster.get("sentence") or None],
        h.p(".members")[
            (
                h.a(href=f"#{anchors[wallet]}", title=wallet)[short(wallet)]
                if wallet in anchors
                else h.span[short(wallet)]
                for wallet in wallets[: limits.REPORT_GRAPH_WALLETS_MAX]
            )
        ],
        soft(
            "Tokens of all of them: ",
            ", ".join(common),
            f" and {more} more" if more > 0 else "",
            ".",
        )
        if common
        else None,
        soft(f"Mean score of its pairs: {plain(score, 2)}.") if score is not None else None,
    ]


def _picture(wallets: list[str], edges: list[Edge]) -> Renderable:
    """The group's wallets on a circle, in an order that the address decides."""
    radius = APART / 2 / sin(pi / len(wallets)) if len(wallets) > 2 else APART * 0.55  # noqa: PLR2004
    width, height = 2 * (radius + SIDE), 2 * (radius if len(wallets) > 2 else 16) + 64  # noqa: PLR2004
    turn = -pi / 2 if len(wallets) > 2 else pi  # noqa: PLR2004 - two stand side by side
    places = {
        wallet: (
            width / 2 + radius * cos(turn + 2 * pi * n / len(wallets)),
            height / 2 + radius * sin(turn + 2 * pi * n / len(wallets)),
        )
        for n, wallet in enumerate(wallets)
    }
    size = f"0 0 {width:.0f} {height:.0f}"
    return svg(".graph", viewBox=size, width=f"{width:.0f}", role="img", aria_label=_said(edges))[
        (_line(each, places, is_labelled=len(edges) <= LABELLED) for each in edges),
        (_node(wallet, at, (width / 2, height / 2)) for wallet, at in places.items()),
    ]


def _line(each: Edge, places: Mapping[str, Place], *, is_labelled: bool) -> Renderable:
    """A line between two nodes, its arrow and the time between them; what is linked is drawn double."""
    (x1, y1), (x2, y2) = places[each.first], places[each.second]
    length = max(1.0, hypot(x2 - x1, y2 - y1))
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    start = (x1 + ux * (NODE + 3), y1 + uy * (NODE + 3))
    tip = (x2 - ux * (NODE + 3), y2 - uy * (NODE + 3))
    end = (tip[0] - ux * TIP, tip[1] - uy * TIP) if each.is_directed else tip
    drawn = f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"
    corners = (
        tip,
        (end[0] - uy * TIP / 2, end[1] + ux * TIP / 2),
        (end[0] + uy * TIP / 2, end[1] - ux * TIP / 2),
    )
    return g(".edge")[
        path(f".way.{each.verdict}" if each.verdict in TOGETHER else ".way", d=drawn),
        path(".gap", d=drawn) if each.verdict == "linked" else None,
        polygon(points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners))
        if each.is_directed
        else None,
        text(".lag", x=f"{(start[0] + tip[0]) / 2:.1f}", y=f"{(start[1] + tip[1]) / 2 + 4:.1f}")[
            lag(each.lag_s)
        ]
        if is_labelled and each.lag_s is not None
        else None,
    ]


def _node(wallet: str, at: Place, centre: Place) -> Renderable:
    """A wallet's point with its name on the side that looks away from the others."""
    x, y = at
    aside = x - centre[0]
    if abs(aside) < NODE:
        name = text(".who.middle", x=f"{x:.1f}", y=f"{y + (22 if y > centre[1] else -16):.1f}")
    elif aside > 0:
        name = text(".who", x=f"{x - 24:.1f}", y=f"{y + (22 if y >= centre[1] else -16):.1f}")
    else:
        name = text(".who.end", x=f"{x + 24:.1f}", y=f"{y + (22 if y >= centre[1] else -16):.1f}")
    return g[circle(".node", cx=f"{x:.1f}", cy=f"{y:.1f}", r=str(NODE)), name[short(wallet)]]


def _said(edges: list[Edge]) -> str:
    """The picture in words."""
    if not edges:
        return "Its pairs are in the complete result"
    return "; ".join(
        f"{short(each.second)} follows {short(each.first)}, {lag(each.lag_s)} later"
        if each.is_directed
        else f"{short(each.first)} with {short(each.second)}"
        for each in edges
    )
