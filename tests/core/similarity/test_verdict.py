"""One word per pair, and a sentence that a person understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamproc.core.similarity import (
    Background,
    SimilarityInputs,
    TradedMint,
    Transfer,
    WalletRow,
    compare,
)
from streamproc.core.similarity.verdict import VERDICTS, set_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400


def crowd(wallets: int = 60) -> Background:
    """Others who trade at random in the same month."""
    generator = np.random.default_rng(5)
    chosen = generator.integers(1, 300, size=(wallets, 20))
    chosen[:, 0] = 0  # what everybody trades
    return Background(
        wallets=tuple(f"other-{number}" for number in range(wallets)),
        mints=tuple(f"mint-{number:03}" for number in range(300)),
        wallet_numbers=np.repeat(np.arange(wallets), 20),
        mint_numbers=chosen.ravel(),
        times=generator.integers(0, 28 * DAY, wallets * 20),
    )


def wallet(name: str, mints: Sequence[str], late: int) -> WalletRow:
    """One that buys a token a day, so many seconds late."""
    return WalletRow(
        name,
        tuple(
            TradedMint(mint, 1, 1, n * DAY + late, n * DAY * 2 + late * 2, f"{name}/{mint}")
            for n, mint in enumerate(mints)
        ),
    )


RARE = [f"rare-{number:02}" for number in range(25)]


def verdict(a: WalletRow, b: WalletRow, *transfers: Transfer) -> dict[str, Any]:
    inputs = SimilarityInputs((a, b), "digest", background=crowd(), transfers=transfers)
    (pair,) = compare(inputs).pairs
    return pair


def test_who_comes_second_each_time_follows() -> None:
    pair = verdict(wallet("a", RARE, 0), wallet("b", RARE, 20))
    assert pair["verdict"] == "follows"
    assert "direction" in pair["because"]
    assert pair["q"] <= 0.05
    assert pair["sentence"].startswith("b follows a in 25 of 25 tokens, a median 20 s later: ")


def test_who_comes_hours_later_each_time_follows() -> None:
    """Nothing lies within ten minutes; the order within a day says who leads."""
    pair = verdict(wallet("b", RARE, 0), wallet("a", RARE, 9 * 3600))
    assert pair["verdict"] == "follows"
    assert pair["sentence"].startswith("a follows b in 25 of 25 tokens, a median 9 h later: ")
    (direction,) = [each for each in pair["evidence"] if each["kind"] == "direction"]
    assert (direction["leader"], direction["lag_s"], direction["n"]) == ("b", 9 * 3600, 25)


def test_hours_apart_in_no_order_are_coordinated() -> None:
    late = {name: 0 if n % 2 else 9 * 3600 for n, name in enumerate(RARE)}
    mixed = tuple(
        TradedMint(mint, 1, 1, n * DAY + late[mint], n * DAY * 2 + late[mint] * 2, f"b/{mint}")
        for n, mint in enumerate(RARE)
    )
    pair = verdict(wallet("a", RARE, 4 * 3600), WalletRow("b", mixed))
    assert pair["verdict"] == "coordinated"
    assert "direction" not in pair["because"]


def test_without_an_order_they_are_coordinated() -> None:
    pair = verdict(wallet("a", RARE, 0), wallet("b", RARE, 0))
    assert pair["verdict"] == "coordinated"
    assert "direction" not in pair["because"]


def test_what_ties_them_on_the_chain_makes_them_linked() -> None:
    transfer = Transfer("a", "b", "signature", 7, lamports=10**9)
    pair = verdict(wallet("a", RARE, 0), wallet("b", RARE, 20), transfer)
    assert pair["verdict"] == "linked"
    assert "link" in pair["because"]
    assert "1 direct transfer" in pair["sentence"]


def test_a_link_alone_is_no_finding() -> None:
    transfer = Transfer("a", "b", "signature", 7, lamports=10**9)
    pair = verdict(wallet("a", RARE[:12], 0), wallet("b", RARE[12:], 0), transfer)
    assert pair["verdict"] == "alike"
    assert pair["because"] == []


def test_what_cannot_be_tested_says_why() -> None:
    pair = (WalletRow("a", (TradedMint("m", 1, 1),)), WalletRow("b", (TradedMint("m", 1, 1),)))
    (found,) = compare(SimilarityInputs(pair, "digest")).pairs
    assert (found["verdict"], found["q"], found["because"]) == ("untested", None, [])
    assert found["sentence"].startswith("Not tested: ")


def test_the_set_counts_every_pair_once_and_says_so_in_words() -> None:
    rows = (wallet("a", RARE, 0), wallet("b", RARE, 20), wallet("c", ["own"], 0))
    found = compare(SimilarityInputs(rows, "digest", background=crowd()))
    assert list(found.set["verdicts"]) == list(VERDICTS)
    assert sum(found.set["verdicts"].values()) == found.pairs_total == 3
    assert found.set["sentence"].startswith("1 of 3 pairs is more than chance (1 follows)")
    (cluster,) = found.clusters
    assert cluster["sentence"] == (
        "2 wallets that act together: 1 of 1 pair is more than chance (1 follows)."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("follows", "1 of 1 pair is more than chance (1 follows), in 1 group."),
        ("alike", "None of 1 pair is more than chance; 1 is explained by"),
        ("alike alike", "None of 2 pairs is more than chance; 2 are explained by"),
        (
            "linked follows follows common_signal",
            "3 of 4 pairs are more than chance (1 linked, 2 follow), in 1 group; 1 hears a common signal.",
        ),
        (
            "coordinated common_signal common_signal untested",
            (
                "1 of 4 pairs is more than chance (1 coordinated), in 1 group;"
                " 2 hear a common signal; 1 could not be tested."
            ),
        ),
    ],
)
def test_the_sets_sentence_agrees_in_number(words: str, said: str) -> None:
    place = {str(name): number for number, name in enumerate(VERDICTS)}
    codes = np.array([place[word] for word in words.split()], dtype=np.int8)
    assert set_sentence(codes, groups=1).startswith(said)


def test_one_shared_token_is_no_plural() -> None:
    """They buy one mint within a minute, and each one of its own."""
    pair = verdict(wallet("a", ["rare", "x"], 0), wallet("b", ["rare", "y"], 20))
    assert ": 1 shared token where " in pair["sentence"]
    reasons = {each["kind"]: each["reason"] for each in pair["evidence"]}
    assert reasons["chance"].startswith("1 shared mint where ")
    assert reasons["timing"].startswith("1 of 1 mint that both bought was first bought within")
    assert reasons["direction"] == "b follows a: 1 of 1 mint, median 20 s later, p = 1"


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_gated_pair_is_reported_before_better_scored_ones(most: int) -> None:
    """Three more trade what everybody trades and nothing else: a perfect score and no finding."""
    others = tuple(WalletRow(name, (TradedMint("mint-000", 1, 1),)) for name in "cde")
    a, b = wallet("a", [*RARE, "x1", "x2"], 0), wallet("b", [*RARE, "y1", "y2"], 20)
    inputs = SimilarityInputs((a, b, *others), "d", background=crowd(), max_pairs=most)
    found = compare(inputs)
    assert len(found.pairs) == most
    assert ("a", "b") in {(each["wallet_a"], each["wallet_b"]) for each in found.pairs}
    scores = [each["scores"]["idf"] for each in found.pairs]
    assert scores == sorted(scores, reverse=True)


def test_a_null_score_says_why() -> None:
    rows = (
        WalletRow("a", (TradedMint("m", 1, 0),), held=()),
        WalletRow("b", (TradedMint("m", 1, 5),)),
        WalletRow("c", held=()),
    )
    pairs = {
        (each["wallet_a"], each["wallet_b"]): each
        for each in compare(SimilarityInputs(rows, "d")).pairs
    }
    for each in pairs.values():
        nulls = {name for name, value in each["scores"].items() if value is None}
        assert set(each["null_scores"]) == nulls
    said = pairs["a", "b"]["null_scores"]
    assert said["capital"] == "a or b has no priced purchase"
    assert said["held_jaccard"] == "the balances of b are not known"
    assert pairs["a", "c"]["null_scores"]["idf"] == "c traded no token"
    assert pairs["a", "c"]["null_scores"]["held_jaccard"] == "a and c hold no token"
