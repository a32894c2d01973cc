"""The whole comparison in one call, made for a process pool: plain data in, plain data out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streamproc.core.similarity.clusters import clusters_json
from streamproc.core.similarity.evidence.chance import WALLETS_MIN, chance_of
from streamproc.core.similarity.evidence.closeness import closeness_of
from streamproc.core.similarity.evidence.following import following_of
from streamproc.core.similarity.evidence.links import Links
from streamproc.core.similarity.evidence.orders import orders_of
from streamproc.core.similarity.evidence.timing_test import timing_test
from streamproc.core.similarity.evidence.trading import chosen_alike, trading_of
from streamproc.core.similarity.gate import gate_of
from streamproc.core.similarity.loose_groups import loose_groups_of
from streamproc.core.similarity.pair_evidence import PairEvidence
from streamproc.core.similarity.records import pairs_json
from streamproc.core.similarity.scores.ranking import ranked_pairs
from streamproc.core.similarity.scores.rows import rows_from_inputs
from streamproc.core.similarity.scores.scores import all_scores
from streamproc.core.similarity.set_figures import set_json
from streamproc.core.similarity.verdict import Verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamproc.core.comparison_inputs import SimilarityInputs
    from streamproc.core.similarity.evidence.chance import Chance
    from streamproc.core.similarity.evidence.closeness import Closeness
    from streamproc.core.similarity.evidence.orders import Orders
    from streamproc.core.similarity.evidence.timing_test import TimingTest
    from streamproc.core.similarity.evidence.trading import Trading
    from streamproc.core.similarity.gate import Gate
    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.json_types import Json


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a comparison found: the records of the result, and all pairs as columns for the store."""

    pairs: list[Json]  # the best `max_pairs`, in ranked order
    pairs_total: int
    set: Json
    clusters: list[Json]
    rows: Rows
    scores: Scores  # every pair, by pair number
    chance: Chance  # every pair, by pair number
    gate: Gate  # every pair, by pair number
    verdicts: Verdicts  # every pair, by pair number
    ranked: NDArray[np.int64]  # (pairs_total,) pair numbers, best first


def compare(inputs: SimilarityInputs) -> Comparison:
    """Return everything that is said about how alike the wallets are.

    The same inputs give the same bytes, whatever their order. Fewer than two wallets have no pairs. Raises ValueError
    when a wallet, or a mint of one wallet, comes twice, or a cost is negative.
    """
    rows = rows_from_inputs(inputs)
    scores = all_scores(rows)
    ranked = ranked_pairs(scores, inputs.rank_by)
    background = chosen_alike(inputs.background, inputs.chosen_by)
    trading = trading_of(rows, background, inputs.left_out)
    chance, closeness, timing, orders, gate = _tested(rows, scores, trading)
    links = Links(inputs)
    verdicts = Verdicts(gate, orders, linked_pairs(links, rows, scores, gate))
    reported = reported_pairs(ranked, gate.is_gated, inputs.max_pairs)
    evidence = PairEvidence(
        inputs,
        rows=rows,
        scores=scores,
        chance=chance,
        timing=timing,
        gate=gate,
        verdicts=verdicts,
        links=links,
        reported=reported,
    )
    clusters = clusters_json(rows, scores, verdicts, inputs.rank_by)
    loose = loose_groups_of(trading, closeness, scores, gate.is_gated, rows)
    return Comparison(
        pairs=list(pairs_json(rows, scores, reported, evidence.of, verdicts)),
        pairs_total=len(ranked),
        set=set_json(rows, scores, verdicts.code, len(clusters), loose),
        clusters=clusters,
        rows=rows,
        scores=scores,
        chance=chance,
        gate=gate,
        verdicts=verdicts,
        ranked=ranked,
    )


class _Tested(NamedTuple):
    """How surprising the pairs are, and which of them pass the gate."""

    chance: Chance
    closeness: Sequence[Closeness]
    timing: TimingTest
    orders: Orders
    gate: Gate


def _tested(rows: Rows, scores: Scores, trading: Trading) -> _Tested:
    chance, closeness, orders = chance_of(scores, trading), closeness_of(trading), orders_of(rows)
    following = following_of(trading) if trading.wallets >= WALLETS_MIN else None
    timing = timing_test(closeness, following, scores, chance.level)
    gate = gate_of(chance, timing, scores, trading, orders)
    return _Tested(chance, closeness, timing, orders, gate)


def linked_pairs(links: Links, rows: Rows, scores: Scores, gate: Gate) -> NDArray[np.int64]:
    """Return the numbers of gated pairs that something on the chain ties together."""
    asked = np.flatnonzero(gate.is_gated)
    ends = zip(scores.wallet_a[asked].tolist(), scores.wallet_b[asked].tolist(), strict=True)
    is_linked = [bool(links.of(rows.wallets[a], rows.wallets[b])) for a, b in ends]
    return asked[np.array(is_linked, dtype=np.bool_)]


def reported_pairs(ranked: NDArray[np.int64], is_gated: NDArray[np.bool_], most: int) -> list[int]:
    """Return the pairs that are reported, in ranked order: the gated ones before others where not all have room."""
    if len(ranked) <= most:
        return [int(pair) for pair in ranked]
    first = np.argsort(~is_gated[ranked], kind="stable")[:most]
    return [int(pair) for pair in ranked[np.sort(first)]]
