"""All evidence about one pair, in the order chance, interval, timing, direction, link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamproc import limits
from streamproc.core.similarity.evidence.chance import chance_item
from streamproc.core.similarity.evidence.direction import direction_item, direction_of
from streamproc.core.similarity.evidence.interval import (
    Moments,
    bootstrap,
    delta,
    interval_item,
    moments,
)
from streamproc.core.similarity.evidence.timing import tested_timing, timing_item, timing_of
from streamproc.core.similarity.scores.rows import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.comparison_inputs import SimilarityInputs
    from streamproc.core.similarity.evidence.chance import Chance
    from streamproc.core.similarity.evidence.links import Links
    from streamproc.core.similarity.evidence.timing_test import TimingTest
    from streamproc.core.similarity.gate import Gate
    from streamproc.core.similarity.scores.meeting import Meeting
    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores
    from streamproc.core.similarity.verdict import Verdicts
    from streamproc.json_types import Json


class PairEvidence:
    """What is known of all wallets, ready to be asked about each reported pair."""

    def __init__(
        self,
        inputs: SimilarityInputs,
        *,
        rows: Rows,
        scores: Scores,
        chance: Chance,
        timing: TimingTest,
        gate: Gate,
        verdicts: Verdicts,
        links: Links,
        reported: Sequence[int],
    ) -> None:
        traded, wallets = rows.traded, len(rows.wallets)
        wallet = traded.columns.wallet
        idf = scores.idf[traded.columns.mint()]
        self._scores, self._chance, self._links, self._verdicts = scores, chance, links, verdicts
        self._test, self._gate = timing, gate
        squares, fourths = (np.bincount(wallet, idf**power, wallets).tolist() for power in (2, 4))
        self._moments = [Moments(*each) for each in zip(squares, fourths, strict=True)]
        self._bought = np.bincount(wallet[traded.bought_at != NEVER], minlength=wallets).tolist()
        self._largest_idf = float(scores.idf.max(initial=0.0))
        chosen = to_resample(scores, gate, reported)
        self._intervals = bootstrap(rows, scores, chosen, inputs.inputs_digest)

    def of(self, pair: int, meeting: Meeting) -> list[Json]:
        """Return the pair's items; without a shared mint only links are left."""
        links = self._links.of(meeting.wallet_a, meeting.wallet_b)
        if not len(meeting.mint):
            return links
        return [
            chance_item(meeting, self._chance, pair),
            *self._interval(pair, meeting),
            *self._timing(pair, meeting),
            *self._direction(pair, meeting),
            *links,
        ]

    def _interval(self, pair: int, meeting: Meeting) -> list[Json]:
        a, b = self._scores.wallet_a[pair], self._scores.wallet_b[pair]
        found = self._intervals.get(pair) or delta(
            moments(meeting.idf), self._moments[a], self._moments[b]
        )
        cosine = float(self._scores.by_name["idf"][pair])
        return [] if found is None else [interval_item(meeting, cosine, found)]

    def _timing(self, pair: int, meeting: Meeting) -> list[Json]:
        bought_a = self._bought[self._scores.wallet_a[pair]]
        bought_b = self._bought[self._scores.wallet_b[pair]]
        found = timing_of(
            meeting, bought_a=bought_a, bought_b=bought_b, largest_idf=self._largest_idf
        )
        if found is None:
            return []
        tested = tested_timing(self._test, float(self._gate.timing_q[pair]), pair, meeting)
        return [timing_item(meeting, found, tested, self._largest_idf)]

    def _direction(self, pair: int, meeting: Meeting) -> list[Json]:
        found = direction_of(meeting, self._verdicts.window_s(pair))
        q = float(self._verdicts.order_q[pair])
        known = None if np.isnan(q) else q
        return [] if found is None else [direction_item(meeting, found, known)]


def to_resample(scores: Scores, gate: Gate, reported: Sequence[int]) -> list[int]:
    """Return the pairs whose interval is worth resampling, of those reported (pair numbers, best first).

    Up to 60 wallets all that share a mint; of more wallets the 1000 best and every gated one.
    """
    few = len(scores.tokens) <= limits.BOOTSTRAP_ALL_UP_TO_WALLETS
    return [
        pair
        for place, pair in enumerate(reported)
        if scores.shared[pair]
        and (few or place < limits.BOOTSTRAP_BEST_PAIRS or gate.is_gated[pair])
    ]
