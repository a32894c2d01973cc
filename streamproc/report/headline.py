"""The page's beginning: the verdict in a sentence, the figures looked for first, what to know before."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import htpy as h

from streamproc.report.wording import (
    NOTHING,
    TOGETHER,
    cohort_words,
    moment,
    seconds,
    untested_words,
)

if TYPE_CHECKING:
    from htpy import Node, Renderable

    from streamproc.json_types import Json

NUMBERS: Final = (
    *("No", "One", "Two", "Three", "Four", "Five", "Six"),
    *("Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
)
NAMED_GROUPS: Final = 6  # more sizes in a row are no longer read
LEAST_WALLETS: Final = 2


def headline(result: Json) -> str:
    """The verdict on all wallets in one sentence."""
    sizes = [len(cluster["wallets"]) for cluster in result["clusters"]]
    if sizes:
        return f"{_groups(sizes)} of {len(result['wallets']):,} wallets."
    verdicts = (result.get("set") or {}).get("verdicts") or {}
    analyzed = sum(wallet["outcome"] == "analyzed" for wallet in result["wallets"])
    if analyzed < LEAST_WALLETS:
        return "Too few wallets to say."
    if verdicts.get("common_signal"):
        return "No group acts together; some wallets hear the same signal."
    if verdicts.get("alike"):
        return "Nothing beyond shared popularity."
    if any("wallets" in why for why in untested_words(result["pairs"])):
        return "Too few wallets to say."
    return "Too little to test: nothing can be said."


def _groups(sizes: list[int]) -> str:
    """How many groups act together, and how large they are."""
    if len(sizes) == 1:
        return f"One group acts together: {sizes[0]:,}"
    many = NUMBERS[len(sizes)] if len(sizes) < len(NUMBERS) else f"{len(sizes):,}"
    if len(sizes) > NAMED_GROUPS:
        return f"{many} groups act together: {sum(sizes):,}"
    listed = ", ".join(map(str, sizes[:-1]))
    return f"{many} groups act together: {listed} and {sizes[-1]}"


def masthead(result: Json, shown: list[tuple[str, str]], note: str | None) -> Renderable:
    """What the page is of, the verdict, what it rests on, and the way around the page."""
    done = f"{moment(result['completed_at'])} UTC, {seconds(result['duration_ms'])}"
    return h.header[
        h.p(".over")[h.span["streamproc"], h.span[h.code[str(result["request_id"])]], h.span[done]],
        h.h1[headline(result)],
        h.p(".lead")[result["set"].get("sentence") or None],
        h.p(".note")[note] if note else None,
        h.nav(aria_label="Sections")[(h.a(href=f"#{name}")[title] for name, title in shown)],
    ]


def figures_first(result: Json) -> Renderable:
    """The figures that one looks for first."""
    outcomes = Counter(wallet["outcome"] for wallet in result["wallets"])
    verdicts = result["set"].get("verdicts") or {}
    found = sum(verdicts.get(name, 0) for name in TOGETHER)
    tiles: list[tuple[str, Node]] = [
        (f"{found:,}" if verdicts else NOTHING, "pairs more than chance"),
        (f"{result['pairs_total']:,}", "pairs compared"),
        (f"{verdicts.get('untested', 0):,}" if verdicts else NOTHING, "pairs not testable"),
        (f"{outcomes['analyzed']:,} of {len(result['wallets']):,}", "wallets analyzed"),
        (f"{len(result['missing']):,}", "things not known"),
        (f"{result['credits_spent']:,}", "upstream credits"),
    ]
    return h.dl(".tiles")[(h.div[h.dt[what], h.dd[value]] for value, what in tiles)]


def notes(result: Json) -> Renderable | None:
    """What a reader must know before believing the figures, None without anything."""
    said = [*cohort_words(result.get("cohort")), *untested_words(result["pairs"])]
    incomplete = sum(
        (wallet.get("coverage") or {}).get("state") in {"capped", "partial"}
        for wallet in result["wallets"]
    )
    if incomplete:
        said.append(
            f"{incomplete} wallets are known in part only: scores of their pairs are lower bounds."
        )
    lost = sum(wallet["outcome"] == "failed" for wallet in result["wallets"])
    if lost:
        said.append(f"{lost} wallets could not be analyzed; the request allowed for that.")
    truncated = result.get("truncated")
    if truncated:
        cut = f"{truncated['pairs']:,} pairs and {truncated['tokens']:,} token rows"
        said.append(f"This result was cut to fit into one event: {cut} are left out.")
    return h.ul(".notes")[(h.li[each] for each in said)] if said else None
