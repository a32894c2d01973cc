"""When two wallets first bought the same mints: how close, and who came first."""

from __future__ import annotations

from math import exp, sqrt
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.similarity import SimilarityInputs, TradedMint, WalletRow, compare
from streamproc.core.similarity.evidence.direction import sign_test

if TYPE_CHECKING:
    from collections.abc import Mapping

LEADER = "Leader11111111111111111111111111111111111111"
OTHER = "Other111111111111111111111111111111111111111"


def buyer(
    address: str, at: Mapping[str, int | None], slots: Mapping[str, int] | None = None
) -> WalletRow:
    """A wallet that first bought each mint at this second; the slot is that second too unless said otherwise."""
    return WalletRow(
        address,
        tuple(
            TradedMint(mint, 1, 1)
            if second is None
            else TradedMint(
                mint, 1, 1, second, (slots or {}).get(mint, second), f"{address[0]}-{mint}"
            )
            for mint, second in at.items()
        ),
    )


def items(*wallets: WalletRow) -> dict[str, dict[str, Any]]:
    """The evidence of the only pair, by kind."""
    (record,) = compare(SimilarityInputs(wallets, "digest")).pairs
    return {each["kind"]: each for each in record["evidence"]}


def test_timing_worked_by_hand() -> None:
    """Two shared buys, one in the same second, one a minute apart; the first wallet bought a third mint alone.

    weights: shared mints ln(3/3) + 1 = 1, the other ln(3/2) + 1 = 1.405465, the largest
    S = (1 + exp(-1)) / 1.405465 / sqrt(3 * 2) = .397331
    """
    found = items(
        buyer("a", {"m1": 1000, "m2": 5000, "m3": 9000}), buyer("b", {"m1": 1000, "m2": 5060})
    )["timing"]
    assert found["value"] == pytest.approx((1 + exp(-1)) / 1.4054651 / sqrt(6), abs=1e-6)
    assert found["value"] == pytest.approx(0.397331, abs=1e-6)
    assert found["n"] == 2
    assert found["mints"] == ["m1", "m2"]
    assert found["signatures"] == ["a-m1", "b-m1", "a-m2", "b-m2"]
    assert found["reason"].startswith("2 of 2 mints")


def test_the_same_buys_in_the_same_seconds_are_as_close_as_can_be() -> None:
    buys = {"m1": 1, "m2": 70, "m3": 900}
    assert items(buyer("a", buys), buyer("b", buys))["timing"]["value"] == 1.0


def test_hours_apart_is_not_close_and_carried_by_nothing() -> None:
    found = items(buyer("a", {"m1": 0}), buyer("b", {"m1": 86_400}))["timing"]
    assert (found["value"], found["n"], found["mints"]) == (0.0, 1, [])


def test_mints_that_one_side_only_sold_have_no_time() -> None:
    found = items(buyer("a", {"m1": None}), buyer("b", {"m1": 5}))
    assert "timing" not in found
    assert "direction" not in found
    assert found["chance"]["signatures"] == ["b-m1"]


def test_direction_worked_by_hand() -> None:
    """Seven shared mints, in lags of the second wallet behind the first.

    10, 20, 30, 600 s: the first wallet leads 4; -5 s: the second leads 1; the same slot: nobody; 601 s: too far apart
    n = 5, p = 2 * (5 + 1) / 32 = .375; lags -5 0 10 20 30 600: median 15
    """
    lags = {"m1": 10, "m2": 20, "m3": 30, "m4": 600, "m5": -5, "m6": 0, "m7": 601}
    start = dict.fromkeys(lags, 10_000)
    found = items(
        buyer(LEADER, start), buyer(OTHER, {mint: 10_000 + lag for mint, lag in lags.items()})
    )["direction"]
    assert (found["leader"], found["n"], found["lag_s"]) == (LEADER, 5, 15.0)
    assert (found["value"], found["p"]) == (0.8, 0.375)
    assert set(found["mints"]) == {"m1", "m2", "m3", "m4", "m5", "m6"}
    assert found["mints"][:4] == ["m1", "m2", "m3", "m4"]
    assert (
        found["reason"]
        == "Othe...1111 follows Lead...1111: 4 of 5 mints, median 15 s later, p = 0.38"
    )


def test_the_leader_may_be_the_second_wallet_of_the_pair() -> None:
    found = items(buyer("a", {"m1": 30, "m2": 45}), buyer("b", {"m1": 10, "m2": 4}))["direction"]
    assert (found["leader"], found["lag_s"], found["value"]) == ("b", 30.5, 1.0)


def test_a_tie_has_no_leader_and_no_lag() -> None:
    found = items(buyer("a", {"m1": 10, "m2": 50}), buyer("b", {"m1": 20, "m2": 40}))["direction"]
    assert (found["leader"], found["lag_s"], found["n"], found["p"]) == (None, None, 2, 1.0)
    assert found["value"] == 0.5
    assert "no direction" in found["reason"]


def test_the_same_slot_is_simultaneous_and_never_a_direction() -> None:
    found = items(buyer("a", {"m1": 10, "m2": 20}), buyer("b", {"m1": 10, "m2": 20}))["direction"]
    assert (found["n"], found["p"], found["leader"], found["value"]) == (0, None, None, None)
    assert "same slot" in found["reason"]


def test_different_slots_of_one_second_are_a_direction_without_a_lag_to_speak_of() -> None:
    found = items(buyer("a", {"m1": 10}, {"m1": 100}), buyer("b", {"m1": 10}, {"m1": 101}))
    assert (found["direction"]["leader"], found["direction"]["lag_s"]) == ("a", 0.0)


def test_buys_more_than_ten_minutes_apart_have_no_direction() -> None:
    assert "direction" not in items(buyer("a", {"m1": 0}), buyer("b", {"m1": 601}))


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 / 2
        (5, 0, 0.0625),  # 2 / 32
        (0, 5, 0.0625),
        (14, 1, 0.0009765625),  # 2 * 16 / 32768
        (3, 3, 1.0),
    ],
)
def test_the_sign_test_by_hand(first: int, second: int, p: float) -> None:
    assert sign_test(first, second) == p


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_sign_test_is_a_probability_and_symmetric(first: int, second: int) -> None:
    p = sign_test(first, second)
    assert 0 < p <= 1
    assert p == sign_test(second, first)


BUYS = st.dictionaries(
    st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), st.none() | st.integers(0, 3000)
)


@given(BUYS, BUYS)
def test_swapping_the_names_swaps_the_leader_and_nothing_else(
    left: dict[str, int | None], right: dict[str, int | None]
) -> None:
    first, second = (
        items(buyer("a", left), buyer("b", right)),
        items(buyer("b", left), buyer("a", right)),
    )
    assert first.keys() == second.keys()
    for kind in ("timing", "direction"):
        if kind in first:
            one, two = first[kind], second[kind]
            assert [one[k] for k in ("value", "n", "p", "lag_s")] == [
                two[k] for k in ("value", "n", "p", "lag_s")
            ]
            assert one["value"] is None or 0 <= one["value"] <= 1
            assert {"a": "b", "b": "a", None: None}[one["leader"]] == two["leader"]
