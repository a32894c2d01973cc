"""Worlds that nobody planned for: no exception, no NaN, no made-up zero, and nothing outside its range."""

from __future__ import annotations

from math import isfinite
from random import Random

import orjson
import pytest

from streamproc.core.similarity import (
    Comparison,
    HeldMint,
    SimilarityInputs,
    TradedMint,
    WalletRow,
    compare,
)

MANY = 100_000


def traded(*mints: str, cost: int = 1_000) -> tuple[TradedMint, ...]:
    return tuple(
        TradedMint(mint, 1, cost, 1_700_000_000 + place, 250_000_000 + place, f"s-{mint}")
        for place, mint in enumerate(mints)
    )


def whale() -> WalletRow:
    mints = [f"m{number:06}" for number in range(MANY)]
    return WalletRow("w0", traded(*mints), tuple(HeldMint(mint, 1.0) for mint in mints))


def compared(*wallets: WalletRow, excluded: frozenset[str] = frozenset()) -> Comparison:
    inputs = SimilarityInputs(wallets=wallets, inputs_digest="00", excluded_mints=excluded)
    return compare(inputs)


def check(found: Comparison) -> None:
    """Every number is finite, and what is a share or a probability lies in [0, 1]."""
    for pair in found.pairs:
        for value in [*pair["scores"].values(), pair["overlap"]]:
            assert value is None or 0 <= value <= 1
        for item in pair["evidence"]:
            for name in ("p", "q"):
                assert item[name] is None or 0 <= item[name] <= 1
            for name in ("value", "lift", "lag_s"):
                assert item[name] is None or isfinite(item[name])
    orjson.dumps([found.pairs, found.set, found.clusters])


def test_a_wallet_with_a_hundred_thousand_mints_is_compared_like_any_other() -> None:
    found = compared(
        whale(),
        WalletRow("w1", traded("m000001", "m000002"), (HeldMint("m000001", 2.0),)),
        WalletRow("w2", traded("m000001", "elsewhere")),
    )
    check(found)
    by_wallets = {(pair["wallet_a"], pair["wallet_b"]): pair for pair in found.pairs}
    with_whale = by_wallets["w0", "w1"]
    assert (with_whale["tokens_a"], with_whale["tokens_b"]) == (MANY, 2)
    assert (with_whale["shared_tokens"], with_whale["overlap"]) == (2, 1.0)
    assert with_whale["scores"]["jaccard"] == 2 / MANY


def test_identical_wallets_score_one_everywhere() -> None:
    mints = tuple(f"m{number}" for number in range(5))
    held = tuple(HeldMint(mint, 3.0) for mint in mints)
    found = compared(*(WalletRow(name, traded(*mints), held) for name in ("a", "b", "c")))
    check(found)
    assert all(set(pair["scores"].values()) == {1.0} for pair in found.pairs)


def test_a_set_of_excluded_mints_alone_has_null_scores_and_no_wallet_that_trades() -> None:
    found = compared(
        WalletRow("a", traded("x", "y"), (HeldMint("x"),)),
        WalletRow("b", traded("x", "y"), (HeldMint("y"),)),
        excluded=frozenset({"x", "y"}),
    )
    check(found)
    (pair,) = found.pairs
    assert set(pair["scores"].values()) == {None}
    assert (pair["label"], pair["shared_tokens"]) == (None, 0)
    assert found.set["wallets_without_trades"] == ["a", "b"]


@pytest.mark.parametrize("wallets", [2, 25])
def test_one_token_that_all_traded_is_no_more_than_chance(wallets: int) -> None:
    rows = [WalletRow(f"w{number:02}", traded("same", f"own{number}")) for number in range(wallets)]
    found = compared(*rows)
    check(found)
    assert found.clusters == []
    assert {mint["wallets"] for mint in found.set["shared_tokens"]} == {wallets}


def test_prices_of_zero_are_no_prices_and_nothing_is_made_of_them() -> None:
    found = compared(
        WalletRow("a", traded("x"), (HeldMint("x", 0.0),)),
        WalletRow("b", traded("x"), (HeldMint("x", 0.0),)),
    )
    check(found)
    assert found.pairs[0]["scores"]["held_value_cosine"] is None
    assert found.pairs[0]["scores"]["held_cosine"] == 1.0


# --- what the verdict says of input that leaves little to test ---


def timeless(*mints: str) -> tuple[TradedMint, ...]:
    return tuple(TradedMint(mint, 1, 1_000) for mint in mints)


def verdicts(found: Comparison) -> set[str]:
    check(found)
    return {pair["verdict"] for pair in found.pairs}


def test_no_times_leaves_the_overlap_alone_to_be_tested() -> None:
    rare = [f"rare{number}" for number in range(20)]
    copies = [WalletRow(name, timeless(*rare, name)) for name in ("a", "b")]
    drawn = Random(5)  # noqa: S311 - strangers
    others = [
        WalletRow(f"w{n:02}", timeless(*(f"m{each}" for each in drawn.sample(range(90), 15))))
        for n in range(30)
    ]
    found = compared(*copies, *others)
    assert verdicts(found) == {"coordinated", "alike"}
    (pair,) = [each for each in found.pairs if each["verdict"] == "coordinated"]
    assert (pair["wallet_a"], pair["wallet_b"], pair["because"]) == ("a", "b", ["chance"])
    (chance,) = [each for each in pair["evidence"] if each["kind"] == "chance"]
    assert pair["q"] == chance["q"]


def test_no_times_and_nobody_else_known_is_untested() -> None:
    found = compared(WalletRow("a", timeless("x", "y")), WalletRow("b", timeless("x", "y")))
    assert verdicts(found) == {"untested"}
    assert "fewer than 20 wallets" in found.pairs[0]["sentence"]


def test_one_stratum_alone_is_tested_by_popularity() -> None:
    """Thirty wallets whose trades all fall into one second."""
    at_once = [
        WalletRow(
            f"w{n:02}",
            tuple(TradedMint(f"m{(n + k) % 40}", 1, 1, 1_700_000_000, 1, "s") for k in range(3)),
        )
        for n in range(30)
    ]
    assert verdicts(compared(*at_once)) == {"alike"}


def test_a_background_smaller_than_needed_is_untested_and_says_so() -> None:
    found = compared(*(WalletRow(f"w{n:02}", timeless("x", f"own{n}")) for n in range(19)))
    assert verdicts(found) == {"untested"}
    assert "too few to say what is popular" in found.pairs[0]["sentence"]


def test_a_token_in_every_wallet_makes_nobody_more_than_alike() -> None:
    rows = [WalletRow(f"w{n:02}", timeless("same", f"own{n}")) for n in range(30)]
    assert verdicts(compared(*rows)) == {"alike"}
