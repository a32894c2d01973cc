"""The page's sections about the whole set: mean and median scores, shared tokens, what is missing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import htpy as h

from streamproc import limits
from streamproc.report.charts import bar
from streamproc.report.markup import Explorer, fold, soft, table
from streamproc.report.wording import SCORES, chance_words, score, short, token_name, usd

if TYPE_CHECKING:
    from htpy import Renderable

    from streamproc.json_types import Json


def set_section(result: Json) -> Renderable | None:
    """Mean and median of every score over all pairs, and who did not trade at all; None without a pair."""
    if not result["pairs_total"]:
        return None
    means, medians = result["set"].get("mean") or {}, result["set"].get("median") or {}
    lines = [
        [
            name,
            what,
            bar(means.get(name)),
            score(means.get(name)),
            score(medians.get(name)),
        ]
        for name, what in SCORES.items()
        if name in means
    ]
    idle = result["set"].get("wallets_without_trades") or []
    names = ", ".join(map(short, idle[: limits.REPORT_TOKENS_MAX]))
    more = len(idle) - limits.REPORT_TOKENS_MAX
    return h.fragment[
        soft(
            "A score says how alike two lists are, from 0 to 1; whether that means anything, the verdict says."
        ),
        table(["score", "compares", "", "mean>", "median>"], lines, label="Scores of the set"),
        soft(f"Without a trade: {names}{f' and {more} more' if more > 0 else ''}.")
        if idle
        else None,
        _loose_groups(result),
    ]


def _loose_groups(result: Json) -> Renderable | None:
    """Sets that move together although no pair of them stands out, None without one."""
    groups = result["set"].get("loose_groups") or []
    lines = [
        [
            ", ".join(map(short, group["wallets"])),
            group["sentence"],
            chance_words(group["p"]),
        ]
        for group in groups
    ]
    return table(["wallets", "why", "p>"], lines, label="Loose groups") if lines else None


def shared_tokens_section(result: Json, explorer: Explorer) -> Renderable | None:
    """The tokens that most wallets traded, None when no two traded the same."""
    shared = result["set"].get("shared_tokens") or []
    if not shared:
        return None
    tokens, analyzed = result["tokens"], sum(w["outcome"] == "analyzed" for w in result["wallets"])
    lines = [
        [
            h.b[token_name(item["mint"], tokens)],
            str((tokens.get(item["mint"]) or {}).get("name") or ""),
            explorer.name(item["mint"], short(item["mint"])),
            bar(item["wallets"] / max(1, analyzed)),
            item["wallets"],
            usd((tokens.get(item["mint"]) or {}).get("price_usd")),
        ]
        for item in shared[: limits.REPORT_SHARED_TOKENS_MAX]
    ]
    left = len(shared) - len(lines)
    columns = ["token", "name", "mint", "", "wallets>", "price>"]
    return h.fragment[
        table(columns, lines, label="Shared tokens", find=True),
        soft(f"{left:,} more are in the complete result.") if left else None,
    ]


def missing_section(result: Json) -> Renderable | None:
    """What the result had to do without, None when it is whole."""
    missing = result["missing"]
    if not missing:
        return None
    counts = Counter((str(item["kind"]), str(item["reason"])) for item in missing)
    overview = [[kind, why, f"{n:,}"] for (kind, why), n in counts.most_common()]
    lines = [
        [str(item["kind"]), h.code[str(item["id"])], str(item["reason"])]
        for item in missing[: limits.REPORT_MISSING_MAX]
    ]
    return h.fragment[
        table(["kind", "why", "how many>"], overview, label="What is missing"),
        fold(
            h.span(".line")[f"Each one ({len(lines):,} of {len(missing):,})"],
            table(["kind", "what", "why"], lines, label="What is missing, each", find=True),
            class_="more",
        ),
    ]
