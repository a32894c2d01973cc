"""The page: one file without outside parts, readable on a phone, in the dark and on paper."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import htpy as h
from markupsafe import Markup

from streamproc.report.figures import missing_section, set_section, shared_tokens_section
from streamproc.report.graph import groups_section
from streamproc.report.headline import figures_first, masthead, notes
from streamproc.report.markup import Explorer
from streamproc.report.matrix import matrix_section
from streamproc.report.pairs import pairs_section
from streamproc.report.wallets import anchors_of, wallets_section
from streamproc.report.wording import SCORES, VERDICTS, ranked_by
from streamproc.safety.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htpy import Renderable

    from streamproc.json_types import Json

SECTIONS: Final = (
    ("groups", "Who acts with whom"),
    ("pairs", "Pairs"),
    ("matrix", "Everyone with everyone"),
    ("wallets", "Wallets"),
    ("tokens", "Shared tokens"),
    ("set", "The set as a whole"),
    ("missing", "What is missing"),
)
MEANINGS: Final = {
    "linked": "acts together, and is tied together on the chain",
    "follows": "acts together, and one of the two comes first",
    "coordinated": "acts together, in no order",
    "common_signal": "close in time, as many others are: a caller, a channel",
    "alike": "tested, and nothing beyond popularity, season and taste",
    "untested": "too little is known; the pair says what",
}


def render_report(result: Json, *, explorer_url: str | None = None, note: str | None = None) -> str:
    """The HTML page of a result (the JSON of AnalysisCompleted, or the whole one of the store).

    Everything from the result is escaped; lists are bounded as limits.REPORT_... say, and the page tells what it left
    out. Signatures and addresses lead to `explorer_url`/tx/... and /address/..., nowhere without one. `note` stands
    below the verdict.
    """
    rank_by, explorer, anchors = (
        ranked_by(result["pairs"]),
        Explorer(explorer_url),
        anchors_of(result),
    )
    bodies = {
        "groups": groups_section(result, anchors),
        "pairs": pairs_section(result, rank_by, explorer),
        "matrix": matrix_section(result, rank_by),
        "wallets": wallets_section(result, anchors, explorer),
        "tokens": shared_tokens_section(result, explorer),
        "set": set_section(result),
        "missing": missing_section(result),
    }
    shown = [(name, title) for name, title in SECTIONS if bodies[name] is not None]
    body = [
        masthead(result, shown, note),
        h.main[
            figures_first(result),
            notes(result),
            _sections(shown, bodies),
        ],
        _foot(result),
    ]
    title = f"Wallets of {result['request_id']}"
    return f"<!doctype html>\n{printable(str(_document(title, body)), keep_lines=True)}\n"


def _sections(
    shown: list[tuple[str, str]], bodies: Mapping[str, Renderable | None]
) -> list[Renderable]:
    return [
        h.section(id=name, aria_labelledby=f"{name}-title")[
            h.h2(id=f"{name}-title")[title], bodies[name]
        ]
        for name, title in shown
    ]


def _document(title: str, body: list[Renderable]) -> Renderable:
    """The page around its body; the policy forbids it everything but its own style and script."""
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " base-uri 'none'; form-action 'none'"
    )
    return h.Element("html")(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(http_equiv="Content-Security-Policy", content=policy),
            h.meta(name="referrer", content="no-referrer"),
            h.title[title],
            h.style[Markup(style)],  # noqa: S704 - a file of this package
        ],
        h.body[body, h.script[Markup(script)]],  # noqa: S704 - a file of this package
    ]


def _own(name: str) -> str:
    return files("streamproc.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a policy names a text by."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _foot(result: Json) -> Renderable:
    """How to read the page, and what it was made from."""
    return h.footer[
        h.h2["How to read this page"],
        h.dl(".meanings")[
            (h.div[h.dt[VERDICTS[name]], h.dd[said]] for name, said in MEANINGS.items()),
            h.div[
                h.dt["q"],
                h.dd["how likely a finding like this is an accident, corrected over all pairs"],
            ],
            (h.div[h.dt[name], h.dd[what]] for name, what in SCORES.items()),
        ],
        h.p[
            f"streamproc {result['engine_version']}, inputs {result['inputs_digest'][:16]}."
            " Times are UTC; amounts are exact in the JSON result."
        ],
    ]
