"""The world's own arithmetic of rates, round trips and results that nobody knows, on cases to follow by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.intent import Intent, MeantTrade, Place, TrueEntry, entry_from_intent
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.rates import SolView, Terms, own_rates

MINT = "mint"
DAY_S = 86_400
TERMS = Terms({known.WSOL: "200", known.USDC: "1.0", MINT: "4"}, {MINT: 6, known.USDC: 6})


def entry(at: int, intent: Intent) -> TrueEntry:
    place = Place(f"signature-{at}", at, 0, at)
    return entry_from_intent("wallet", intent, place, fee=5_000, tips=0)


def swap(at: int, dollars: int, *, bridged: int = 0, stables: int = 100_000_000) -> TrueEntry:
    """A swap of a hundred dollars into SOL at so many dollars a SOL."""
    lamports = stables * 1_000 // dollars
    return entry(at, Intent("quote_swap", {known.USDC: -stables}, lamports, bridged=bridged))


def trade(
    at: int, side: str, quotes: dict[str, int], *, units: int = 60, confidence: str = "exact"
) -> TrueEntry:
    meant = MeantTrade(MINT, side, units, quotes, confidence)
    deltas = {MINT: units if side == "buy" else -units}
    return entry(at, Intent(side, deltas, quotes.get(known.WSOL, 0), trades=(meant,)))


def result(*entries: TrueEntry) -> dict[str, Any]:
    pnl = true_pnl(entries, TERMS)
    names = ("closed_positions", "closed_unknown", "winning_positions", "win_rate")
    return {name: pnl[name] for name in names}


def test_a_loan_among_three_real_swaps_is_no_rate_and_among_two_it_stands() -> None:
    loan = swap(4, 70)
    others = [swap(1, 150), swap(2, 151), swap(3, 149)]
    assert [rate.time for rate in own_rates([*others, loan])] == [1, 2, 3]
    assert [rate.time for rate in own_rates([*others[:2], loan])] == [1, 2, 4]


def test_only_swaps_within_thirty_days_judge() -> None:
    loan, month = swap(40 * DAY_S, 70), 30 * DAY_S
    near = [swap(40 * DAY_S - month, 150), swap(40 * DAY_S + month, 150), swap(40 * DAY_S + 1, 150)]
    assert loan.time not in [rate.time for rate in own_rates([loan, *near])]
    far = [swap(40 * DAY_S - month - 1, 150), *near[1:]]
    assert loan.time in [rate.time for rate in own_rates([loan, *far])]


def test_half_and_double_the_middle_are_still_believed() -> None:
    others = [swap(at, 160) for at in (1, 2, 3)]
    for dollars, believed in ((80, True), (79, False), (320, True), (321, False)):
        times = [rate.time for rate in own_rates([*others, swap(9, dollars)])]
        assert (9 in times) == believed, dollars


@pytest.mark.parametrize(("bridged", "is_rate"), [(0, True), (125, True), (126, False)])
def test_a_remainder_of_what_went_over_a_bridge_is_no_rate(bridged: int, *, is_rate: bool) -> None:
    rates = own_rates([swap(1, 150, bridged=bridged * 1_000_000)])
    assert bool(rates) == is_rate


def test_a_wallet_without_rates_falls_back_to_todays_price() -> None:
    view = SolView([swap(1, 150, bridged=10**12)], TERMS)
    assert view.worth({known.USDC: 1_000_000}, 1) == (5_000_000, "current")
    assert SolView([swap(1, 100)], TERMS).worth({known.USDC: 3, known.WSOL: 7}, 1) == (
        7 + 30,
        "own_swaps",
    )
    assert Fraction(own_rates([swap(1, 100)])[0].lamports) == 10


def test_a_position_with_an_unpriced_trade_is_neither_won_nor_lost() -> None:
    found = result(
        trade(1, "buy", {}, confidence="unpriced"), trade(2, "sell", {known.WSOL: 9_000_000})
    )
    assert found == {
        "closed_positions": 1,
        "closed_unknown": 1,
        "winning_positions": 0,
        "win_rate": None,
    }


def test_a_position_whose_sales_are_wholly_of_unknown_basis_is_not_won() -> None:
    gift = entry(1, Intent("transfer_in", {MINT: 60}))
    sold_gift = (gift, trade(2, "sell", {known.WSOL: 9_000_000}))
    bought_and_sent = (
        trade(3, "buy", {known.WSOL: -1_000_000}),
        entry(4, Intent("transfer_out", {MINT: -60})),
    )
    found = result(*sold_gift, *bought_and_sent)
    assert (found["closed_positions"], found["closed_unknown"]) == (1, 1)
    partly = result(
        gift,
        trade(2, "buy", {known.WSOL: -1_000}),
        trade(3, "sell", {known.WSOL: 9_000_000}, units=120),
    )
    assert (partly["closed_unknown"], partly["winning_positions"]) == (0, 1)


def test_round_trips_stand_per_quote_count_in_net_and_their_fees_are_the_wallets() -> None:
    pnl = true_pnl(
        [
            entry(1, Intent("round_trip", sol=12_345)),
            entry(2, Intent("round_trip", sol=-2_345)),
            entry(3, Intent("round_trip", {known.USDC: 2_000_000}, service=100_001)),
        ],
        TERMS,
    )
    assert pnl["round_trips"] == {known.WSOL: "10000", known.USDC: "2000000"}
    assert pnl["round_trip_lamports"] == 10_000 + 10_000_000  # two dollars at two hundred a SOL
    assert pnl["net_lamports"] == pnl["round_trip_lamports"]
    assert pnl["wallet_costs_lamports"] == 3 * 5_000 + 100_001
    assert pnl["trades"] == 0
    assert sum(pnl["rate_sources"].values()) == 0
