"""A wallet's behavior on the page: labels first, then the figures in groups, counts per hour and weekday as strips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamproc.report.markup import Html, el, facts_list, joined
from streamproc.report.wording import NOTHING, share, token_name

if TYPE_CHECKING:
    from streamproc.report.wording import Json

HOURS: Final = 24
WEEKDAYS: Final = 7
LISTED: Final = 5  # of a list of records


def behavior_part(behavior: Json | None, tokens: dict[str, Json]) -> Html | None:
    """The behavior record as it stands, whatever figures it has; None without one."""
    if not behavior:
        return None
    groups = {name: value for name, value in behavior.items() if isinstance(value, dict)}
    labels = {name: value for name, value in groups.items() if "label" in value}
    plain = {name: value for name, value in behavior.items() if name not in groups}
    blocks = [facts_list(_facts(plain, tokens))]
    blocks += [
        joined(el("h4", _words(name)), facts_list(_facts(value, tokens)))
        for name, value in groups.items()
        if name not in labels
    ]
    return joined(
        el("h3", "Behavior"),
        el("p", *(_label(name, value) for name, value in labels.items())) if labels else None,
        el("div", *(el("div", block) for block in blocks), class_="grid3"),
    )


def _label(name: str, value: Json) -> Html:
    """A label with the figure that decided it."""
    decided = f"{_words(str(value.get('decided_by')))} {_figure(value.get('value'))}"
    text = el("span", f"{name}: {_words(str(value['label']))}", class_="label", title=decided)
    return joined(text, " ", el("span", f"by {decided}", class_="soft"), "  ")


def _facts(values: Json, tokens: dict[str, Json]) -> list[tuple[str, str]]:
    """Names and values of one group."""
    return [(_words(name), _value(name, value, tokens)) for name, value in values.items()]


def _value(name: str, value: Any, tokens: dict[str, Json]) -> str:  # noqa: ANN401 - any JSON
    """One value: shares in percent, hours and weekdays as a strip, lists of records in a line."""
    if isinstance(value, list):
        if len(value) in {HOURS, WEEKDAYS} and all(isinstance(n, int | float) for n in value):
            return _strip(value)
        return "; ".join(_record(item, tokens) for item in value[:LISTED]) or NOTHING
    if name.endswith("_share") and isinstance(value, int | float):
        return share(value)
    return f"{_figure(value)} h" if name.endswith("_h") and value is not None else _figure(value)


def _record(item: Any, tokens: dict[str, Json]) -> str:  # noqa: ANN401 - any JSON
    """A record of a list in a few words; mints by their symbols."""
    if not isinstance(item, dict):
        return _figure(item)
    words = [token_name(str(item["mint"]), tokens)] if "mint" in item else []
    words += [
        f"{_words(name)} {_value(name, value, tokens)}"
        for name, value in item.items()
        if name != "mint"
    ]
    return " ".join(words)


def _figure(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A figure with three digits; null is nothing, true and false are yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3g}"
    return NOTHING if value is None else str(value)


def _words(name: str) -> str:
    """A field's name in words; the unit stands with the value."""
    return name.removesuffix("_h").removesuffix("_share").replace("_", " ").replace(".", " ")


def _strip(counts: list[float]) -> Html:
    """Counts side by side as small bars."""
    most = max(*counts, 1)
    bars = (
        el("i", style=f"height:{100 * count / most:.0f}%", title=f"{index}: {count}")
        for index, count in enumerate(counts)
    )
    return el("span", *bars, class_="strip")
