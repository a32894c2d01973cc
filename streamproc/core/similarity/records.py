"""Pairs as the result's records: plain values, null as None, field names of the contract."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from streamproc.core.similarity.labels import label_of, trend_of
from streamproc.core.similarity.scores import SCORES
from streamproc.core.similarity.shared import shared_entries, top_shared, wallet_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamproc.core.similarity.rows import Rows
    from streamproc.core.similarity.scores import Scores


def pairs_json(rows: Rows, scores: Scores, pairs: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield one record of `pairs[]` per pair number, in the order given."""
    entries = wallet_entries(rows.traded.columns, len(rows.wallets))
    for pair in pairs:
        a, b = int(scores.wallet_a[pair]), int(scores.wallet_b[pair])
        entry_a, entry_b = shared_entries(entries, a, b)
        values = {name: float(scores.by_name[name][pair]) for name in SCORES}
        yield {
            "wallet_a": rows.wallets[a],
            "wallet_b": rows.wallets[b],
            "scores": {name: or_none(value) for name, value in values.items()},
            "shared_tokens": int(scores.shared[pair]),
            "tokens_a": int(scores.tokens[a]),
            "tokens_b": int(scores.tokens[b]),
            "overlap": or_none(float(scores.overlap[pair])),
            "top_shared": top_shared(rows.traded, entry_a, entry_b, entries.mint),
            "label": label_of(values["binary"], values["capital"]),
            "trend": trend_of(values["held_jaccard"], values["jaccard"]),
            "lower_bound": not bool(rows.is_complete[a] and rows.is_complete[b]),
            "evidence": [],
        }


def or_none(value: float) -> float | None:
    """Return the value, or None for NaN: the only way a score leaves this package."""
    return None if isnan(value) else value
