"""The page: one file without outside parts, readable on a phone, in the dark and on paper."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING

from streamproc.report.comparison import clusters_section, matrix_section, pairs_section
from streamproc.report.figures import missing_section, set_section, shared_tokens_section
from streamproc.report.markup import Html, el, joined
from streamproc.report.wallets import wallets_section
from streamproc.report.wording import (
    NOTHING,
    SCORES,
    TOGETHER,
    moment,
    ranked_by,
    score,
    seconds,
    untested_words,
)

if TYPE_CHECKING:
    from streamproc.report.wording import Json

SECTIONS = (
    ("clusters", "Groups that act together"),
    ("pairs", "Pairs"),
    ("matrix", "Everyone with everyone"),
    ("wallets", "Wallets"),
    ("set", "The set as a whole"),
    ("tokens", "Shared tokens"),
    ("missing", "What is missing"),
)


def render_report(result: Json) -> str:
    """The HTML page of a result (the JSON of AnalysisCompleted, or the whole one of the store).

    Everything from the result is escaped; lists are bounded as limits.REPORT_... say, and the page tells what it left
    out.
    """
    rank_by = ranked_by(result["pairs"])
    bodies = {
        "pairs": pairs_section(result, rank_by),
        "matrix": matrix_section(result, rank_by),
        "clusters": clusters_section(result),
        "wallets": wallets_section(result),
        "set": set_section(result) if result["pairs_total"] else None,
        "tokens": shared_tokens_section(result),
        "missing": missing_section(result),
    }
    shown = [(name, title) for name, title in SECTIONS if bodies[name] is not None]
    sections = (el("section", el("h2", title), bodies[name], id=name) for name, title in shown)
    body = joined(
        _head(result, shown),
        _tiles(result, rank_by),
        _notes(result),
        *sections,
        _foot(result),
    )
    return "<!doctype html>\n" + _document(f"Wallets of {result['request_id']}", body)


def _document(title: str, body: Html) -> Html:
    """The page around its body; the policy forbids the page everything but its own style."""
    css = files("streamproc.report").joinpath("page.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("title", title),
        el("style", Html(css)),
    )
    return el("html", head, el("body", body), lang="en")


def _head(result: Json, shown: list[tuple[str, str]]) -> Html:
    """Title, when, and the way around the page."""
    links = (el("a", title, href=f"#{name}") for name, title in shown)
    done = f"completed {moment(result['completed_at'])} UTC in {seconds(result['duration_ms'])}"
    return el(
        "header",
        el("h1", "Do these wallets act together?"),
        el("p", result["set"].get("sentence") or "", class_="verdict"),
        el("p", "Request ", el("code", result["request_id"]), f", {done}", class_="soft"),
        el("nav", *links),
    )


def _tiles(result: Json, rank_by: str) -> Html:
    """The figures that one looks for first."""
    outcomes = Counter(wallet["outcome"] for wallet in result["wallets"])
    verdicts = result["set"].get("verdicts") or {}
    found = sum(verdicts.get(name, 0) for name in TOGETHER)
    mean = (result["set"].get("mean") or {}).get(rank_by)
    tiles = [
        (f"{found:,}" if verdicts else NOTHING, "pairs more than chance"),
        (str(len(result["clusters"])), "groups that act together"),
        (f"{result['pairs_total']:,}", "pairs compared"),
        (str(outcomes["analyzed"]), f"wallets analyzed of {len(result['wallets'])}"),
        (score(mean), f"mean of all pairs ({rank_by})"),
        (f"{result['credits_spent']:,}", "upstream credits spent"),
    ]
    return el(
        "div",
        *(el("div", el("b", value), el("span", what), class_="tile") for value, what in tiles),
        class_="tiles",
    )


def _notes(result: Json) -> Html:
    """What a reader must know before believing the figures."""
    notes = untested_words(result["pairs"])
    incomplete = sum(
        (wallet.get("coverage") or {}).get("state") in {"capped", "partial"}
        for wallet in result["wallets"]
    )
    if incomplete:
        notes.append(
            f"{incomplete} wallets are known in part only: scores of their pairs are lower bounds."
        )
    lost = sum(wallet["outcome"] == "failed" for wallet in result["wallets"])
    if lost:
        notes.append(f"{lost} wallets could not be analyzed; the request allowed for that.")
    truncated = result.get("truncated")
    if truncated:
        cut = f"{truncated['pairs']:,} pairs and {truncated['tokens']:,} token rows"
        notes.append(f"This result was cut to fit into one event: {cut} are left out.")
    return joined(*(el("p", note, class_="note") for note in notes))


def _foot(result: Json) -> Html:
    """How to read the page, and what it was made from."""
    meanings = (joined(el("dt", name), el("dd", what)) for name, what in SCORES.items())
    origin = f"streamproc {result['engine_version']}, inputs {result['inputs_digest'][:16]}"
    return el(
        "footer",
        el(
            "p",
            "A score says how alike two lists are, from 0 to 1; whether that means anything, the verdict says.",
        ),
        el("dl", *meanings),
        el(
            "p",
            origin,
            ". Times are UTC; amounts of SOL are exact to the lamport in the JSON result.",
        ),
    )
