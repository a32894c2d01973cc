"""What is said of a set of wallets as a whole."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.set_figures import mean, median


def wallet(address: str, *mints: str) -> WalletRow:
    return WalletRow(address, tuple(TradedMint(mint, 1, 1) for mint in mints), ())


def test_mean_and_median_leave_nulls_out() -> None:
    score = np.array([0.2, np.nan, 0.4, 0.9, np.nan])
    assert mean(score) == pytest.approx(0.5, abs=1e-15)
    assert median(score) == 0.4


def test_the_median_of_an_even_count_is_the_middle_of_two() -> None:
    assert median(np.array([0.9, 0.1, 0.5, 0.3])) == 0.4


def test_all_nulls_have_neither_mean_nor_median() -> None:
    nothing = np.array([np.nan])
    assert (mean(nothing), median(nothing)) == (None, None)


def test_set_figures_worked_by_hand() -> None:
    # jaccard: w1-w2 {a,b} {a} = 1/2; w1-w3 {a,b} {} = 0; w2-w3 {a} {} = 0
    inputs = SimilarityInputs(
        (wallet("w1", "mint-a", "mint-b"), wallet("w3"), wallet("w2", "mint-a")), "digest"
    )
    figures = compare(inputs).set
    assert figures["mean"]["jaccard"] == pytest.approx(0.5 / 3, abs=1e-15)
    assert figures["median"]["jaccard"] == 0.0
    # binary: only w1-w2 is not null, 1 / sqrt(2)
    assert figures["mean"]["binary"] == figures["median"]["binary"] == pytest.approx(0.5**0.5)
    assert figures["mean"]["held_cosine"] is None
    assert figures["shared_tokens"] == [{"mint": "mint-a", "wallets": 2}]
    assert figures["shared_tokens_total"] == 1
    assert figures["wallets_without_trades"] == ["w3"]


def test_the_shared_token_table_is_sorted_by_wallets_then_mint() -> None:
    inputs = SimilarityInputs(
        (wallet("w1", "c", "b", "a"), wallet("w2", "a", "b", "c"), wallet("w3", "b")), "digest"
    )
    assert compare(inputs).set["shared_tokens"] == [
        {"mint": "b", "wallets": 3},
        {"mint": "a", "wallets": 2},
        {"mint": "c", "wallets": 2},
    ]


def test_the_records_are_plain_json() -> None:
    found = compare(SimilarityInputs((wallet("w1", "a"), wallet("w2", "a")), "digest"))
    text = json.dumps([found.pairs, found.set, found.clusters], allow_nan=False)
    assert json.loads(text) == [found.pairs, found.set, found.clusters]
