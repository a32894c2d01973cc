"""Everyone with everyone: the ranking score of each pair as a shaded cell, the groups beside each other."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import htpy as h

from streamproc import limits
from streamproc.report.graph import COLOURS
from streamproc.report.markup import soft
from streamproc.report.wording import TOGETHER, short

if TYPE_CHECKING:
    from htpy import Renderable

    from streamproc.json_types import Json

SHADES: Final = 10
WITH_FIGURES: Final = 26  # wallets; narrower cells have no room for them


def matrix_section(result: Json, rank_by: str) -> Renderable | None:
    """The cells, darker where more alike and framed where more than chance; None for two wallets and for large sets."""
    groups = _groups(result)
    wallets = _in_groups(result, groups)
    if not 2 < len(wallets) <= limits.REPORT_MATRIX_WALLETS_MAX:  # noqa: PLR2004 - two wallets are one pair
        return None
    pairs = {frozenset((pair["wallet_a"], pair["wallet_b"])): pair for pair in result["pairs"]}
    has_figures = len(wallets) <= WITH_FIGURES
    head = h.tr[
        h.td,
        (
            h.th(f".v.{_colour(groups, wallet)}", scope="col")[h.span[short(wallet)]]
            for wallet in wallets
        ),
    ]
    lines = (
        h.tr[
            h.th(f".{_colour(groups, row)}", scope="row", title=row)[short(row)],
            (
                _cell(pairs.get(frozenset((row, column))), rank_by, has_figures=has_figures)
                if row != column
                else h.td(".self")
                for column in wallets
            ),
        ]
        for row in wallets
    )
    return h.fragment[
        soft(
            f"The darker, the more alike ({rank_by}, hundredths). Framed: more than chance."
            " Groups stand beside each other; a dark cell without a frame is explained by popularity."
        ),
        h.div(
            ".scroll.matrix" + ("" if has_figures else ".dense"),
            tabindex="0",
            role="group",
            aria_label="Everyone with everyone",
        )[h.table[h.thead[head], h.tbody[lines]]],
    ]


def _groups(result: Json) -> dict[str, int]:
    """The group's place of each wallet that is in one."""
    members = (
        (wallet, place)
        for place, cluster in enumerate(result["clusters"])
        for wallet in cluster["wallets"]
    )
    return dict(members)


def _in_groups(result: Json, groups: dict[str, int]) -> list[str]:
    """Analyzed wallets, groups first and together."""
    analyzed = (wallet["wallet"] for wallet in result["wallets"] if wallet["outcome"] == "analyzed")
    return list(dict.fromkeys(chain(groups, analyzed)))


def _colour(groups: dict[str, int], wallet: str) -> str:
    return f"c{groups[wallet] % COLOURS}" if wallet in groups else "none"


def _cell(pair: Json | None, rank_by: str, *, has_figures: bool) -> Renderable:
    """One shaded cell."""
    value = None if pair is None else pair["scores"].get(rank_by)
    if pair is None or value is None:
        return h.td
    shade = min(SHADES - 1, int(max(0.0, value) * SHADES))
    is_found = pair.get("verdict") in TOGETHER
    figures = f"{100 * value:.0f}" if has_figures else None
    looks = f"s{shade} found" if is_found else f"s{shade}"
    return h.td(class_=looks)[figures]
