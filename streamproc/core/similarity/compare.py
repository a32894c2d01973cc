"""The whole comparison in one call, made for a process pool: plain data in, plain data out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamproc.core.similarity.chance import chance_of
from streamproc.core.similarity.clusters import clusters_json
from streamproc.core.similarity.pair_evidence import PairEvidence
from streamproc.core.similarity.ranking import ranked_pairs
from streamproc.core.similarity.records import pairs_json
from streamproc.core.similarity.rows import rows_from_inputs
from streamproc.core.similarity.scores import all_scores
from streamproc.core.similarity.set_figures import set_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streamproc.core.similarity.chance import Chance
    from streamproc.core.similarity.inputs import SimilarityInputs
    from streamproc.core.similarity.rows import Rows
    from streamproc.core.similarity.scores import Scores


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a comparison found: the records of the result, and all pairs as columns for the store."""

    pairs: list[dict[str, Any]]  # the best `max_pairs`, in ranked order
    pairs_total: int
    set: dict[str, Any]
    clusters: list[dict[str, Any]]
    rows: Rows
    scores: Scores  # every pair, by pair number
    chance: Chance  # every pair, by pair number
    ranked: NDArray[np.int64]  # (pairs_total,) pair numbers, best first


def compare(inputs: SimilarityInputs) -> Comparison:
    """Return everything that is said about how alike the wallets are.

    The same inputs give the same bytes, whatever their order. Fewer than two wallets have no pairs. Raises ValueError
    when a wallet, or a mint of one wallet, comes twice, or a cost is negative.
    """
    rows = rows_from_inputs(inputs)
    scores = all_scores(rows)
    ranked = ranked_pairs(scores, inputs.rank_by)
    chance = chance_of(rows, scores, inputs.background, inputs.left_out)
    reported = ranked[: inputs.max_pairs].tolist()
    evidence = PairEvidence(inputs, rows, scores, chance, reported)
    return Comparison(
        pairs=list(pairs_json(rows, scores, reported, evidence.of)),
        pairs_total=len(ranked),
        set=set_json(rows, scores),
        clusters=clusters_json(rows, scores, chance.is_gated, inputs.rank_by),
        rows=rows,
        scores=scores,
        chance=chance,
        ranked=ranked,
    )
