"""The page: a shell that its own script fills from the paths beside it; nothing is loaded from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import htpy as h
from aiohttp import web
from markupsafe import Markup

from streamproc.console.parameters import nothing_asked
from streamproc.store.listing import STATUSES

if TYPE_CHECKING:
    from htpy import Renderable

COLUMNS = ("Request", "Status", "Progress", "Age", "Tenant")
LETTER_COLUMNS = ("At", "Why", "From", "Key", "Commands")
TABLES = {  # id: heading, columns, what stands there while it is empty
    "members": ("Workers", ("Worker", "Host", "Reads"), "None: streamproc worker starts one."),
    "lag": (
        "Records that wait",
        ("Topic", "Partition", "Records"),
        "None: everything is worked off.",
    ),
    "upstream": (
        "Upstream",
        ("Calls", "State", "Rate", "Last refusal"),
        "Nothing was asked of it within a day.",
    ),
    "letters": ("Dead letters", LETTER_COLUMNS, "None: every record could be worked off."),
}


async def page(request: web.Request) -> web.Response:
    """The page, with a policy that allows its own style and script and questions to this server."""
    nothing_asked(request)
    text, policy = _page()
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)


@cache
def _page() -> tuple[str, str]:
    """The text and its policy, the same for everybody."""
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return f"<!doctype html>\n{_document(style, script)}\n", policy


def _document(style: str, script: str) -> Renderable:
    return h.Element("html")(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.link(rel="icon", href="data:,"),
            h.title["streamproc console"],
            h.style[Markup(style)],  # noqa: S704 - a file of this package
        ],
        h.body[
            h.header[h.h1["Analyses"], h.span(".soft")["streamproc console, read only"]],
            h.main[_body()],
            h.script[Markup(script)],  # noqa: S704 - a file of this package
        ],
    ]


def _body() -> list[Renderable]:
    """What the script fills."""
    return [
        h.noscript[h.p["This page needs its script; /analyses says the same as JSON."]],
        h.p("#note.failed", role="status", hidden=True),
        h.dl("#state.tiles"),
        h.section("#one", aria_labelledby="one-title", hidden=True)[
            h.h2("#one-title"),
            h.p("#said.soft", role="status"),
            h.p("#links.controls"),
            h.details("#bars", open=True)[
                h.summary("#counted"),
                h.ul("#wallets.wallets"),
            ],
        ],
        h.section(aria_labelledby="requests-title")[
            h.h2("#requests-title")["Requests"],
            h.p(".controls")[
                h.label["Status ", h.select("#status")[_statuses()]],
                h.button("#newest", type="button", hidden=True)["Newest"],
                h.button("#older", type="button", hidden=True)["Older"],
            ],
            _table("requests", COLUMNS),
            h.p("#none.soft", hidden=True)[
                "None. ", h.code["streamproc submit WALLET ..."], " asks for one."
            ],
        ],
        h.div(".pair")[_looked_up("members"), _looked_up("lag")],
        _looked_up("upstream"),
        _looked_up("letters"),
    ]


def _statuses() -> list[Renderable]:
    return [h.option(value="")["any"], *(h.option(value=each)[each] for each in STATUSES)]


def _looked_up(name: str) -> Renderable:
    """A section whose table is filled every few seconds."""
    title, columns, nothing = TABLES[name]
    return h.section(aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title],
        _table(name, columns),
        h.p(f"#no-{name}.soft", hidden=True)[nothing],
    ]


def _table(name: str, columns: tuple[str, ...]) -> Renderable:
    return h.table[
        h.thead[h.tr[(h.th(scope="col")[each] for each in columns)]],
        h.tbody(id=name),
    ]


def _own(name: str) -> str:
    return files("streamproc.console").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a policy names a text by."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
