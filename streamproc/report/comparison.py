"""The page's sections about pairs: the ranking, the matrix, the groups."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from streamproc import limits
from streamproc.report.markup import Html, bar, el, joined, rows
from streamproc.report.wording import (
    NOTHING,
    SCORES,
    TOGETHER,
    by_verdict,
    chance_words,
    evidence_sentence,
    score,
    share,
    short,
    token_name,
    verdict_words,
)

if TYPE_CHECKING:
    from streamproc.report.wording import Json

OPEN_PAIRS: Final = 1  # the best one is unfolded at first sight
DARK_FROM: Final = 0.55  # a cell as dark as this needs white figures
TRENDS: Final = {
    "converging": "holding more alike than they traded",
    "diverging": "holding less alike",
    "stable": "as alike as before",
}


def pairs_section(result: Json, rank_by: str) -> Html:
    """The pairs, the strongest verdicts first, the best one unfolded; how many are left out is said."""
    pairs = by_verdict(result["pairs"])[: limits.REPORT_PAIRS_MAX]
    if not pairs:
        return el("p", "There is no pair to compare: fewer than two wallets were analyzed.")
    shown = (
        _pair(rank, pair, rank_by, result["tokens"], is_open=rank <= OPEN_PAIRS)
        for rank, pair in enumerate(pairs, start=1)
    )
    left = result["pairs_total"] - len(pairs)
    more = (
        el("p", f"{left:,} more pairs are in the complete result (--format csv).", class_="soft")
        if left > 0
        else None
    )
    how = "The strongest verdict first, then the smallest q. A pair opens into what it rests on."
    return joined(el("p", how, class_="soft"), *shown, more)


def _pair(rank: int, pair: Json, rank_by: str, tokens: dict[str, Json], *, is_open: bool) -> Html:
    """One pair: a line that begins with the verdict, and behind it the sentence, evidence, scores and shared tokens."""
    value = pair["scores"].get(rank_by)
    bound = "≥ " if pair.get("lower_bound") and value is not None else ""
    line = el(
        "div",
        el("span", str(rank), class_="rank"),
        el("span", f"{short(pair['wallet_a'])} · {short(pair['wallet_b'])}", class_="who"),
        el("span", verdict_words(pair), class_=f"label {_tone(pair)}"),
        el("span", bar(value), " ", el("b", bound + score(value))),
        el("span", f"{pair['shared_tokens']} shared", class_="soft"),
        class_="line",
    )
    body = el(
        "div",
        el("p", pair.get("sentence") or "", class_="sentence"),
        _addresses(pair),
        el("div", _scores(pair), _why(pair, tokens), class_="grid2"),
        class_="body",
    )
    attributes = {"open": ""} if is_open else {}
    return el("details", el("summary", line), body, class_="pair", **attributes)


def _tone(pair: Json) -> str:
    """How a verdict is coloured: found, heard, or nothing beyond chance."""
    verdict = pair.get("verdict")
    return "found" if verdict in TOGETHER else "heard" if verdict == "common_signal" else "quiet"


def _addresses(pair: Json) -> Html:
    """Both addresses in full."""
    return el("p", el("code", pair["wallet_a"]), el("br"), el("code", pair["wallet_b"]))


def _scores(pair: Json) -> Html:
    """All scores of a pair with their bars."""
    lines = [
        [name, _bar_or_reason(pair, name), score(pair["scores"].get(name))]
        for name in SCORES
        if name in pair["scores"]
    ]
    return el("div", el("h3", "Scores"), rows(["score", "", "value>"], lines))


def _bar_or_reason(pair: Json, name: str) -> Html:
    """A score's bar; for one that is null, why."""
    why = (pair.get("null_scores") or {}).get(name)
    return joined(bar(pair["scores"].get(name))) if why is None else el("span", why, class_="soft")


def _why(pair: Json, tokens: dict[str, Json]) -> Html:
    """What the scores rest on: counts, trend, evidence in words, the shared tokens that weigh most."""
    counts = f"{pair['shared_tokens']} of {pair['tokens_a']} and {pair['tokens_b']} tokens traded by both"
    sentences = [f"{counts} (overlap {share(pair.get('overlap'))})."]
    if pair.get("q") is not None:
        carried = ", ".join(pair.get("because") or []) or "nothing"
        sentences.append(f"q = {chance_words(pair)} of all kinds together; carried by {carried}.")
    if pair.get("label"):
        sentences.append(f"Scores alone would be called {pair['label']}, which is no finding.")
    if pair.get("trend"):
        sentences.append(f"{pair['trend'].capitalize()}: {TRENDS.get(pair['trend'], 'now')}.")
    if pair.get("lower_bound"):
        sentences.append("A lower bound: at least one history is incomplete.")
    items = [el("li", sentence) for sentence in sentences]
    items += [
        el("li", el("b", f"{item['kind']}: "), evidence_sentence(item))
        for item in pair.get("evidence") or []
    ]
    listed = el("ul", *items)
    return el("div", el("h3", "Why"), listed, _top_shared(pair, tokens))


def _top_shared(pair: Json, tokens: dict[str, Json]) -> Html | None:
    """The shared tokens with each wallet's weight, None when nothing is shared."""
    shared = (pair.get("top_shared") or [])[: limits.REPORT_TOKENS_MAX]
    if not shared:
        return None
    lines = [
        [
            el("span", token_name(item["mint"], tokens), title=item["mint"]),
            share(item.get("weight_a")),
            share(item.get("weight_b")),
        ]
        for item in shared
    ]
    columns = ["shared token", f"{short(pair['wallet_a'])}>", f"{short(pair['wallet_b'])}>"]
    return rows(columns, lines)


def matrix_section(result: Json, rank_by: str) -> Html | None:
    """Every pair's ranking score as a shaded cell; wallets of one group beside each other; None for large sets."""
    wallets = _in_groups(result)
    if not 2 < len(wallets) <= limits.REPORT_MATRIX_WALLETS_MAX:  # noqa: PLR2004 - two wallets are one pair
        return None
    pairs = {frozenset((pair["wallet_a"], pair["wallet_b"])): pair for pair in result["pairs"]}
    head = el("tr", el("th"), *(el("th", short(wallet), scope="col") for wallet in wallets))
    lines = (
        el(
            "tr",
            el("th", short(row), scope="row", class_="who"),
            *(
                _cell(row, column, pairs.get(frozenset((row, column))), rank_by)
                for column in wallets
            ),
        )
        for row in wallets
    )
    table = el("table", el("thead", head), el("tbody", *lines))
    return el(
        "div",
        el(
            "p", f"Framed: more than chance. The darker, the more alike ({rank_by}).", class_="soft"
        ),
        el("div", table, class_="scroll matrix"),
    )


def _in_groups(result: Json) -> list[str]:
    """Analyzed wallets, groups first and together."""
    analyzed = [wallet["wallet"] for wallet in result["wallets"] if wallet["outcome"] == "analyzed"]
    grouped = dict.fromkeys(
        chain.from_iterable(cluster["wallets"] for cluster in result["clusters"])
    )
    return [*grouped, *(wallet for wallet in analyzed if wallet not in grouped)]


def _cell(row: str, column: str, pair: Json | None, rank_by: str) -> Html:
    """One shaded cell, framed when the pair is more than chance."""
    if row == column:
        return el("td", class_="self")
    value = None if pair is None else pair["scores"].get(rank_by)
    is_found = pair is not None and pair.get("verdict") in TOGETHER
    text = "" if value is None else f"{value:.2f}".removeprefix("0")
    strong = "strong" if value is not None and value >= DARK_FROM else ""
    looks = f"{strong} found" if is_found else strong
    said = NOTHING if pair is None else verdict_words(pair)
    title = f"{row} and {column}: {said}, {score(value)}"
    return el("td", text, class_=looks.strip() or None, style=f"--v:{value or 0:.3f}", title=title)


def clusters_section(result: Json) -> Html | None:
    """The groups with their sentences and members, None when there are none."""
    if not result["clusters"]:
        return None
    lines = [
        [
            joined(
                el("p", cluster.get("sentence") or ""),
                el("code", str(cluster["id"])[:12], class_="soft"),
            ),
            el(
                "span",
                *(
                    el("span", short(wallet) + " ", class_="who", title=wallet)
                    for wallet in cluster["wallets"]
                ),
            ),
            score(cluster.get("mean_score")),
            ", ".join(
                token_name(mint, result["tokens"])
                for mint in (cluster.get("common_mints") or [])[:10]
            ),
        ]
        for cluster in result["clusters"]
    ]
    return rows(["group", "wallets", "mean score>", "tokens in common"], lines)
