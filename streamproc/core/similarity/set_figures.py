"""What the wallets are as a whole: average scores, the tokens they share, who traded nothing."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.verdict import VERDICTS, set_sentence
from streamproc.events import SCORES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Columns, Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.json_types import Json


def set_json(
    rows: Rows,
    scores: Scores,
    codes: NDArray[np.int8],
    clusters: int,
    loose_groups: list[Json] | None,
) -> Json:
    """Return the record `set`: a sentence, verdicts counted, mean and median per score, shared tokens, non-traders.

    `codes` (P,) are the verdicts' places in VERDICTS, `clusters` is how many groups they make; `loose_groups` are None
    where too few wallets are known to look for any.
    The table holds the SHARED_TOKENS_MAX most shared mints; `shared_tokens_total` says how many there are.
    """
    table = shared_tokens(rows.traded.columns)
    counts = np.bincount(codes, minlength=len(VERDICTS)).tolist()
    return {
        "sentence": set_sentence(
            codes, clusters, [len(each["wallets"]) for each in loose_groups or ()]
        ),
        "verdicts": dict(zip(VERDICTS, counts, strict=True)),
        "mean": {name: mean(scores.by_name[name]) for name in SCORES},
        "median": {name: median(scores.by_name[name]) for name in SCORES},
        "shared_tokens": table[: limits.SHARED_TOKENS_MAX],
        "shared_tokens_total": len(table),
        "wallets_without_trades": [
            wallet for wallet, count in zip(rows.wallets, scores.tokens, strict=True) if count == 0
        ],
        "loose_groups": loose_groups,
    }


def mean(score: NDArray[np.float64]) -> float | None:
    """Return the mean over the pairs that have the score, correctly rounded sum; None when none has."""
    known = score[~np.isnan(score)]
    return fsum(known.tolist()) / len(known) if len(known) else None


def median(score: NDArray[np.float64]) -> float | None:
    """Return the median over the pairs that have the score, the middle of two for an even count; None when none has."""
    known = np.sort(score[~np.isnan(score)])
    if not len(known):
        return None
    half = len(known) // 2
    return float(known[half]) if len(known) % 2 else float((known[half - 1] + known[half]) / 2)


def shared_tokens(columns: Columns) -> list[Json]:
    """Return `{mint, wallets}` of every mint that at least two wallets traded, most wallets first, then by mint."""
    counts = np.diff(columns.start).tolist()
    shared = [(mint, count) for mint, count in zip(columns.mints, counts, strict=True) if count > 1]
    shared.sort(key=lambda each: (-each[1], each[0]))
    return [{"mint": mint, "wallets": count} for mint, count in shared]
