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

    from htpy import Node, Renderable

    from streamproc.json_types import Json

Place = tuple[float, float]

SIGNAL: Final = "common_signal"
COLOURS: Final = 6  # of groups; the seventh has the first one's again
NAMED: Final = 8  # tokens that a group's wallets have in common
NODE: Final = 8  # radius in pixels, as everything here
TIP: Final = 10  # length of an arrow's head
AT: Final = 0.42  # of a line's length stands its label: not where lines cross
SIDE, ABOVE, BELOW = 98, 30, 34  # room for names around the circle
APART: Final = 148  # between neighbours on the circle
CROWDED: Final = 84  # the same in a large group
CROWDED_FROM: Final = 4  # wallets; a larger group has a line of cards for itself
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
    both = {pair["wallet_a"], pair["wallet_b"]}
    return next((item for item in items if item.get("leader") in both), None)


def groups_section(result: Json, anchors: Mapping[str, str]) -> Renderable | None:
    """Each group, and those who hear the same signal, as pictures with sentences; None when there is nobody."""
    together = [edge(pair) for pair in result["pairs"] if pair.get("verdict") in TOGETHER]
    shown = result["clusters"][: limits.REPORT_GROUPS_MAX]
    left = len(result["clusters"]) - len(shown)
    cards = [
        _group(place, cluster, together, anchors, result["tokens"])
        for place, cluster in enumerate(shown)
    ]
    heard = [edge(pair) for pair in result["pairs"] if pair.get("verdict") == SIGNAL]
    if heard:
        cards.append(_signal(heard, anchors))
    if not cards:
        return None
    return h.fragment[
        soft(
            "A line joins two wallets whose trades are more than chance; an arrow leads from the one that is"
            " first to the one that follows, with the median time between them. Double: linked on the chain."
        ),
        h.div(".groups")[cards],
        soft(f"{left:,} more groups are in the complete result.") if left else None,
    ]


def _group(
    place: int,
    cluster: Json,
    edges: list[Edge],
    anchors: Mapping[str, str],
    tokens: dict[str, Json],
) -> Renderable:
    """A group that acts together."""
    wallets = cluster["wallets"]
    inside = [each for each in edges if each.first in wallets and each.second in wallets]
    common = [token_name(mint, tokens) for mint in cluster.get("common_mints") or []]
    more = f" and {len(common) - NAMED} more" if len(common) > NAMED else ""
    score = cluster.get("mean_score")
    return _card(
        f".c{place % COLOURS}",
        f"Group {place + 1}",
        _drawn(wallets, inside),
        h.p[cluster.get("sentence") or None],
        _members(wallets, anchors),
        soft(f"Tokens of all of them: {', '.join(common[:NAMED])}{more}.") if common else None,
        soft(f"Mean score of its pairs: {plain(score, 2)}.") if score is not None else None,
        is_wide=len(wallets) > CROWDED_FROM,
    )


def _signal(edges: list[Edge], anchors: Mapping[str, str]) -> Renderable:
    """Those who hear the same signal, which makes no group."""
    wallets = sorted({wallet for each in edges for wallet in (each.first, each.second)})
    count = f"{len(edges):,} pair{'s are' if len(edges) > 1 else ' is'}"
    return _card(
        ".signal",
        "A common signal, no group",
        _drawn(wallets, edges),
        h.p[f"{count} close in time, as many others are with them: a caller, a channel, a pump."],
        _members(wallets, anchors),
        is_wide=len(wallets) > CROWDED_FROM,
    )


def _card(colour: str, name: str, *inside: Node, is_wide: bool) -> Renderable:
    return h.article(f".group{colour}{'.wide' if is_wide else ''}")[h.h3[name], inside]


def _members(wallets: list[str], anchors: Mapping[str, str]) -> Renderable:
    """The wallets with links to what is known of each."""
    shown = wallets[: limits.REPORT_GRAPH_WALLETS_MAX]
    left = len(wallets) - len(shown)
    return h.p(".members")[
        (
            h.a(href=f"#{anchors[wallet]}", title=wallet)[short(wallet)]
            if wallet in anchors
            else h.span[short(wallet)]
            for wallet in shown
        ),
        h.span[f"and {left:,} more"] if left else None,
    ]


def _drawn(wallets: list[str], edges: list[Edge]) -> Renderable | None:
    """The picture, None where there are too many lines to tell apart."""
    return _picture(wallets, edges) if len(wallets) <= limits.REPORT_GRAPH_WALLETS_MAX else None


def _picture(wallets: list[str], edges: list[Edge]) -> Renderable:
    """The wallets on a circle in their order, the first one on top; two stand side by side."""
    count = len(wallets)
    apart = APART if count <= CROWDED_FROM else CROWDED
    radius = apart / 2 / sin(pi / max(count, 2))
    turn = pi if count == 2 else -pi / 2  # noqa: PLR2004 - two
    angles = [turn + 2 * pi * n / max(count, 1) for n in range(count)]
    around = [(radius * cos(angle), radius * sin(angle)) for angle in angles]
    top, bottom = min(y for _, y in around) - ABOVE, max(y for _, y in around) + BELOW
    places = {
        wallet: (radius + SIDE + x, y - top) for wallet, (x, y) in zip(wallets, around, strict=True)
    }
    width, centre = 2 * (radius + SIDE), (radius + SIDE, -top)
    size = f"0 0 {width:.0f} {bottom - top:.0f}"
    return svg(".graph", viewBox=size, width=f"{width:.0f}", role="img", aria_label=_said(edges))[
        (_line(each, places, is_labelled=len(edges) <= LABELLED) for each in edges),
        (_node(wallet, at, centre) for wallet, at in places.items()),
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
    near = (start[0] + AT * (tip[0] - start[0]), start[1] + AT * (tip[1] - start[1]))
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
        text(".lag", x=f"{near[0]:.1f}", y=f"{near[1] + 4:.1f}")[lag(each.lag_s)]
        if is_labelled and each.lag_s is not None
        else None,
    ]


def _node(wallet: str, at: Place, centre: Place) -> Renderable:
    """A wallet's point with its name on the side that looks away from the others."""
    x, y = at
    aside, down = x - centre[0], y - centre[1]
    if abs(down) < abs(aside):
        side, left, below = ("", 14, 4) if aside > 0 else (".end", -14, 4)
    else:
        side, left, below = ".middle", 0, 24 if down >= 0 else -15
    name = text(f".who{side}", x=f"{x + left:.1f}", y=f"{y + below:.1f}")
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
