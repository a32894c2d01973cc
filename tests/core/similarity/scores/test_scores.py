"""The nine scores: hand-worked cases, their laws, and equality with a plain reading by dictionaries and loops."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.similarity import (
    HeldMint,
    SimilarityInputs,
    TradedMint,
    WalletRow,
    compare,
)
from streamproc.events import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from streamproc.events import RankBy

MINTS = tuple(f"mint-{letter}" for letter in "abcdefgh")
EXCLUDED = frozenset({"mint-h"})
HELD_SCORES = ("held_jaccard", "held_cosine", "held_traded_jaccard", "held_value_cosine")


def wallet(
    address: str,
    costs: Mapping[str, int],
    held: Mapping[str, float | None] | None = None,
    *,
    complete: bool = True,
) -> WalletRow:
    """A wallet that traded each mint once, at these buy costs, and holds these values."""
    return WalletRow(
        address=address,
        traded=tuple(TradedMint(mint, 1, cost) for mint, cost in costs.items()),
        held=None if held is None else tuple(HeldMint(mint, usd) for mint, usd in held.items()),
        coverage_complete=complete,
    )


def only_pair(*wallets: WalletRow) -> dict[str, Any]:
    """The record of the single pair that two wallets make."""
    (record,) = compare(SimilarityInputs(wallets, "digest", excluded_mints=EXCLUDED)).pairs
    return record


def records(
    wallets: Sequence[WalletRow], rank_by: RankBy = "idf"
) -> dict[tuple[str, str], dict[str, Any]]:
    """All pair records by their addresses."""
    inputs = SimilarityInputs(tuple(wallets), "digest", EXCLUDED, rank_by)
    return {(each["wallet_a"], each["wallet_b"]): each for each in compare(inputs).pairs}


# --- a plain reading of the definitions ---


def plain_cosine(left: Mapping[str, float], right: Mapping[str, float]) -> float | None:
    square_left = sum(value * value for value in left.values())
    square_right = sum(value * value for value in right.values())
    if square_left == 0 or square_right == 0:
        return None
    product = sum(value * right[mint] for mint, value in left.items() if mint in right)
    return product / math.sqrt(square_left) / math.sqrt(square_right)


def plain_jaccard(left: set[str], right: set[str]) -> float | None:
    return len(left & right) / len(left | right) if left | right else None


def plain_ruzicka(left: Mapping[str, float], right: Mapping[str, float]) -> float | None:
    mints = left.keys() | right.keys()
    larger = sum(max(left.get(mint, 0.0), right.get(mint, 0.0)) for mint in mints)
    smaller = sum(min(left.get(mint, 0.0), right.get(mint, 0.0)) for mint in mints)
    return smaller / larger if larger else None


def plain_capital(row: WalletRow) -> dict[str, float]:
    costs = {t.mint: t.buy_cost_lamports for t in row.traded if t.trades and t.mint not in EXCLUDED}
    total = sum(costs.values())
    return {mint: cost / total for mint, cost in costs.items()} if total else {}


def plain_traded(row: WalletRow) -> set[str]:
    return {each.mint for each in row.traded if each.trades and each.mint not in EXCLUDED}


def plain_idf(row: WalletRow, wallets: Sequence[WalletRow]) -> dict[str, float]:
    traded_by = {m: sum(m in plain_traded(other) for other in wallets) for m in plain_traded(row)}
    return {m: math.log((1 + len(wallets)) / (1 + d)) + 1 for m, d in traded_by.items()}


def plain_held(row: WalletRow) -> dict[str, float]:
    return {h.mint: h.value_usd or 0.0 for h in row.held or () if h.mint not in EXCLUDED}


def plain_scores(
    a: WalletRow, b: WalletRow, wallets: Sequence[WalletRow]
) -> dict[str, float | None]:
    traded_a, traded_b = plain_traded(a), plain_traded(b)
    capital_a, capital_b = plain_capital(a), plain_capital(b)
    scores = {
        "capital": plain_cosine(capital_a, capital_b),
        "binary": plain_cosine(dict.fromkeys(traded_a, 1.0), dict.fromkeys(traded_b, 1.0)),
        "idf": plain_cosine(plain_idf(a, wallets), plain_idf(b, wallets)),
        "jaccard": plain_jaccard(traded_a, traded_b),
        "ruzicka": plain_ruzicka(capital_a, capital_b),
    }
    if a.held is None or b.held is None:
        return scores | dict.fromkeys(HELD_SCORES)
    held_a, held_b = plain_held(a), plain_held(b)
    return scores | {
        "held_jaccard": plain_jaccard(set(held_a), set(held_b)),
        "held_cosine": plain_cosine(dict.fromkeys(held_a, 1.0), dict.fromkeys(held_b, 1.0)),
        "held_traded_jaccard": plain_jaccard(held_a.keys() & traded_a, held_b.keys() & traded_b),
        "held_value_cosine": plain_cosine(held_a, held_b),
    }


def is_close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-12


# --- strategies ---

COSTS = st.one_of(st.just(0), st.integers(1, 10**15))
VALUES = st.one_of(st.none(), st.just(0.0), st.floats(1e-3, 1e9))
TRADED = st.dictionaries(st.sampled_from(MINTS), COSTS, max_size=8)
HELD = st.none() | st.dictionaries(st.sampled_from(MINTS), VALUES, max_size=8)
SETS = st.lists(st.tuples(TRADED, HELD, st.booleans()), min_size=2, max_size=6).map(
    lambda rows: [
        wallet(f"wallet-{number}", costs, held, complete=complete)
        for number, (costs, held, complete) in enumerate(rows)
    ]
)


@given(SETS)
def test_every_score_equals_a_plain_reading_of_the_definitions(wallets: list[WalletRow]) -> None:
    found = records(wallets)
    assert len(found) == len(wallets) * (len(wallets) - 1) // 2
    for a, b in combinations(wallets, 2):
        expected = plain_scores(a, b, wallets)
        record = found[a.address, b.address]
        for name in SCORES:
            assert is_close(record["scores"][name], expected[name]), name
        both = plain_traded(a) & plain_traded(b)
        assert record["shared_tokens"] == len(both)
        assert (record["tokens_a"], record["tokens_b"]) == (
            len(plain_traded(a)),
            len(plain_traded(b)),
        )
        assert {each["mint"] for each in record["top_shared"]} == both


@given(SETS)
def test_scores_are_null_or_between_zero_and_one_and_never_nan(wallets: list[WalletRow]) -> None:
    for record in records(wallets).values():
        for value in [*record["scores"].values(), record["overlap"]]:
            assert value is None or (type(value) is float and 0 <= value <= 1)


@given(SETS)
def test_summing_in_small_parts_changes_no_bit(wallets: list[WalletRow]) -> None:
    whole = records(wallets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MEETINGS_PER_CHUNK", 2)
        assert records(wallets) == whole


@given(SETS, st.randoms(use_true_random=False))
def test_the_order_of_wallets_mints_and_holdings_changes_no_bit(
    wallets: list[WalletRow], random: Random
) -> None:
    mixed = [
        WalletRow(
            each.address,
            tuple(random.sample(each.traded, len(each.traded))),
            None if each.held is None else tuple(random.sample(each.held, len(each.held))),
            each.coverage_complete,
        )
        for each in random.sample(wallets, len(wallets))
    ]
    first = compare(SimilarityInputs(tuple(wallets), "digest"))
    second = compare(SimilarityInputs(tuple(mixed), "digest"))
    assert (first.pairs, first.set, first.clusters) == (second.pairs, second.set, second.clusters)


@given(SETS)
def test_scores_do_not_depend_on_which_wallet_of_a_pair_comes_first(
    wallets: list[WalletRow],
) -> None:
    renamed = [
        WalletRow(f"wallet-{9 - n}", row.traded, row.held, row.coverage_complete)
        for n, row in enumerate(wallets)
    ]
    found, mirrored = records(wallets), records(renamed)
    for a, b in combinations(range(len(wallets)), 2):
        record = found[f"wallet-{a}", f"wallet-{b}"]
        mirror = mirrored[f"wallet-{9 - b}", f"wallet-{9 - a}"]
        for name in SCORES:
            assert record["scores"][name] == mirror["scores"][name]


@given(
    st.dictionaries(st.sampled_from(MINTS[:7]), st.integers(1, 10**15), min_size=1),
    st.dictionaries(st.sampled_from(MINTS[:7]), st.floats(1e-3, 1e9), min_size=1),
    SETS,
)
def test_equal_wallets_score_exactly_one_in_any_company(
    costs: dict[str, int], values: dict[str, float], others: list[WalletRow]
) -> None:
    twins = [wallet("twin-1", costs, values), wallet("twin-2", costs, values)]
    scores = records([*twins, *others])["twin-1", "twin-2"]["scores"]
    empty = not costs.keys() & values.keys()
    for name in SCORES:
        assert scores[name] == (None if name == "held_traded_jaccard" and empty else 1.0)


@given(
    st.dictionaries(st.sampled_from(MINTS[:7]), st.integers(1, 10**15), min_size=1),
    st.integers(2, 10**6),
)
def test_twice_the_money_in_the_same_proportions_is_exactly_the_same_capital(
    costs: dict[str, int], times: int
) -> None:
    richer = {mint: cost * times for mint, cost in costs.items()}
    scores = only_pair(wallet("a", costs), wallet("b", richer))["scores"]
    assert (scores["capital"], scores["ruzicka"]) == (1.0, 1.0)


def test_traded_scores_worked_by_hand() -> None:
    """Two wallets, two shared mints.

    a: mint-a 30, mint-b 10           -> shares .75 .25
    b: mint-a 10, mint-b 10, mint-c 20 -> shares .25 .25 .5
    capital: (.75*.25 + .25*.25) / sqrt(.625 * .375) = .25 / .4841229
    binary: 2 / sqrt(2 * 3); jaccard: 2 / 3; overlap: 2 / 2
    ruzicka: (.25 + .25 + 0) / (.75 + .25 + .5) = 1 / 3
    idf, W = 2: mint-a and mint-b d = 2: ln(3/3)+1 = 1; mint-c d = 1: ln(3/2)+1 = 1.4054651
      2 / sqrt(2 * (2 + 1.9753322)) = .7092973
    """
    record = only_pair(
        wallet("a", {"mint-a": 30, "mint-b": 10}),
        wallet("b", {"mint-a": 10, "mint-b": 10, "mint-c": 20}),
    )
    assert record["scores"] == {
        "capital": pytest.approx(0.25 / math.sqrt(0.625 * 0.375), abs=1e-12),
        "binary": pytest.approx(2 / math.sqrt(6), abs=1e-12),
        "idf": pytest.approx(0.7092973, abs=1e-7),
        "jaccard": pytest.approx(2 / 3, abs=1e-12),
        "ruzicka": pytest.approx(1 / 3, abs=1e-12),
        **dict.fromkeys(HELD_SCORES),
    }
    assert (record["shared_tokens"], record["tokens_a"], record["tokens_b"]) == (2, 2, 3)
    assert record["overlap"] == 1.0
    # 0.4 * .8164966 + 0.6 * .5163978 = .6364373
    assert (record["label"], record["trend"]) == ("high", None)


def test_held_scores_worked_by_hand() -> None:
    """Two wallets whose holdings overlap more than their trades.

    a traded mint-a, mint-b; holds mint-a 30 USD, mint-c 40 USD, mint-d without a price
    b traded mint-a, mint-c; holds mint-a 40 USD, mint-c 30 USD
    jaccard of held: {a, c} of {a, c, d} = 2 / 3; presence: 2 / sqrt(3 * 2)
    held and traded: a {a}, b {a, c} -> 1 / 2
    value: (30*40 + 40*30) / (50 * 50) = .96
    """
    record = only_pair(
        wallet("a", {"mint-a": 1, "mint-b": 1}, {"mint-a": 30.0, "mint-c": 40.0, "mint-d": None}),
        wallet("b", {"mint-a": 1, "mint-c": 1}, {"mint-a": 40.0, "mint-c": 30.0}),
    )
    scores = record["scores"]
    assert scores["held_jaccard"] == pytest.approx(2 / 3, abs=1e-12)
    assert scores["held_cosine"] == pytest.approx(2 / math.sqrt(6), abs=1e-12)
    assert scores["held_traded_jaccard"] == 0.5
    assert scores["held_value_cosine"] == pytest.approx(0.96, abs=1e-12)
    # held 2/3 against traded 1/3
    assert record["trend"] == "converging"


def test_two_wallets_without_trades_have_null_scores_and_no_label() -> None:
    record = only_pair(wallet("a", {}, {}), wallet("b", {}, {}))
    assert set(record["scores"].values()) == {None}
    assert (record["overlap"], record["label"], record["trend"]) == (None, None, None)
    assert (record["shared_tokens"], record["top_shared"]) == (0, [])


def test_an_empty_wallet_against_a_filled_one_is_zero_in_sets_and_null_in_cosines() -> None:
    record = only_pair(wallet("a", {}, {}), wallet("b", {"mint-a": 5}, {"mint-a": 1.0}))
    assert record["scores"] == {
        "capital": None,
        "binary": None,
        "idf": None,
        "jaccard": 0.0,
        "ruzicka": 0.0,
        "held_jaccard": 0.0,
        "held_cosine": None,
        "held_traded_jaccard": 0.0,
        "held_value_cosine": None,
    }
    assert record["overlap"] is None
    assert record["trend"] == "stable"


def test_unpriced_buys_weigh_nothing_but_were_traded() -> None:
    record = only_pair(wallet("a", {"mint-a": 0}), wallet("b", {"mint-a": 5}))
    assert record["scores"]["capital"] is None
    assert record["scores"]["ruzicka"] == 0.0
    assert record["scores"]["binary"] == 1.0
    assert record["label"] is None
    assert record["top_shared"] == [{"mint": "mint-a", "weight_a": 0.0, "weight_b": 1.0}]


@pytest.mark.parametrize("price", [None, 0.0, -1.0, math.nan, math.inf])
def test_holdings_without_a_usable_price_have_no_value_cosine(price: float | None) -> None:
    record = only_pair(wallet("a", {}, {"mint-a": price}), wallet("b", {}, {"mint-a": 2.0}))
    assert record["scores"]["held_value_cosine"] is None
    assert record["scores"]["held_cosine"] == 1.0


def test_absurd_prices_do_not_overflow() -> None:
    record = only_pair(
        wallet("a", {}, {"mint-a": 1e300, "mint-b": 1e300}),
        wallet("b", {}, {"mint-a": 1e-300, "mint-b": 1e-300}),
    )
    assert record["scores"]["held_value_cosine"] == 1.0


def test_unknown_balances_null_every_held_score_and_the_trend() -> None:
    unknown = wallet("a", {"mint-a": 5}, None)
    record = only_pair(unknown, wallet("b", {"mint-a": 5}, {"mint-a": 1.0}))
    assert [record["scores"][name] for name in HELD_SCORES] == [None] * 4
    assert record["trend"] is None
    assert record["scores"]["capital"] == 1.0


def test_excluded_mints_count_neither_as_traded_nor_as_held_nor_as_capital() -> None:
    record = only_pair(
        wallet("a", {"mint-a": 1, "mint-h": 99}, {"mint-h": 1.0}),
        wallet("b", {"mint-a": 7, "mint-h": 1}, {"mint-h": 1.0}),
    )
    assert (record["tokens_a"], record["tokens_b"], record["shared_tokens"]) == (1, 1, 1)
    assert record["scores"]["capital"] == 1.0
    assert record["scores"]["held_jaccard"] is None


def test_rows_without_a_trade_do_not_count_as_traded() -> None:
    received = WalletRow("a", (TradedMint("mint-a", 0, 0),), ())
    record = only_pair(received, wallet("b", {"mint-a": 1}, {}))
    assert (record["tokens_a"], record["scores"]["jaccard"]) == (0, 0.0)


def test_one_incomplete_coverage_makes_the_pair_a_lower_bound() -> None:
    whole, part = wallet("a", {"mint-a": 1}), wallet("b", {"mint-a": 1}, complete=False)
    assert only_pair(whole, part)["lower_bound"] is True
    assert only_pair(whole, wallet("c", {"mint-a": 1}))["lower_bound"] is False


def test_top_shared_shows_the_twenty_mints_that_both_put_most_into() -> None:
    mints = [f"mint-{number:02d}" for number in range(25)]
    first = wallet("a", {mint: 100 + number for number, mint in enumerate(mints)})
    second = wallet("b", {mint: 500 - number for number, mint in enumerate(mints)})
    top = only_pair(first, second)["top_shared"]
    assert len(top) == 20
    smaller = [min(each["weight_a"], each["weight_b"]) for each in top]
    assert smaller == sorted(smaller, reverse=True)
    assert "mint-00" not in {each["mint"] for each in top}


def test_pairs_come_best_first_then_nulls_then_by_address() -> None:
    wallets = [
        wallet("w1", {"mint-a": 1}),
        wallet("w2", {"mint-a": 1, "mint-b": 1}),
        wallet("w3", {"mint-a": 1}),
        wallet("w4", {}),
    ]
    order = list(records(wallets, rank_by="binary"))
    assert order == [
        ("w1", "w3"),  # 1
        ("w1", "w2"),  # .707
        ("w2", "w3"),  # .707
        ("w1", "w4"),  # null
        ("w2", "w4"),
        ("w3", "w4"),
    ]


def test_the_ranking_follows_the_score_that_was_asked_for() -> None:
    wallets = [
        wallet("w1", {"mint-a": 99, "mint-b": 1}),
        wallet("w2", {"mint-a": 1, "mint-b": 99}),
        wallet("w3", {"mint-a": 99, "mint-c": 1}),
    ]
    assert next(iter(records(wallets, rank_by="jaccard"))) == ("w1", "w2")
    assert next(iter(records(wallets, rank_by="capital"))) == ("w1", "w3")


def test_only_the_best_pairs_are_composed_but_all_are_counted() -> None:
    wallets = tuple(wallet(f"w{number}", {"mint-a": 1}) for number in range(5))
    found = compare(SimilarityInputs(wallets, "digest", max_pairs=3))
    assert (len(found.pairs), found.pairs_total, len(found.ranked)) == (3, 10, 10)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_wallets_have_no_pairs(count: int) -> None:
    found = compare(SimilarityInputs((wallet("a", {"mint-a": 1}),)[:count], "digest"))
    assert (found.pairs, found.pairs_total) == ([], 0)
    assert set(found.set["mean"].values()) == {None}
