"""Pairs as the result's records: plain values, null as None, field names of the contract."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from streamproc.core.similarity.nulls import why_null
from streamproc.core.similarity.scores.labels import label_of, trend_of
from streamproc.core.similarity.scores.meeting import Meeting
from streamproc.core.similarity.scores.shared import (
    WalletEntries,
    shared_entries,
    top_shared,
    wallet_entries,
)
from streamproc.events import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.core.similarity.verdict import Verdicts
    from streamproc.json_types import Json


def pairs_json(
    rows: Rows,
    scores: Scores,
    pairs: Iterable[int],
    evidence_of: Callable[[int, Meeting], list[Json]],
    verdicts: Verdicts,
) -> Iterator[Json]:
    """Yield one record of `pairs[]` per pair number, in the order given; `evidence_of` is asked once per pair."""
    entries = wallet_entries(rows.traded.columns, len(rows.wallets))
    for pair in pairs:
        a, b = int(scores.wallet_a[pair]), int(scores.wallet_b[pair])
        met = _meeting(rows, scores, entries, a, b)
        evidence = evidence_of(pair, met)
        yield {
            "wallet_a": met.wallet_a,
            "wallet_b": met.wallet_b,
            **verdicts.of(pair, met, evidence),
            **_figures(rows, scores, pair),
            "top_shared": top_shared(met),
            "evidence": evidence,
        }


def score_or_none(value: float) -> float | None:
    """Return the value, or None for NaN: the only way a score leaves this package."""
    return None if isnan(value) else value


def _meeting(rows: Rows, scores: Scores, entries: WalletEntries, a: int, b: int) -> Meeting:
    entry_a, entry_b = shared_entries(entries, a, b)
    mint = entries.mint[entry_a]
    idf = scores.idf[mint]
    return Meeting(
        traded=rows.traded,
        wallet_a=rows.wallets[a],
        wallet_b=rows.wallets[b],
        mint=mint,
        entry_a=entry_a,
        entry_b=entry_b,
        idf=idf,
        rarest=(-idf).argsort(kind="stable"),
    )


def _figures(rows: Rows, scores: Scores, pair: int) -> Json:
    a, b = int(scores.wallet_a[pair]), int(scores.wallet_b[pair])
    values = {name: float(scores.by_name[name][pair]) for name in SCORES}
    return {
        "scores": {name: score_or_none(value) for name, value in values.items()},
        "null_scores": why_null(values, rows, scores, a, b),
        "shared_tokens": int(scores.shared[pair]),
        "tokens_a": int(scores.tokens[a]),
        "tokens_b": int(scores.tokens[b]),
        "overlap": score_or_none(float(scores.overlap[pair])),
        "label": label_of(values["binary"], values["capital"]),
        "trend": trend_of(values["held_jaccard"], values["jaccard"]),
        "lower_bound": not bool(rows.is_complete[a] and rows.is_complete[b]),
    }
