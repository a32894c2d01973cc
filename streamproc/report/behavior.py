"""A wallet's behavior on the page: labels with what decided them, when it trades, then the figures in groups."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import htpy as h

from streamproc.report.charts import columns
from streamproc.report.markup import facts
from streamproc.report.wording import NOTHING, lag, plain, share, token_name

if TYPE_CHECKING:
    from htpy import Node, Renderable

    from streamproc.json_types import Json, JsonValue

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS: Final = tuple(f"{hour} h" if hour % 6 == 0 else "" for hour in range(24))
CHARTS: Final = {
    "trades_per_hour": ("By hour of the day (UTC)", HOURS),
    "trades_per_weekday": ("By weekday", DAYS),
}
ELSEWHERE: Final = frozenset(
    {"has_trades", "trades", "buys", "sells", "tokens", "most_traded"}
    | {"trades_per_week", "trades_per_month"}
)  # what stands in the profit and loss already, and one figure by other spans
SPAN: Final = re.compile(r"\b(\d+)h\b")
LISTED: Final = 5  # of a list of records
S_PER_HOUR: Final = 3600
WINDOW: Final = frozenset({"start_h", "length_h", "trades_share"})  # the record of an active window
CLOCK: Final = frozenset({"start_h", "mean_start_h"})  # hours of a day, no durations


def behavior_part(behavior: Json | None, tokens: dict[str, Json]) -> Renderable | None:
    """The behavior record as it stands, whatever figures it has; None without one."""
    if not behavior:
        return None
    groups = {name: value for name, value in behavior.items() if isinstance(value, dict)}
    labels = {name: value for name, value in groups.items() if "label" in value}
    single = {
        name: value
        for name, value in behavior.items()
        if name not in {*groups, *CHARTS, *ELSEWHERE}
    }
    blocks = [facts(_facts(single, tokens))]
    blocks += [
        h.fragment[h.h4[_words(name)], facts(_facts(value, tokens))]
        for name, value in groups.items()
        if name not in labels
    ]
    return h.div[
        h.h3["Behavior"],
        h.p[(_label(name, value) for name, value in labels.items())] if labels else None,
        h.div(".grid")[(_chart(name, behavior.get(name)) for name in CHARTS)],
        h.div(".flow")[(h.div[block] for block in blocks)],
    ]


def _chart(name: str, counts: JsonValue) -> Renderable | None:
    """Trades by hour or by weekday, None where they are not counted so."""
    said, names = CHARTS[name]
    is_counts = isinstance(counts, list) and len(counts) == len(names)
    if not is_counts or not all(isinstance(count, int | float) for count in counts):
        return None
    return h.div[h.h4[said], columns(counts, names, f"Trades {said[:1].lower()}{said[1:]}")]


def _label(name: str, value: Json) -> Renderable:
    """A label with the figure that decided it."""
    decided = str(value.get("decided_by"))
    figure = _value(decided, value.get("value"), {})
    return h.fragment[
        h.span(".badge.quiet")[f"{name}: {_words(str(value['label']))}"],
        h.span(".soft")[f" by {_words(decided)} {figure} "],
    ]


def _facts(values: Json, tokens: dict[str, Json]) -> list[tuple[str, Node]]:
    """Names and values of one group."""
    return [(_words(name), _value(name, value, tokens)) for name, value in values.items()]


def _value(name: str, value: JsonValue, tokens: dict[str, Json]) -> str:
    """One value: shares in percent, hours in the unit that fits, lists of records in a line."""
    if isinstance(value, list):
        return "; ".join(_record(item, tokens) for item in value[:LISTED]) or NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _figure(name.rpartition(".")[2], value)
    return NOTHING if value is None else str(value).replace("_", " ")


def _figure(name: str, value: float) -> str:
    """A figure with its unit, which the end of its name tells."""
    if name in CLOCK:
        return clock(value)
    if name.endswith("_h"):
        return lag(value * S_PER_HOUR)
    if name.endswith("_share"):
        return share(value)
    return f"{plain(value)} SOL" if name.endswith("_sol") else plain(value)


def clock(hour: float) -> str:
    """An hour of the day as a clock shows it.

    >>> clock(8.69), clock(28)
    ('08:41', '04:00')
    """
    minutes = round(hour * 60) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _record(item: JsonValue, tokens: dict[str, Json]) -> str:
    """A record of a list in a few words; mints by their symbols."""
    if not isinstance(item, dict):
        return _value("", item, tokens)
    if item.keys() >= WINDOW:
        start, hours = item["start_h"], item["length_h"]
        return f"{clock(start)} to {clock(start + hours)} UTC, {share(item['trades_share'])}"
    words = [token_name(str(item["mint"]), tokens)] if "mint" in item else []
    words += [
        f"{_words(name)} {_value(name, value, tokens)}"
        for name, value in item.items()
        if name != "mint"
    ]
    return " ".join(words)


def _words(name: str) -> str:
    """A field's name in words; the unit stands with the value."""
    plain_name = name.removesuffix("_h").removesuffix("_share").removesuffix("_sol")
    return SPAN.sub(r"\1 h", plain_name.replace("_", " ").replace(".", " "))
