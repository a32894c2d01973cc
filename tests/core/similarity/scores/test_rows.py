"""The sorted matrices that everything is computed from."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.similarity import (
    HeldMint,
    SimilarityInputs,
    TradedMint,
    WalletRow,
    compare,
)
from streamproc.core.similarity.scores.pairs import pair_count, pair_wallets, pairs_of
from streamproc.core.similarity.scores.rows import NEVER, capital_shares, rows_from_inputs


def test_rows_and_columns_are_sorted_and_excluded_mints_are_out() -> None:
    rows = rows_from_inputs(
        SimilarityInputs(
            (
                WalletRow("w2", (TradedMint("b", 1, 1, 50, 5, "sig"), TradedMint("a", 1, 3))),
                WalletRow("w1", (TradedMint("b", 2, 8), TradedMint("x", 1, 8)), (HeldMint("a"),)),
            ),
            "digest",
            excluded_mints=frozenset({"x"}),
        )
    )
    columns = rows.traded.columns
    assert rows.wallets == ("w1", "w2")
    assert columns.mints == ("a", "b")
    assert columns.start.tolist() == [0, 1, 3]
    assert columns.wallet.tolist() == [1, 0, 1]
    assert rows.traded.capital.tolist() == [0.75, 1.0, 0.25]
    assert rows.traded.bought_at.tolist() == [NEVER, NEVER, 50]
    assert rows.traded.bought_slot.tolist() == [NEVER, NEVER, 5]
    assert rows.traded.bought_signature == (None, None, "sig")
    assert rows.has_balances.tolist() == [True, False]


def test_an_address_that_comes_twice_is_refused() -> None:
    twice = (WalletRow("w1"), WalletRow("w1"))
    with pytest.raises(ValueError, match="twice"):
        compare(SimilarityInputs(twice, "digest"))


def test_a_mint_that_comes_twice_in_one_wallet_is_refused() -> None:
    row = WalletRow("w1", (TradedMint("a", 1, 1), TradedMint("a", 2, 1)))
    with pytest.raises(ValueError, match="mints traded by w1"):
        compare(SimilarityInputs((row,), "digest"))


def test_a_negative_cost_is_refused() -> None:
    with pytest.raises(ValueError, match="never negative"):
        capital_shares([1, -1])


def test_capital_shares_of_unpriced_buys_are_zero() -> None:
    assert capital_shares([0, 0]) == [0.0, 0.0]
    assert capital_shares([1, 3]) == [0.25, 0.75]


@given(st.integers(0, 40))
def test_pair_numbers_run_through_all_pairs_in_order(wallets: int) -> None:
    wallet_a, wallet_b = pair_wallets(wallets)
    assert len(wallet_a) == pair_count(wallets)
    for wallet in range(wallets):
        own = pairs_of(wallet, wallets)
        assert wallet_a[own].tolist() == [wallet] * (wallets - wallet - 1)
        assert wallet_b[own].tolist() == list(range(wallet + 1, wallets))
    assert bool(np.all(wallet_a < wallet_b))


def test_inputs_and_comparison_survive_the_way_to_another_process() -> None:
    inputs = SimilarityInputs(
        (WalletRow("w1", (TradedMint("a", 1, 1),)), WalletRow("w2", (TradedMint("a", 1, 1),))),
        "digest",
    )
    here = compare(inputs)
    there = pickle.loads(pickle.dumps(compare(pickle.loads(pickle.dumps(inputs)))))  # noqa: S301
    assert (there.pairs, there.set, there.clusters) == (here.pairs, here.set, here.clusters)
