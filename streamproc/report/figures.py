"""The page's sections about the whole set: mean and median scores, shared tokens, what is missing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.report.markup import Html, bar, el, joined, rows
from streamproc.report.wording import SCORES, score, short, token_name, usd

if TYPE_CHECKING:
    from streamproc.report.wording import Json


def set_section(result: Json) -> Html:
    """Mean and median of every score over all pairs, and who did not trade at all."""
    means, medians = result["set"].get("mean") or {}, result["set"].get("median") or {}
    lines = [
        [name, what, joined(bar(means.get(name))), score(means.get(name)), score(medians.get(name))]
        for name, what in SCORES.items()
        if name in means
    ]
    idle = result["set"].get("wallets_without_trades") or []
    table = rows(["score", "compares", "", "mean>", "median>"], lines)
    if not idle:
        return table
    names = ", ".join(map(short, idle[: limits.REPORT_TOKENS_MAX]))
    more = len(idle) - limits.REPORT_TOKENS_MAX
    rest = f" and {more} more" if more > 0 else ""
    return joined(table, el("p", f"Without a trade: {names}{rest}.", class_="soft"))


def shared_tokens_section(result: Json) -> Html | None:
    """The tokens that most wallets traded, None when no two traded the same."""
    shared = result["set"].get("shared_tokens") or []
    if not shared:
        return None
    tokens, analyzed = result["tokens"], sum(w["outcome"] == "analyzed" for w in result["wallets"])
    lines = [
        [
            el("b", token_name(item["mint"], tokens)),
            (tokens.get(item["mint"]) or {}).get("name") or "",
            el("code", short(item["mint"]), title=item["mint"]),
            joined(bar(item["wallets"] / max(1, analyzed))),
            str(item["wallets"]),
            usd((tokens.get(item["mint"]) or {}).get("price_usd")),
        ]
        for item in shared[: limits.REPORT_SHARED_TOKENS_MAX]
    ]
    left = len(shared) - len(lines)
    more = el("p", f"{left:,} more are in the complete result.", class_="soft") if left else None
    return joined(rows(["token", "name", "mint", "", "wallets>", "price>"], lines), more)


def missing_section(result: Json) -> Html | None:
    """What the result had to do without, None when it is whole."""
    missing = result["missing"]
    if not missing:
        return None
    counts = Counter((item["kind"], item["reason"]) for item in missing)
    overview = rows(
        ["kind", "why", "how many>"],
        [[kind, why, str(n)] for (kind, why), n in counts.most_common()],
    )
    lines = [
        [item["kind"], el("code", item["id"]), item["reason"]]
        for item in missing[: limits.REPORT_MISSING_MAX]
    ]
    listed = el(
        "details",
        el("summary", "Each one"),
        el("div", rows(["kind", "what", "why"], lines), class_="body"),
    )
    return joined(overview, listed)
