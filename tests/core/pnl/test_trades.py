"""Entry -> trades, and their SOL view: every rule on a case worked by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.chain.solana import USDC, USDT, WSOL
from streamproc.core.ledger.entries import Entry, Kind, canonical_order
from streamproc.core.pnl.rates import (
    Rates,
    RateSource,
    SolPrices,
    SolView,
    rates_from_entries,
    sol_view,
)
from streamproc.core.pnl.trades import Confidence, Rule, Side, Trade, trades_from_entries, trades_of

SOL = 10**9
HOUR = 3600


def entry(
    kind: Kind,
    trade_sol: int,
    *deltas: tuple[str, int],
    signature: str = "sig",
    slot: int = 7,
    index: int | None = 0,
    time: int | None = 1_000_000,
    fee: int = 0,
    tips: int = 0,
    estimated: bool = False,
    routed: tuple[str, int] | None = None,
) -> Entry:
    """An entry of W with this `trade_sol`."""
    return Entry(
        signature=signature,
        slot=slot,
        index=index,
        time=time,
        failed=False,
        estimated=estimated,
        fee_payer="W",
        network_fee=fee,
        sol_delta=trade_sol - fee - tips,
        tips=tips,
        rent=0,
        kind=kind,
        deltas=tuple(sorted(deltas)),
        routed_quote=routed,
        counterparty=None,
    )


def test_one_token_takes_all_quote_legs_exactly() -> None:
    (trade,) = trades_of(
        entry(Kind.BUY, -SOL, ("T", 500), (USDC, -2_000_000), (USDT, 9_999), fee=5, tips=2), "W"
    )
    assert trade == Trade(
        wallet="W",
        signature="sig",
        slot=7,
        time=1_000_000,
        mint="T",
        side=Side.BUY,
        amount=500,
        quotes={WSOL: -SOL, USDC: -2_000_000},
        fees=7,
        rule=Rule.QUOTE_LEGS,
        confidence=Confidence.EXACT,
    )


def test_a_sale_below_dust_keeps_every_quote() -> None:
    (trade,) = trades_of(entry(Kind.SELL, 3_000, ("T", -5), (USDC, 17)), "W")
    assert (trade.side, trade.amount, trade.quotes) == (Side.SELL, 5, {WSOL: 3_000, USDC: 17})
    assert (trade.rule, trade.confidence) == (Rule.BELOW_DUST, Confidence.EXACT)


def test_a_sale_without_any_quote_is_for_no_sol() -> None:
    (trade,) = trades_of(entry(Kind.SELL, 0, ("T", -5)), "W")
    assert trade.quotes == {WSOL: 0}


def test_a_sale_that_cost_more_than_it_brought_has_a_negative_quote() -> None:
    (trade,) = trades_of(entry(Kind.SELL, -997_001, ("T", -5)), "W")
    assert (trade.side, trade.quotes) == (Side.SELL, {WSOL: -997_001})


def test_a_routed_swap_gives_both_legs_the_smaller_amount() -> None:
    sold, bought = trades_of(
        entry(Kind.TOKEN_SWAP, 0, ("A", -5), ("B", 7), routed=(WSOL, 990), fee=5), "W"
    )
    assert (sold.mint, sold.side, sold.quotes, sold.fees) == ("A", Side.SELL, {WSOL: 990}, 3)
    assert (bought.mint, bought.side, bought.quotes) == ("B", Side.BUY, {WSOL: -990})
    assert bought.fees == 2
    assert {sold.confidence, bought.confidence} == {Confidence.SPLIT}
    assert {sold.rule, bought.rule} == {Rule.ROUTED}


def test_own_quotes_of_a_routed_swap_belong_to_the_bought_leg() -> None:
    sold, bought = trades_of(
        entry(
            Kind.TOKEN_SWAP, -20_000, ("B", -5), ("A", 7), (USDC, 50_000), routed=(WSOL, 990_000)
        ),
        "W",
    )[::-1]
    assert (sold.mint, sold.quotes) == ("B", {WSOL: 990_000})
    assert (bought.mint, bought.quotes) == ("A", {WSOL: -1_010_000, USDC: 50_000})


def test_a_swap_without_a_route_is_unpriced_with_the_joint_total() -> None:
    trades = trades_of(entry(Kind.TOKEN_SWAP, -SOL, ("A", -5), ("B", 7)), "W")
    assert [(each.mint, each.quotes, each.confidence) for each in trades] == [
        ("A", {WSOL: -SOL}, Confidence.UNPRICED),
        ("B", {WSOL: -SOL}, Confidence.UNPRICED),
    ]
    assert {each.rule for each in trades} == {Rule.JOINT}


def test_three_tokens_with_a_route_are_unpriced_all_the_same() -> None:
    trades = trades_of(
        entry(Kind.TOKEN_SWAP, 0, ("A", -5), ("B", 7), ("C", 7), routed=(WSOL, 9), fee=5), "W"
    )
    assert {each.confidence for each in trades} == {Confidence.UNPRICED}
    assert [each.fees for each in trades] == [2, 2, 1]


def test_several_tokens_for_one_quote_are_unpriced() -> None:
    trades = trades_of(entry(Kind.BUY, -SOL, ("A", 5), ("B", 7), estimated=True), "W")
    assert [(each.side, each.confidence) for each in trades] == [
        (Side.BUY, Confidence.UNPRICED),
        (Side.BUY, Confidence.UNPRICED),
    ]


def test_an_estimated_entry_makes_estimated_trades() -> None:
    (trade,) = trades_of(entry(Kind.BUY, -SOL, ("T", 5), estimated=True), "W")
    assert trade.confidence is Confidence.ESTIMATED


@pytest.mark.parametrize(
    "kind", sorted(set(Kind) - {Kind.BUY, Kind.SELL, Kind.TOKEN_SWAP, Kind.ORDER_FILLED})
)
def test_other_kinds_make_no_trades(kind: Kind) -> None:
    assert trades_of(entry(kind, -SOL, ("T", 5)), "W") == []


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 5))
def test_fee_shares_add_up_and_differ_by_one_at_most(fee: int, tips: int, count: int) -> None:
    tokens = [(f"T{place}", 5) for place in range(count)]
    shares = [
        each.fees for each in trades_of(entry(Kind.BUY, -SOL, *tokens, fee=fee, tips=tips), "W")
    ]
    assert sum(shares) == fee + tips
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= 1


# --- order ---


def test_the_order_is_slot_then_index_then_signature() -> None:
    names = [(2, 0, "a"), (1, 9, "b"), (1, 2, "d"), (1, 2, "c"), (1, -5, "e"), (1, -4, "f")]
    entries = [
        entry(Kind.OTHER, 0, slot=slot, index=index, signature=name) for slot, index, name in names
    ]
    assert [each.signature for each in canonical_order(entries)] == ["e", "f", "c", "d", "b", "a"]


def test_without_an_index_buys_come_first_then_swaps_then_sales() -> None:
    entries = [
        entry(Kind.SELL, SOL, ("B", -5), signature="1", index=None),
        entry(Kind.TOKEN_SWAP, 0, ("A", -5), ("B", 5), signature="2", index=None),
        entry(Kind.BUY, -SOL, ("A", 5), signature="3", index=None),
        entry(Kind.SELL, SOL, ("C", -5), signature="4", index=8),
    ]
    assert [each.signature for each in trades_from_entries(entries, "W")] == [
        "4",
        "3",
        "2",
        "2",
        "1",
    ]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([None, 0, 1]), st.sampled_from("abcd")))
)
def test_the_order_depends_on_the_entries_alone_and_each_counts_once(
    names: list[tuple[int, int | None, str]],
) -> None:
    entries = list(
        {
            name: entry(Kind.BUY, -SOL, ("T", 5), slot=slot, index=index, signature=name)
            for slot, index, name in names
        }.values()
    )
    ordered = canonical_order(entries)
    assert canonical_order([*reversed(entries), *entries]) == ordered
    assert len(ordered) == len(entries)


# --- the SOL view ---


def swap(
    time: int | None, trade_sol: int, units: int, *, signature: str = "s", mint: str = USDC
) -> Entry:
    """A quote swap of W."""
    return entry(Kind.QUOTE_SWAP, trade_sol, (mint, units), time=time, signature=signature)


def trade(quotes: dict[str, int], time: int | None = 1_000_000) -> Trade:
    """A priced trade of W."""
    return Trade(
        "W", "sig", 7, time, "T", Side.BUY, 5, quotes, 0, Rule.QUOTE_LEGS, Confidence.EXACT
    )


def test_sol_is_its_own_view() -> None:
    assert sol_view(trade({WSOL: -7}), Rates()) == SolView(-7, None)


def test_an_unpriced_trade_has_no_view() -> None:
    unpriced = trade({WSOL: -7, USDC: 5})._replace(confidence=Confidence.UNPRICED)
    assert sol_view(unpriced, Rates()) == SolView(None, None)


def test_own_swaps_price_both_stables_and_a_sum_is_rounded_once() -> None:
    # 2 SOL for 300 USDC: 20/3 lamports a unit. 7 + (1 - 2) * 20/3 = 1/3.
    rates = rates_from_entries([swap(1_000_000, -2 * SOL, 300_000_000)])
    view = sol_view(trade({WSOL: 7, USDC: 1, USDT: -2}), rates)
    assert view == SolView(0, RateSource.OWN_SWAPS)


@pytest.mark.parametrize(("units", "lamports"), [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2)])
def test_halves_are_rounded_to_even(units: int, lamports: int) -> None:
    rates = rates_from_entries([swap(1_000_000, 10**6, -2 * 10**6)])  # half a lamport a unit
    assert sol_view(trade({USDC: units}), rates).lamports == lamports


def test_the_nearest_own_swap_prices_the_earlier_of_two_then_the_smaller_signature() -> None:
    swaps = [
        swap(1_000_000 - 50, -1_000_000, 1_000_000, signature="b"),  # 1 lamport a unit
        swap(1_000_000 - 50, -2_000_000, 1_000_000, signature="a"),  # 2
        swap(1_000_000 + 50, -3_000_000, 1_000_000, signature="c"),  # 3
        swap(1_000_000 + 40 + HOUR, -4_000_000, 1_000_000, signature="d", mint=USDT),  # 4
    ]
    rates = rates_from_entries(swaps)
    assert sol_view(trade({USDC: 1}), rates).lamports == 2
    assert sol_view(trade({USDC: 1}, 1_000_001), rates).lamports == 3
    assert sol_view(trade({USDC: 1}, 1_000_000 + HOUR), rates).lamports == 4
    assert sol_view(trade({USDC: 1}, 1_000_000 + 20 * HOUR), rates).source is RateSource.MISSING


@pytest.mark.parametrize(("apart", "source"), [(0, "own_swaps"), (1, "missing")])
@pytest.mark.parametrize("sign", [1, -1])
def test_own_swaps_reach_six_hours(apart: int, source: str, sign: int) -> None:
    rates = rates_from_entries([swap(10**6 + sign * (6 * HOUR + apart), -SOL, 10**8)])
    assert sol_view(trade({USDC: 1}), rates).source == source


def test_own_swaps_of_less_than_one_stable_or_without_time_price_nothing() -> None:
    rates = rates_from_entries([swap(10**6, -SOL, 999_999), swap(None, -SOL, 10**8)])
    assert rates.own_swaps == ()
    assert len(rates_from_entries([swap(10**6, -SOL, 1_000_000)]).own_swaps) == 1


def test_history_then_the_current_price_then_nothing() -> None:
    history = ((900_000, Fraction(100)), (999_999, Fraction(200)), (1_000_001, Fraction(50)))
    prices = SolPrices(history, current=Fraction(125))
    # 1 USDC is 0.005 SOL at 200 dollars, 0.008 at 125.
    assert sol_view(trade({USDC: 10**6}), Rates((), prices)) == SolView(
        5_000_000, RateSource("history")
    )
    assert sol_view(trade({USDC: 10**6}, 899_999), Rates((), prices)) == SolView(
        8_000_000, RateSource("current")
    )
    assert sol_view(trade({USDC: 10**6}, None), Rates((), prices)) == SolView(
        8_000_000, RateSource("current")
    )
    late = 1_000_001 + 2 * 86_400
    assert sol_view(trade({USDC: 10**6}, late), Rates((), prices)).source == "history"
    assert sol_view(trade({USDC: 10**6}, late + 1), Rates((), prices)).source == RateSource(
        "current"
    )
    assert sol_view(trade({USDC: 10**6}), Rates()) == SolView(None, RateSource("missing"))
