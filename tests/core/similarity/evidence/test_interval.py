"""How sure an idf cosine is: the delta method by hand, resampling, and that they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamproc import limits
from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.evidence.interval import Interval, bootstrap, delta, moments
from streamproc.core.similarity.pair_evidence import to_resample
from streamproc.core.similarity.scores.rows import rows_from_inputs
from streamproc.core.similarity.scores.scores import all_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.similarity.scores.rows import Rows
    from streamproc.core.similarity.scores.scores import Scores


def row(address: str, mints: Sequence[str]) -> WalletRow:
    return WalletRow(address, tuple(TradedMint(mint, 1, 1) for mint in mints))


def overlapping(wallets: int, tokens: int, each: int) -> SimilarityInputs:
    """Wallets that trade so many tokens each, at random."""
    generator = np.random.default_rng(5)
    rows = tuple(
        row(f"w{n:04}", [f"m{m:04}" for m in generator.choice(tokens, each, replace=False)])
        for n in range(wallets)
    )
    return SimilarityInputs(rows, "digest")


def interval_item(record: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in record["evidence"] if each["kind"] == "interval"]
    return dict(found)


def resampled(inputs: SimilarityInputs) -> tuple[Rows, Scores, dict[int, Interval]]:
    rows = rows_from_inputs(inputs)
    scores = all_scores(rows)
    return rows, scores, bootstrap(rows, scores, range(len(scores.shared)), inputs.inputs_digest)


def test_the_delta_method_worked_by_hand() -> None:
    """One shared mint and one more of the first wallet, all weights 1.

    S = 1, A = 2, B = 1: cosine 1 / sqrt(2) = .70711
    variance of its logarithm: (1 - 1/4 - 1/2)^2 + 1 / (4 * 4) = 1/16 + 1/16 = 1/8
    half: 1.95996 * .70711 * .35355 = .48999, so .21712 to 1 (clamped)
    """
    one, two = np.array([1.0]), np.array([1.0, 1.0])
    found = delta(moments(one), moments(two), moments(one))
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.21712, 1.0], abs=1e-5)


def test_equal_wallets_leave_no_doubt() -> None:
    weights = np.array([1.0, 1.7, 2.3])
    found = delta(moments(weights), moments(weights), moments(weights))
    assert found == Interval(1.0, 1.0, is_resampled=False)
    twins = SimilarityInputs((row("a", ["m1", "m2"]), row("b", ["m1", "m2"])), "digest")
    item = interval_item(compare(twins).pairs[0])
    assert (item["value"], item["low"], item["high"]) == (1.0, 1.0, 1.0)


def test_a_null_cosine_has_no_interval_and_a_zero_one_none_to_speak_of() -> None:
    nothing, one = moments(np.array([])), moments(np.array([1.0]))
    assert delta(nothing, nothing, one) is None
    assert delta(nothing, one, one) == Interval(0.0, 0.0, is_resampled=False)


def test_resampling_and_the_delta_method_agree_within_five_percent() -> None:
    rows, scores, found = resampled(overlapping(wallets=12, tokens=800, each=300))
    weights = scores.idf[rows.traded.columns.mint()]
    wallet = rows.traded.columns.wallet
    mints = rows.traded.columns.mint()
    ratios = []
    for pair, interval in found.items():
        a, b = scores.wallet_a[pair], scores.wallet_b[pair]
        both = np.intersect1d(mints[wallet == a], mints[wallet == b])
        other = delta(
            moments(scores.idf[both]), moments(weights[wallet == a]), moments(weights[wallet == b])
        )
        assert other is not None
        ratios.append((interval.high - interval.low) / (other.high - other.low))
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_intervals_lie_in_range_around_their_cosine() -> None:
    _, scores, found = resampled(overlapping(wallets=15, tokens=60, each=20))
    assert len(found) == 15 * 14 // 2
    for pair, interval in found.items():
        assert 0 <= interval.low <= scores.by_name["idf"][pair] <= interval.high <= 1


def test_the_seed_is_the_digest_of_the_inputs() -> None:
    inputs = overlapping(wallets=4, tokens=60, each=20)
    other = SimilarityInputs(inputs.wallets, "another digest")
    assert resampled(inputs)[2] == resampled(inputs)[2]
    assert resampled(inputs)[2] != resampled(other)[2]


def test_chunks_do_not_change_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = overlapping(wallets=4, tokens=60, each=20)
    whole = resampled(inputs)[2]
    monkeypatch.setattr(limits, "BOOTSTRAP_CELLS_PER_CHUNK", 60 * 7)
    assert resampled(inputs)[2] == whole


def test_pairs_without_a_cosine_are_left_out() -> None:
    inputs = SimilarityInputs((row("a", ["m1"]), row("b", []), row("c", ["m1"])), "digest")
    assert list(resampled(inputs)[2]) == [1]  # a and c
    assert resampled(SimilarityInputs((row("a", []), row("b", [])), "digest"))[2] == {}


def test_of_many_wallets_only_the_best_and_the_gated_pairs_are_resampled() -> None:
    inputs = overlapping(wallets=61, tokens=80, each=20)
    rows = rows_from_inputs(inputs)
    scores = all_scores(rows)
    gate = compare(inputs).gate
    reported = np.flatnonzero(scores.shared).tolist()
    assert len(reported) > limits.BOOTSTRAP_BEST_PAIRS
    gate.is_gated[:] = False
    best = reported[: limits.BOOTSTRAP_BEST_PAIRS]
    assert to_resample(scores, gate, reported) == best
    gate.is_gated[reported[-1]] = True
    assert to_resample(scores, gate, reported) == [*best, reported[-1]]


def test_the_reason_names_the_method() -> None:
    item = interval_item(compare(overlapping(wallets=3, tokens=30, each=20)).pairs[0])
    assert "500 resamples" in item["reason"]
    assert item["low"] < item["value"] < item["high"]
    many = compare(overlapping(wallets=61, tokens=80, each=20)).pairs
    assert "delta method" in interval_item(many[limits.BOOTSTRAP_BEST_PAIRS])["reason"]
