"""Groups of wallets whose overlaps are more than chance."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.set_figures import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.similarity.evidence import Json
    from streamproc.core.similarity.rows import Rows
    from streamproc.core.similarity.scores import Scores
    from streamproc.events import RankBy


def clusters_json(
    rows: Rows, scores: Scores, is_gated: NDArray[np.bool_], rank_by: RankBy
) -> list[Json]:
    """Return the connected components of the gated pairs, largest first, then by their first wallet.

    `mean_score` is the mean `rank_by` score over all pairs of members that have it, None when none has; `common_mints`
    were traded by every member, the rarest first, at most CLUSTER_MINTS_MAX.
    """
    groups = components(
        len(rows.wallets), scores.wallet_a[is_gated].tolist(), scores.wallet_b[is_gated].tolist()
    )
    return [
        {
            "id": cluster_id([rows.wallets[member] for member in group]),
            "wallets": [rows.wallets[member] for member in group],
            "mean_score": mean(_scores_inside(scores, group, rank_by)),
            "common_mints": _common_mints(rows, scores, group),
        }
        for group in groups
    ]


def components(nodes: int, ends_a: Sequence[int], ends_b: Sequence[int]) -> list[list[int]]:
    """Return the connected components of at least two nodes, members ascending; largest first, then by first member."""
    root = list(range(nodes))
    for a, b in zip(ends_a, ends_b, strict=True):
        first, second = sorted((_root(root, a), _root(root, b)))
        root[second] = first
    groups: dict[int, list[int]] = {}
    for node in range(nodes):
        groups.setdefault(_root(root, node), []).append(node)
    found = [group for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group[0]))


def cluster_id(wallets: Sequence[str]) -> str:
    """Return the name that this set of wallets has in every run: 12 hex digits of SHA-256 over the sorted addresses."""
    return sha256("\n".join(sorted(wallets)).encode()).hexdigest()[:12]


def _root(root: list[int], node: int) -> int:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node


def _scores_inside(scores: Scores, group: Sequence[int], rank_by: RankBy) -> NDArray[np.float64]:
    inside = np.isin(scores.wallet_a, group) & np.isin(scores.wallet_b, group)
    return scores.by_name[rank_by][inside]


def _common_mints(rows: Rows, scores: Scores, group: Sequence[int]) -> list[str]:
    columns = rows.traded.columns
    members = np.isin(columns.wallet, group)
    counts = np.bincount(columns.mint()[members], minlength=len(columns.mints))
    common = np.flatnonzero(counts == len(group))
    order = common[np.argsort(-scores.idf[common], kind="stable")]
    return [columns.mints[number] for number in order[: limits.CLUSTER_MINTS_MAX].tolist()]
