"""Many that buy within minutes of each other: one caller's followers, one person's wallets, or a leader's."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from streamproc.core.comparison_inputs import WEEK_S
from streamproc.core.similarity import SimilarityInputs, TradedMint, Transfer, WalletRow, compare

if TYPE_CHECKING:
    from streamproc.core.similarity import Comparison

START = 2_900 * WEEK_S
SPAN = 4 * WEEK_S
MEMBERS = 12
CALLS = 24


def wallet(name: str, bought: dict[str, int]) -> WalletRow:
    return WalletRow(
        name,
        tuple(
            TradedMint(mint, 1, 1, START + at, 2 * at, f"{name}/{mint}")
            for mint, at in sorted(bought.items())
        ),
    )


@cache
def compared(*, own: int, leads: bool = False, linked: bool = False) -> Comparison:
    """Twelve that buy what is called within two minutes and some tokens of their own; thirty strangers."""
    generator = np.random.default_rng(11)

    def alone(tokens: int) -> dict[str, int]:
        mints = generator.choice(400, tokens, replace=False).tolist()
        return {f"m{m:03}": int(generator.integers(0, SPAN)) for m in mints}

    calls = {f"c{n:02}": int(generator.integers(0, SPAN)) for n in range(CALLS)}
    rows = [wallet(f"w{n:02}", alone(30)) for n in range(30)]
    for n in range(MEMBERS):
        late = generator.integers(20, 120, CALLS).tolist()
        if leads and n == 0:
            late = [0] * CALLS
        heard = {m: at + s for (m, at), s in zip(calls.items(), late, strict=True)}
        rows.append(wallet(f"g{n:02}", {**alone(own), **heard}))
    transfers = (Transfer("g03", "g07", "signature", 7, lamports=10**9),) if linked else ()
    return compare(SimilarityInputs(tuple(rows), "digest", transfers=transfers))


def verdicts(found: Comparison) -> Counter[str]:
    """How often each verdict falls among the twelve; nobody else has one that says anything."""
    inside: Counter[str] = Counter()
    for pair in found.pairs:
        is_inside = pair["wallet_a"][0] == pair["wallet_b"][0] == "g"
        assert is_inside or pair["verdict"] == "alike"
        if is_inside:
            inside[pair["verdict"]] += 1
    return inside


PAIRS = MEMBERS * (MEMBERS - 1) // 2


def test_who_buys_much_beside_what_is_called_hears_a_signal_and_is_in_no_cluster() -> None:
    found = compared(own=24)
    assert verdicts(found) == {"common_signal": PAIRS}
    assert found.clusters == []


def test_who_buys_nearly_nothing_but_what_the_others_buy_belongs_together() -> None:
    found = compared(own=4)
    said = verdicts(found)
    assert said["coordinated"] + said["follows"] == PAIRS
    (cluster,) = found.clusters
    assert len(cluster["wallets"]) == MEMBERS
    assert all(
        pair["q"] <= 0.05 and "timing" in pair["because"]
        for pair in found.pairs
        if pair["wallet_a"][0] == pair["wallet_b"][0] == "g"
    )


def test_whom_all_others_follow_is_no_unseen_caller() -> None:
    said = verdicts(compared(own=24, leads=True))
    assert said["follows"] >= MEMBERS - 1
    assert said["follows"] + said["coordinated"] == PAIRS


def test_of_those_who_hear_a_signal_the_ones_tied_on_the_chain_are_linked() -> None:
    found = compared(own=24, linked=True)
    assert verdicts(found) == {"common_signal": PAIRS - 1, "linked": 1}
    (cluster,) = found.clusters
    assert cluster["wallets"] == ["g03", "g07"]
