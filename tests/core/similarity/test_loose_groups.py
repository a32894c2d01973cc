"""Sets that move together although no pair stands out: crews of known worlds, and what no such set is."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from gate import inputs_of
from gate_parts.cases import Case, case

from streamproc.core.similarity import Comparison, SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.loose_groups import Meetings, chernoff, ln_sets
from streamproc.core.similarity.verdict import ALIKE, COORDINATED, set_sentence

SEEDS = (77, 78, 79)


@cache
def world(seed: int, *, mixed: bool = False) -> Case:
    return case("crews", seed, mixed=mixed)


@cache
def crews(seed: int, *, mixed: bool = False) -> Comparison:
    return compare(inputs_of(world(seed, mixed=mixed)))


def loose_pairs(found: Comparison) -> set[tuple[str, str]]:
    return {
        pair for group in found.set["loose_groups"] for pair in combinations(group["wallets"], 2)
    }


def test_crews_are_found_of_which_hardly_a_pair_is_and_nobody_else() -> None:
    truth = [world(seed).truth for seed in SEEDS]
    found = [crews(seed) for seed in SEEDS]
    gated = sum(int(each.verdicts.is_together.sum()) for each in found)
    assert gated <= sum(map(len, truth)) / 20
    loose = [loose_pairs(each) for each in found]
    assert all(pairs <= true for pairs, true in zip(loose, truth, strict=True))
    assert sum(map(len, loose)) >= sum(map(len, truth)) / 2


def test_other_seasons_in_the_store_change_no_set() -> None:
    assert crews(SEEDS[0], mixed=True).set == crews(SEEDS[0]).set


def test_a_set_says_its_figures_and_no_wallet_is_in_two() -> None:
    groups = [group for seed in SEEDS for group in crews(seed).set["loose_groups"]]
    for group in groups:
        assert 4 <= len(group["wallets"]) == len(set(group["wallets"])) <= 12
        assert group["n"] >= 2 * group["value"]
        assert group["p"] <= 0.01
        assert group["lift"] == pytest.approx(group["n"] / group["value"], rel=1e-4)
        assert group["mints"]
        assert group["sentence"].startswith(f"{len(group['wallets'])} wallets that move together")
    for seed in SEEDS:
        members = [each for group in crews(seed).set["loose_groups"] for each in group["wallets"]]
        assert len(members) == len(set(members))


def test_pairs_that_are_more_than_chance_by_themselves_make_no_loose_group() -> None:
    world = case("owners", SEEDS[0], mixed=False)
    found = compare(inputs_of(world))
    assert found.clusters
    assert found.set["loose_groups"] == []


def test_of_fewer_than_twenty_wallets_no_set_is_looked_for() -> None:
    rows = tuple(WalletRow(name, (TradedMint("m", 1, 1),), held=()) for name in "ab")
    assert compare(SimilarityInputs(rows, "digest")).set["loose_groups"] is None


def test_a_burst_of_three_is_two_meetings_and_not_three() -> None:
    """Of 1, 2 and 3 all close in one mint: 2 is close to 1, and 3 to one of both."""
    close = np.ones(3, dtype=np.bool_)
    met = Meetings(
        np.array([1, 1, 2]), np.array([2, 3, 3]), np.array([7, 7, 7]), close, np.full(3, 0.1)
    )
    assert [met.of(met.high == wallet) for wallet in (1, 2, 3)] == [
        (0, 0.0),
        (1, pytest.approx(0.1)),
        (1, pytest.approx(0.2)),
    ]


def test_the_bound_is_one_of_poissons_tail() -> None:
    """P(X >= 10) of mean 2 is 4.6e-5, its bound e**-8.09 = 3.1e-4; below the mean it is 1."""
    assert chernoff(np.array([10.0, 1.0]), np.array([2.0, 2.0])) == pytest.approx(
        [8.0944, 0.0], abs=1e-4
    )


def test_sets_are_counted() -> None:
    assert np.exp(ln_sets(6)) == pytest.approx([1, 6, 15, 20, 15, 6, 1])
    assert len(ln_sets(100)) == 13


def test_the_whole_sets_sentence_tells_of_loose_groups() -> None:
    codes = np.array([ALIKE, COORDINATED], dtype=np.int8)
    assert "loose" not in set_sentence(codes, 1)
    assert set_sentence(codes, 1, [7]).endswith(
        "; 1 loose group of 7 wallets moves together although no pair in it stands out."
    )
    assert "; 2 loose groups of 7 and 5 wallets move together" in set_sentence(codes, 1, [7, 5])
