"""The page's sections about pairs: the best ones with what they rest on, and all of them as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import htpy as h

from streamproc import limits
from streamproc.report.charts import bar
from streamproc.report.evidence import evidence_list, is_of_everybody
from streamproc.report.graph import edge
from streamproc.report.markup import Cell, Explorer, fold, soft, table
from streamproc.report.wording import (
    SCORES,
    TOGETHER,
    VERDICTS,
    by_verdict,
    chance_words,
    lag,
    score,
    share,
    short,
    token_name,
    verdict_words,
    without_exponents,
)

if TYPE_CHECKING:
    from htpy import Node, Renderable

    from streamproc.json_types import Json

NOTHING_TO_COMPARE: Final = "There is no pair to compare: fewer than two wallets were analyzed."
TRENDS: Final = {
    "converging": "holding more alike than they traded",
    "diverging": "holding less alike",
    "stable": "as alike as before",
}


def pairs_section(result: Json, rank_by: str, explorer: Explorer) -> Renderable:
    """The best pairs, the strongest verdict first; behind them a table of all that the page has room for."""
    pairs = by_verdict(result["pairs"])
    if not pairs:
        return h.p[NOTHING_TO_COMPARE]
    best = pairs[: limits.REPORT_PAIRS_MAX]
    hidden = is_of_everybody(result)
    shown = (
        _pair(rank, pair, result["tokens"], explorer, hidden) for rank, pair in enumerate(best, 1)
    )
    return h.fragment[
        soft(
            "The strongest verdict first, then the smallest q. Each line opens into what it rests on."
        ),
        h.div(".pairs")[shown],
        fold(
            h.span(".line")[
                f"All pairs as a table ({min(len(pairs), limits.REPORT_PAIRS_LISTED_MAX):,})"
            ],
            _all_pairs(pairs, rank_by, result["pairs_total"]),
            class_="more",
            name="all-pairs",
        ),
    ]


def _pair(
    rank: int, pair: Json, tokens: dict[str, Json], explorer: Explorer, hidden: frozenset[str]
) -> Renderable:
    """One pair: who, what is said of them and how sure that is; behind it sentence, evidence, scores, shared tokens."""
    way = edge(pair)
    names: Node = f"{short(way.first)} · {short(way.second)}"
    if way.is_directed:
        names = [short(way.first), h.span(".arrow", aria_hidden="true")["→"], short(way.second)]
    line = h.span(".line")[
        h.span(".rank")[str(rank)],
        h.span(".who")[names],
        h.span(class_=f"badge {tone(pair)}")[verdict_words(pair)],
        h.span(".soft")[_told(pair, way.lag_s)],
    ]
    body = [
        h.p(".sentence")[without_exponents(str(pair.get("sentence") or ""))],
        h.p(".ids")[
            explorer.address(pair["wallet_a"], pair["wallet_a"]),
            explorer.address(pair["wallet_b"], pair["wallet_b"]),
        ],
        h.h3["What it rests on"],
        _remarks(pair),
        evidence_list(pair, explorer, hidden),
        h.div(".grid.aside")[_scores(pair), _top_shared(pair, tokens, explorer)],
    ]
    return fold(line, body, class_=f"pair {tone(pair)}")


def tone(pair: Json) -> str:
    """How a verdict is coloured: found, heard, quiet (nothing beyond chance) or open (not tested)."""
    verdict = pair.get("verdict")
    if verdict in TOGETHER:
        return "found"
    return {"common_signal": "heard", "untested": "open"}.get(str(verdict), "quiet")


def _told(pair: Json, lag_s: float | None) -> str:
    """The figures of a pair's line; for one that is not tested, why."""
    if pair.get("verdict") == "untested":
        return without_exponents(str(pair.get("sentence") or "").removeprefix("Not tested: "))
    parts = [f"{pair['shared_tokens']:,} shared tokens"]
    if lag_s is not None:
        parts.insert(0, f"{lag(lag_s)} later")
    if pair.get("q") is not None:
        parts.append(f"q {_q(pair)}")
    return ", ".join(parts)


def _q(pair: Json) -> str:
    said = chance_words(pair.get("q"))
    return said if said.startswith("<") else f"= {said}"


def _remarks(pair: Json) -> Renderable:
    """Counts, what carries the verdict, the trend, and how far to believe it."""
    counts = f"{pair['shared_tokens']} of {pair['tokens_a']} and {pair['tokens_b']} tokens traded by both"
    said = [f"{counts} (overlap {share(pair.get('overlap'))})."]
    if pair.get("q") is not None:
        carried = ", ".join(pair.get("because") or []) or "nothing"
        said.append(f"q {_q(pair)} of all kinds together; carried by {carried}.")
    if pair.get("label"):
        said.append(f"Scores alone would be called {pair['label']}, which is no finding.")
    if pair.get("trend"):
        said.append(f"{pair['trend'].capitalize()}: {TRENDS.get(pair['trend'], 'now')}.")
    if pair.get("lower_bound"):
        said.append("A lower bound: at least one history is incomplete.")
    return h.p(".remarks")[" ".join(said)]


def _scores(pair: Json) -> Renderable:
    """All scores with their bars; of one that is null, why."""
    why = pair.get("null_scores") or {}
    lines = [
        [name, h.span(".soft")[why[name]] if name in why else bar(value), score(value)]
        for name in SCORES
        if name in pair["scores"]
        for value in [pair["scores"][name]]
    ]
    return h.div[h.h3["Scores"], table(["score", "", "value>"], lines, label="Scores of this pair")]


def _top_shared(pair: Json, tokens: dict[str, Json], explorer: Explorer) -> Renderable | None:
    """The shared tokens with each wallet's weight, None when nothing is shared."""
    shared = (pair.get("top_shared") or [])[: limits.REPORT_PAIR_TOKENS_MAX]
    if not shared:
        return None
    lines: list[list[Node]] = [
        [
            explorer.name(item["mint"], token_name(item["mint"], tokens)),
            share(item.get("weight_a")),
            share(item.get("weight_b")),
        ]
        for item in shared
    ]
    columns = ["token", f"{short(pair['wallet_a'])}>", f"{short(pair['wallet_b'])}>"]
    return h.div[
        h.h3["Shared tokens, share of what was paid"],
        table(columns, lines, label="Shared tokens of this pair"),
    ]


def _all_pairs(pairs: list[Json], rank_by: str, total: int) -> Renderable:
    """The pairs in lines, to sort and to search."""
    places = {name: place for place, name in enumerate(VERDICTS)}
    shown = pairs[: limits.REPORT_PAIRS_LISTED_MAX]
    lines = [
        [
            short(pair["wallet_a"]),
            short(pair["wallet_b"]),
            Cell(verdict_words(pair), places.get(pair.get("verdict", ""), len(places)), tone(pair)),
            Cell(said, pair["q"])
            if (said := chance_words(pair.get("q"))).startswith("<")
            else said,
            _bounded(pair, rank_by),
            pair["shared_tokens"],
        ]
        for pair in shown
    ]
    columns = ["wallet", "other wallet", "verdict", "q>", f"{rank_by}>", "shared>"]
    left = total - len(shown)
    return h.fragment[
        table(columns, lines, label="All pairs", class_="all", find=True),
        soft(f"{left:,} more pairs are in the complete result (--format csv).")
        if left > 0
        else None,
    ]


def _bounded(pair: Json, rank_by: str) -> str:
    """The ranking score, with a mark where it is a lower bound."""
    value = pair["scores"].get(rank_by)
    return f"≥ {score(value)}" if pair.get("lower_bound") and value is not None else score(value)
