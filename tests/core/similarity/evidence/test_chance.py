"""Overlaps against popularity: no false alarms, planted copies found, and what is said when there is no test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.similarity import Background, SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.evidence.chance import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WALLETS = 60
TOKENS = 2000
PLANTED = 25


def world(seed: int, zipf: float, planted: int) -> tuple[SimilarityInputs, set[tuple[str, str]]]:
    """Wallets that trade by popularity; of the first ones each second copies half of the one before."""
    generator = np.random.default_rng(seed)
    popularity = np.arange(1.0, TOKENS + 1) ** -zipf
    counts = np.exp(generator.normal(np.log(30), 0.8, WALLETS)).astype(int)
    sets = [
        set(
            generator.choice(TOKENS, count, replace=False, p=popularity / popularity.sum()).tolist()
        )
        for count in np.clip(counts, 3, TOKENS // 4)
    ]
    for leader in range(0, 2 * planted, 2):
        lead, own = sorted(sets[leader]), sets[leader + 1]
        copies = round(0.5 * min(len(lead), len(own)))
        copied = set(generator.choice(lead, copies, replace=False).tolist())
        rest = generator.permutation(sorted(own - copied))[: len(own) - len(copied)]
        sets[leader + 1] = copied | set(rest.tolist())
    rows = tuple(
        row(f"wallet-{number:03}", [f"mint-{token:05}" for token in tokens])
        for number, tokens in enumerate(sets)
    )
    truth = {(rows[n].address, rows[n + 1].address) for n in range(0, 2 * planted, 2)}
    return SimilarityInputs(rows, f"world {seed}"), truth


def row(address: str, mints: Iterable[str]) -> WalletRow:
    return WalletRow(address, tuple(TradedMint(mint, 1, 1) for mint in sorted(mints)))


def crowd(wallets: int, prefix: str = "other") -> Background:
    """A background whose wallets trade two of ten popular mints each."""
    pairs = [(number, token) for number in range(wallets) for token in (number % 10, number % 7)]
    return Background(
        wallets=tuple(f"{prefix}-{number}" for number in range(wallets)),
        mints=tuple(f"popular-{token}" for token in range(10)),
        wallet_numbers=np.array([wallet for wallet, _ in pairs]),
        mint_numbers=np.array([token for _, token in pairs]),
    )


def chance_item(record: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in record["evidence"] if each["kind"] == "chance"]
    return dict(found)


def gated(inputs: SimilarityInputs) -> set[tuple[str, str]]:
    found = compare(inputs)
    is_gated, wallets = found.verdicts.is_together, found.rows.wallets
    a, b = found.scores.wallet_a[is_gated].tolist(), found.scores.wallet_b[is_gated].tolist()
    return {(wallets[left], wallets[right]) for left, right in zip(a, b, strict=True)}


def average_precision(ranked: Sequence[tuple[str, str]], truth: set[tuple[str, str]]) -> float:
    places = [place for place, pair in enumerate(ranked, 1) if pair in truth]
    return sum(hits / place for hits, place in enumerate(places, 1)) / len(truth)


@pytest.mark.parametrize("zipf", [1.0, 0.7])
def test_worlds_without_copies_have_no_gated_pair(zipf: float) -> None:
    assert [gated(world(seed, zipf, planted=0)[0]) for seed in range(100, 120)] == [set()] * 20


@pytest.mark.parametrize(("zipf", "at_least"), [(1.0, 5), (0.7, 16)])
def test_planted_copies_are_found_and_nobody_else(zipf: float, at_least: float) -> None:
    """A world in which few tokens rule is where the tail costs most.

    5.7 of 25 are found where the exact tail of a sum of coins finds 8.4: the translated Poisson tail is a bound, by
    definition never below that one, and at 1e-4 2.3 to 2.8 times as large. A binomial tail of the same mean and
    variance is none: of the 89 pairs of the first three worlds whose exact tail lies between 1e-9 and 0.05, with more
    than 1.2 times what is expected, it is below the exact one in all, the median 0.72 of it and the least 0.003.
    """
    worlds = [world(seed, zipf, PLANTED) for seed in range(10)]
    found = [(gated(inputs), truth) for inputs, truth in worlds]
    assert [flagged - truth for flagged, truth in found] == [set()] * len(worlds)
    assert np.mean([len(flagged) for flagged, _ in found]) >= at_least


def test_the_idf_ranking_puts_planted_copies_first() -> None:
    precisions = []
    for seed in range(10):
        inputs, truth = world(seed, 1.0, PLANTED)
        ranked = [(each["wallet_a"], each["wallet_b"]) for each in compare(inputs).pairs]
        precisions.append(average_precision(ranked, truth))
    assert np.mean(precisions) >= 0.88


def test_small_p_are_as_rare_as_they_claim_where_nothing_was_planted() -> None:
    values = [compare(world(seed, 0.7, planted=0)[0]).chance.p for seed in range(200, 205)]
    p = np.nan_to_num(np.concatenate(values), nan=1.0)
    for bound in (0.01, 0.05, 0.2):
        assert np.mean(p <= bound) <= bound


def test_fewer_than_twenty_wallets_in_all_are_not_tested_and_the_reason_says_so() -> None:
    pair = (row("a", ["m1", "m2"]), row("b", ["m1", "m2"]))
    found = compare(SimilarityInputs(pair, "digest", background=crowd(17)))
    item = chance_item(found.pairs[0])
    assert (item["p"], item["q"], item["lift"], item["value"], item["n"]) == (None,) * 4 + (2,)
    assert "19 wallets" in item["reason"]
    assert found.clusters == []
    tested = compare(SimilarityInputs(pair, "digest", background=crowd(18)))
    assert chance_item(tested.pairs[0])["p"] is not None


def test_a_background_makes_two_wallets_with_many_rare_shared_tokens_surprising() -> None:
    """Alone, and beside 20 or 200 wallets of like appetite: p falls with what is known of popularity."""
    rare = [f"rare-{number}" for number in range(25)]
    pair = (row("a", [*rare, "mint-1"]), row("b", [*rare, "mint-2"]))
    generator = np.random.default_rng(1)

    def among(others: int) -> Background:
        return Background(
            wallets=tuple(f"other-{number}" for number in range(others)),
            mints=tuple(f"mint-{number}" for number in range(1000)),
            wallet_numbers=np.repeat(np.arange(others), 26),
            mint_numbers=generator.integers(1000, size=others * 26),
        )

    some = compare(SimilarityInputs(pair, "digest", background=among(20)))
    found = compare(SimilarityInputs(pair, "digest", background=among(200)))
    item = chance_item(found.pairs[0])
    assert item["p"] == item["q"] < 1e-5
    assert item["p"] < chance_item(some.pairs[0])["p"]
    assert item["lift"] > 1.5
    assert item["n"] == 25
    assert "more than chance" in item["reason"]
    assert [each["wallets"] for each in found.clusters] == [["a", "b"]]


def test_sharing_only_what_everybody_trades_is_explained_by_popularity() -> None:
    pair = (row("a", ["popular-1", "popular-2"]), row("b", ["popular-1", "popular-2"]))
    found = compare(SimilarityInputs(pair, "digest", background=crowd(200)))
    item = chance_item(found.pairs[0])
    assert item["p"] > 0.001
    assert found.rows.wallets == ("a", "b")


def test_background_wallets_of_the_request_repeats_and_excluded_mints_are_left_out() -> None:
    wallets = tuple(row(f"w{n}", [f"m{n % 5}", f"m{(n + 1) % 5}"]) for n in range(4))
    clean = crowd(30)
    noisy = Background(
        wallets=(*clean.wallets, "w0"),
        mints=(*clean.mints, "quote"),
        wallet_numbers=np.concatenate([clean.wallet_numbers, clean.wallet_numbers, [30, 3]]),
        mint_numbers=np.concatenate([clean.mint_numbers, clean.mint_numbers, [0, 10]]),
    )
    excluded = frozenset({"quote"})
    first = compare(SimilarityInputs(wallets, "digest", excluded, background=clean))
    second = compare(SimilarityInputs(wallets, "digest", excluded, background=noisy))
    assert first.pairs == second.pairs


def background_of(rows: Sequence[WalletRow]) -> Background:
    """These wallets as a background."""
    cells = [(number, each.mint) for number, row in enumerate(rows) for each in row.traded]
    mints = sorted({mint for _, mint in cells})
    return Background(
        wallets=tuple(each.address for each in rows),
        mints=tuple(mints),
        wallet_numbers=np.array([number for number, _ in cells]),
        mint_numbers=np.array([mints.index(mint) for _, mint in cells]),
    )


def chosen_by(seed: int) -> tuple[str, list[WalletRow], list[WalletRow], list[WalletRow]]:
    """A token, half of the wallets of a world that traded it, the other half, and strangers to it."""
    wallets = world(seed, 0.8, 0)[0].wallets
    times: dict[str, int] = {}
    for each in wallets:
        for traded in each.traded:
            times[traded.mint] = times.get(traded.mint, 0) + 1
    token = max(times, key=lambda mint: (-abs(times[mint] - WALLETS // 2), mint))
    alike = [each for each in wallets if token in {t.mint for t in each.traded}]
    return token, alike[::2], alike[1::2], [each for each in wallets if each not in alike]


@pytest.mark.parametrize("seed", range(4))
def test_wallets_that_were_chosen_by_a_token_are_not_told_together_by_it(seed: int) -> None:
    token, asked, alike, strangers = chosen_by(seed)
    assert len(asked) + len(alike) >= 20
    cohort = SimilarityInputs(
        tuple(asked), "d", frozenset({token}), background=background_of([*alike, *strangers])
    )
    found = compare(replace(cohort, chosen_by=token))
    assert not found.verdicts.is_together.any()
    assert token not in {each["mint"] for pair in found.pairs for each in pair["top_shared"]}
    only = compare(replace(cohort, chosen_by=token, background=background_of(alike)))
    assert found.pairs == only.pairs  # strangers to the token are no measure
    assert found.pairs != compare(cohort).pairs


def test_a_cohort_of_which_too_few_like_it_are_known_is_not_tested() -> None:
    token, asked, _, strangers = chosen_by(1)
    few = SimilarityInputs(
        tuple(asked[:5]), "d", frozenset({token}), background=background_of(strangers)
    )
    assert chance_item(compare(few).pairs[0])["p"] is not None
    found = compare(replace(few, chosen_by=token))
    assert chance_item(found.pairs[0])["p"] is None


def test_the_order_of_the_background_changes_nothing() -> None:
    wallets = tuple(row(f"w{n}", [f"popular-{n % 5}", f"m{n % 3}"]) for n in range(6))
    plain = crowd(40)
    shuffled = Background(
        wallets=plain.wallets[::-1],
        mints=plain.mints[::-1],
        wallet_numbers=len(plain.wallets) - 1 - plain.wallet_numbers[::-1],
        mint_numbers=len(plain.mints) - 1 - plain.mint_numbers[::-1],
    )
    first = compare(SimilarityInputs(wallets, "digest", background=plain))
    second = compare(SimilarityInputs(wallets, "digest", background=shuffled))
    assert first.pairs == second.pairs


def test_wallets_without_trades_do_not_disturb_the_test() -> None:
    wallets = [row(f"w{n:02}", [f"m{n % 7}", f"x{n % 4}"]) for n in range(25)]
    empty = [row("w03-empty", []), row("a-empty", [])]
    first, second = (
        compare(SimilarityInputs(tuple(wallets), "d")),
        compare(SimilarityInputs((*wallets, *empty), "d")),
    )
    before = {
        (each["wallet_a"], each["wallet_b"]): chance_item(each)["p"]
        for each in first.pairs
        if each["evidence"]
    }
    after = {
        (each["wallet_a"], each["wallet_b"]): chance_item(each)["p"]
        for each in second.pairs
        if each["evidence"]
    }
    assert before == after


def test_one_token_held_by_all_is_no_evidence() -> None:
    found = compare(SimilarityInputs(tuple(row(f"w{n:02}", ["m"]) for n in range(25)), "digest"))
    assert all(chance_item(each)["p"] > 0.5 for each in found.pairs)
    assert {chance_item(each)["lift"] for each in found.pairs} == {1.0}
    assert found.clusters == []


def test_benjamini_hochberg_worked_by_hand() -> None:
    # 5 tests, one of them without a p (1): .01 * 5 / 1, .02 * 5 / 2, .03 * 5 / 3, .5 * 5 / 4
    q = benjamini_hochberg(np.array([0.03, 0.01, 0.5, 0.02]), 5)
    assert q == pytest.approx([0.05, 0.05, 0.625, 0.05])


def test_a_later_smaller_q_lowers_the_ones_before() -> None:
    # .02 * 2 / 1 = .04 but .021 * 2 / 2 = .021
    assert benjamini_hochberg(np.array([0.02, 0.021]), 2) == pytest.approx([0.021, 0.021])


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 100))
def test_q_is_at_least_p_at_most_one_and_keeps_the_order(p: list[float], more: int) -> None:
    q = benjamini_hochberg(np.array(p), len(p) + more)
    assert all(a <= b * (1 + 1e-12) and b <= 1 for a, b in zip(p, q.tolist(), strict=True))
    ranked = q[np.argsort(p, kind="stable")]
    assert bool(np.all(np.diff(ranked) >= 0))
