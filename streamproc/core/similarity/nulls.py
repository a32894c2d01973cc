"""Why a score of a pair is null, in words."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

from streamproc.core.similarity.evidence.item import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.events import RankBy

_LACKING: Final = {  # of one, of both
    "capital": ("has no priced purchase", "have no priced purchase"),
    "ruzicka": ("has no priced purchase", "have no priced purchase"),
    "held_jaccard": ("holds no token", "hold no token"),
    "held_cosine": ("holds no token", "hold no token"),
    "held_traded_jaccard": (
        "holds no token that it traded",
        "hold no token that they traded",
    ),
    "held_value_cosine": ("holds no token with a price", "hold no token with a price"),
}


def why_null(
    values: Mapping[RankBy, float], rows: Rows, scores: Scores, a: int, b: int
) -> dict[RankBy, str]:
    """Return a reason for each score that is null (NaN), by its name; empty when none is."""
    return {
        name: _reason(name, rows, scores, (a, b)) for name, value in values.items() if isnan(value)
    }


def _reason(name: str, rows: Rows, scores: Scores, pair: tuple[int, int]) -> str:
    names = [short(rows.wallets[wallet]) for wallet in pair]
    if name.startswith("held"):
        unknown = [name for name, w in zip(names, pair, strict=True) if not rows.has_balances[w]]
        if unknown:
            return f"the balances of {' and '.join(unknown)} are not known"
    idle = [each for each, w in zip(names, pair, strict=True) if scores.tokens[w] == 0]
    if idle and not name.startswith("held"):
        return f"{' and '.join(idle)} traded no token"
    both = "jaccard" in name or name == "ruzicka"  # null only where both sides are empty
    return f"{names[0]} {'and' if both else 'or'} {names[1]} {_LACKING[name][both]}"
