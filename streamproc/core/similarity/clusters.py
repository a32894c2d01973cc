"""Groups of wallets whose overlaps are more than chance."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.scores.components import components
from streamproc.core.similarity.scores.pairs import pair_count
from streamproc.core.similarity.set_figures import mean
from streamproc.core.similarity.verdict import cluster_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.core.similarity.verdict import Verdicts
    from streamproc.events import RankBy
    from streamproc.json_types import Json


NO_GROUP = -1  # of a wallet that no gated pair has


def clusters_json(rows: Rows, scores: Scores, verdicts: Verdicts, rank_by: RankBy) -> list[Json]:
    """Return the connected components of the pairs that act together, largest first, then by their first wallet.

    `mean_score` is the mean `rank_by` score over all pairs of members that have it, None when none has; `common_mints`
    were traded by every member, the rarest first, at most CLUSTER_MINTS_MAX.
    """
    together = np.flatnonzero(verdicts.is_together)
    ends_a, ends_b = scores.wallet_a[together], scores.wallet_b[together]
    groups = components(len(rows.wallets), ends_a.tolist(), ends_b.tolist())
    group_of = np.full(len(rows.wallets), NO_GROUP)
    for number, group in enumerate(groups):
        group_of[group] = number
    inside = _scores_inside(scores, group_of, len(groups), rank_by)
    common = _common_mints(rows, scores, group_of, [len(group) for group in groups])
    return [
        {
            "id": cluster_id([rows.wallets[member] for member in group]),
            "wallets": [rows.wallets[member] for member in group],
            "mean_score": mean(inside[number]),
            "common_mints": common[number],
            "sentence": cluster_sentence(
                len(group),
                verdicts.code[together[group_of[ends_a] == number]].tolist(),
                pair_count(len(group)),
            ),
        }
        for number, group in enumerate(groups)
    ]


def cluster_id(wallets: Sequence[str]) -> str:
    """Return the name that this set of wallets has in every run: 12 hex digits of SHA-256 over the sorted addresses."""
    return sha256("\n".join(sorted(wallets)).encode()).hexdigest()[:12]


def _scores_inside(
    scores: Scores, group_of: NDArray[np.int64], groups: int, rank_by: RankBy
) -> list[NDArray[np.float64]]:
    """The ranking scores of all pairs inside each group, in the order of the pairs."""
    of_a = group_of[scores.wallet_a]
    pairs = np.flatnonzero((of_a != NO_GROUP) & (of_a == group_of[scores.wallet_b]))
    pairs = pairs[np.argsort(of_a[pairs], kind="stable")]
    bounds = np.searchsorted(of_a[pairs], np.arange(groups + 1))
    values = scores.by_name[rank_by][pairs]
    return [values[bounds[number] : bounds[number + 1]] for number in range(groups)]


def _common_mints(
    rows: Rows, scores: Scores, group_of: NDArray[np.int64], sizes: Sequence[int]
) -> list[list[str]]:
    """The mints that every member of each group traded, the rarest first, then by address."""
    columns = rows.traded.columns
    group, mint = group_of[columns.wallet], columns.mint()
    is_member = group != NO_GROUP
    width = len(columns.mints)
    cells, counts = np.unique(group[is_member] * width + mint[is_member], return_counts=True)
    common = cells[counts == np.array(sizes, dtype=np.int64)[cells // max(width, 1)]]
    found: list[list[str]] = []
    for number in range(len(sizes)):
        low, high = np.searchsorted(common, [number * width, (number + 1) * width])
        mints = common[low:high] - number * width
        order = mints[np.argsort(-scores.idf[mints], kind="stable")]
        found.append([columns.mints[each] for each in order[: limits.CLUSTER_MINTS_MAX].tolist()])
    return found
