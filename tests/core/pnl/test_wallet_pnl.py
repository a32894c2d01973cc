"""Profit and loss: each rule on figures worked by hand, and what must hold of any history."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streamproc.core.chain.solana import USDC, WSOL, is_rent
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.encoding import pnl_from_json, pnl_to_json
from streamproc.core.pnl.lots import Lots
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.pnl.records import QuotePnl, RealizedDay, TokenPnl, WalletPnl
from streamproc.core.pnl.wallet_pnl import wallet_pnl, with_market_values
from streamproc.core.result.wallet_analysis import lacks_sol_price

SOL = 10**9


class Life:
    """Entries of W, one after the other, one second and slot apart."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, kind: Kind, trade_sol: int, *deltas: tuple[str, int], **fields: Any) -> Entry:  # noqa: ANN401
        """One entry more; `fee` and `tips` are on top of `trade_sol`."""
        fee, tips, at = fields.pop("fee", 0), fields.pop("tips", 0), len(self.entries) + 1
        plain = Entry(
            signature=f"s{at:05}",
            slot=at,
            index=0,
            time=at,
            failed=kind is Kind.FAILED,
            estimated=False,
            fee_payer="W",
            network_fee=fee,
            sol_delta=trade_sol - fee - tips,
            tips=tips,
            rent=0,
            kind=kind,
            deltas=tuple(sorted(deltas)),
            routed_quote=fields.pop("routed", None),
            counterparty=None,
        )
        entry = structs.replace(plain, **fields)
        self.entries.append(entry)
        return entry

    def buy(self, units: int, lamports: int, mint: str = "T", **fields: Any) -> None:  # noqa: ANN401
        """Buy with SOL."""
        self.add(Kind.BUY, -lamports, (mint, units), **fields)

    def sell(self, units: int, lamports: int, mint: str = "T", **fields: Any) -> None:  # noqa: ANN401
        """Sell for SOL."""
        self.add(Kind.SELL, lamports, (mint, -units), **fields)

    def pnl(self, **options: Any) -> WalletPnl:  # noqa: ANN401
        """The figures of all of it."""
        return wallet_pnl(self.entries, "W", **{"decimals": {"T": 6, "U": 6}, **options})

    def row(self, mint: str = "T", **options: Any) -> TokenPnl:  # noqa: ANN401
        """The row of one mint."""
        return next(row for row in self.pnl(**options).tokens if row.mint == mint)


@pytest.fixture
def life() -> Life:
    """An empty history."""
    return Life()


def test_sales_take_the_oldest_lots_first(life: Life) -> None:
    life.buy(100, 1_000_000, fee=5_000)
    life.buy(100, 3_000_000, fee=5_000)
    life.sell(150, 6_000_000, fee=5_000, tips=1_000)
    row = life.row()
    # Cost of 100 + 50 units: 1 000 000 + 1 500 000. Fees of all three: 16 000.
    assert row.realized_lamports == 6_000_000 - 2_500_000 - 16_000
    assert (row.open_amount, row.open_cost_lamports, row.open_basis_amount) == (50, 1_500_000, 50)
    assert (row.bought, row.sold, row.received, row.sent) == (200, 150, 0, 0)
    assert (row.spent_lamports, row.received_lamports, row.fees_lamports) == (
        4_000_000,
        6_000_000,
        16_000,
    )
    assert (row.trades, row.buys, row.sells, row.buy_cost_lamports) == (3, 2, 1, 4_000_000)
    assert (row.first_trade_at, row.last_trade_at) == (1, 3)
    assert (row.first_buy_at, row.first_buy_slot, row.first_buy_signature) == (1, 1, "s00001")
    assert row.quotes == {WSOL: QuotePnl(4_000_000, 6_000_000, 3_500_000)}
    assert row.unrealized_lamports is None


def test_parts_of_a_lot_are_rounded_down_and_the_rest_stays(life: Life) -> None:
    life.buy(3, 10_000)
    life.sell(1, 20_000)
    # A third of 10 000 is 3 333; the rest, 6 667, stays with two units.
    assert life.row().open_cost_lamports == 6_667
    life.sell(1, 20_000)
    assert life.row().open_cost_lamports == 3_334
    life.sell(1, 20_000)
    assert life.row().realized_lamports == 60_000 - 10_000


def test_received_units_have_no_basis_and_their_proceeds_are_no_profit(life: Life) -> None:
    life.add(Kind.TRANSFER_IN, 0, ("T", 100))
    life.buy(100, 100_000)
    life.sell(150, 300_001)
    row = life.row()
    # 100 of 150 units are unknown: floor(300 001 * 100 / 150) = 200 000; the rest cost 50 000.
    assert row.unknown_basis_proceeds_lamports == 200_000
    assert row.realized_lamports == 100_001 - 50_000
    assert (row.open_amount, row.open_basis_amount, row.open_cost_lamports) == (50, 50, 50_000)
    assert (row.received, row.bought) == (100, 100)
    assert row.quotes[WSOL].realized == 300_001 * 50 // 150 - 50_000


def test_what_no_lot_holds_is_unknown_too(life: Life) -> None:
    life.sell(10, 70_000, fee=5_000)
    row = life.row()
    assert (row.unknown_basis_proceeds_lamports, row.realized_lamports) == (70_000, -5_000)
    assert (row.open_amount, row.unrealized_lamports) == (0, 0)


@pytest.mark.parametrize("kind", [Kind.TRANSFER_OUT, Kind.BURN, Kind.LIQUIDITY, Kind.OTHER])
def test_units_that_leave_otherwise_take_their_lots_at_cost(life: Life, kind: Kind) -> None:
    life.buy(100, 100_000)
    life.add(kind, 0, ("T", -40), fee=5_000)
    row, pnl = life.row(), life.pnl()
    assert (row.realized_lamports, row.open_amount, row.open_cost_lamports) == (0, 60, 60_000)
    assert (row.sent, row.sold) == (40, 0)
    assert (pnl.fees_lamports, pnl.wallet_costs_lamports) == (0, 5_000)


@pytest.mark.parametrize("kind", [Kind.TRANSFER_IN, Kind.MINT, Kind.LIQUIDITY])
def test_units_that_come_otherwise_are_lots_without_basis(life: Life, kind: Kind) -> None:
    life.add(kind, 0, ("T", 40))
    row = life.row()
    assert (row.received, row.open_amount, row.open_basis_amount) == (40, 40, 0)
    assert (row.trades, row.first_trade_at) == (0, None)


def test_unpriced_trades_make_no_price_but_pay_their_fees(life: Life) -> None:
    life.buy(10, 100_000, "U")
    life.add(Kind.TOKEN_SWAP, 0, ("U", -10), ("T", 5), fee=5_001)
    life.sell(5, 30_000)
    sold, bought = life.row("U"), life.row("T")
    assert (sold.realized_lamports, sold.fees_lamports) == (-2_500, 2_500)
    assert (sold.sold, sold.sells, sold.open_amount, sold.received_lamports) == (10, 1, 0, 0)
    assert (bought.bought, bought.fees_lamports, bought.spent_lamports) == (5, 2_501, 0)
    assert (bought.unknown_basis_proceeds_lamports, bought.realized_lamports) == (30_000, -2_501)
    assert sold.quotes == {WSOL: QuotePnl(100_000, 0, 0)}


def test_a_routed_swap_prices_both_legs(life: Life) -> None:
    life.buy(10, 100_000, "U")
    life.add(Kind.TOKEN_SWAP, 0, ("U", -10), ("T", 5), routed=(WSOL, 150_000))
    assert life.row("U").realized_lamports == 50_000
    assert (life.row("T").open_cost_lamports, life.row("T").spent_lamports) == (150_000, 150_000)


def test_a_sale_that_cost_more_than_it_brought_is_spent(life: Life) -> None:
    life.buy(10, 100_000)
    life.sell(10, -30_000)
    row = life.row()
    assert row.realized_lamports == -130_000
    assert (row.spent_lamports, row.received_lamports, row.buy_cost_lamports) == (
        130_000,
        0,
        100_000,
    )
    assert row.quotes[WSOL] == QuotePnl(130_000, 0, -130_000)


def test_a_quote_realizes_only_what_was_bought_and_sold_in_it(life: Life) -> None:
    prices = SolPrices(current=Fraction(100))  # 1 USDC = 10 000 000 lamports
    life.buy(60, 600_000)
    life.add(Kind.BUY, 0, ("T", 40), (USDC, -4_000_000))
    life.add(Kind.SELL, 0, ("T", -100), (USDC, 12_000_001), fee=5_000)
    row, pnl = life.row(prices=prices), life.pnl(prices=prices)
    # 40 of the 100 sold units were bought in USDC: floor(12 000 001 * 40 / 100) - 4 000 000.
    assert row.quotes[USDC] == QuotePnl(4_000_000, 12_000_001, 800_000)
    assert row.quotes[WSOL] == QuotePnl(600_000, 0, 0)
    assert row.realized_lamports == 120_000_010 - 40_000_000 - 600_000 - 5_000
    assert pnl.rate_sources == {"own_swaps": 0, "history": 0, "current": 2, "missing": 0}
    assert pnl.stable_net_flow == {USDC: 8_000_001}


def test_without_a_rate_the_quote_is_exact_and_the_sol_view_unknown(life: Life) -> None:
    life.add(Kind.BUY, 0, ("T", 40), (USDC, -4_000_000))
    life.sell(20, 100_000)
    life.add(Kind.SELL, 0, ("T", -10), (USDC, 3_000_000))
    row = life.row()
    assert row.quotes[USDC] == QuotePnl(4_000_000, 3_000_000, 2_000_000)
    assert (row.realized_lamports, row.unknown_basis_proceeds_lamports) == (0, 100_000)
    assert life.pnl().rate_sources["missing"] == 2
    assert (row.open_amount, row.open_basis_amount) == (10, 0)


def test_own_swaps_after_the_window_are_not_read(life: Life) -> None:
    life.add(Kind.BUY, 0, ("T", 40), (USDC, -4_000_000))
    life.add(Kind.QUOTE_SWAP, SOL, (USDC, -100_000_000), fee=5_000)
    assert life.pnl().rate_sources["own_swaps"] == 1
    assert life.pnl().stable_net_flow == {USDC: -104_000_000}
    assert life.pnl().wallet_costs_lamports == 5_000
    assert life.row().spent_lamports == 40_000_000
    assert life.pnl(until=1).rate_sources["missing"] == 1


def test_failed_transactions_are_costs_of_the_wallet(life: Life) -> None:
    life.add(Kind.FAILED, 0, fee=5_000)
    pnl = life.pnl()
    assert (pnl.wallet_costs_lamports, pnl.net_lamports, pnl.fees_lamports) == (5_000, 0, 0)
    assert (pnl.tokens, pnl.unrealized_lamports, pnl.win_rate) == ((), 0, None)


def three_closed(life: Life) -> None:
    """A wins 30 000, B loses 10 000, C breaks even."""
    for mint, brought in [("A", 130_000), ("B", 90_000), ("C", 100_000)]:
        life.buy(10, 100_000, mint)
        life.sell(10, brought, mint)


def test_closed_positions_are_won_lost_or_neither(life: Life) -> None:
    three_closed(life)
    life.buy(10, 100_000, "D")
    pnl = life.pnl()
    assert (pnl.closed_positions, pnl.winning_positions, pnl.losing_positions) == (3, 1, 1)
    assert pnl.win_rate == 1 / 3
    assert (pnl.median_closed_lamports, pnl.trimmed_mean_closed_lamports) == (0, 6_667)
    # The squares 10^9 less 3 * (20 000 / 3)^2, halved: 433 333 333.3, whose root is 20 816.66.
    assert pnl.std_closed_lamports == 20_817
    assert [row.mint for row in pnl.tokens] == ["A", "B", "C", "D"]
    assert (pnl.trades, pnl.buys, pnl.sells, pnl.tokens_traded) == (7, 4, 3, 4)
    assert (pnl.volume_lamports, pnl.realized_lamports) == (400_000 + 320_000, 20_000)


@pytest.mark.parametrize(("left", "closed"), [(0, 1), (1, 1), (2, 0)])
def test_a_position_is_closed_when_a_billionth_of_its_peak_is_left(
    life: Life, left: int, closed: int
) -> None:
    life.buy(10**9, 100_000)
    life.sell(10**9 - left, 100_000)
    assert life.pnl().closed_positions == closed


def test_a_position_never_bought_or_never_sold_is_not_closed(life: Life) -> None:
    life.add(Kind.TRANSFER_IN, 0, ("T", 10))
    life.sell(10, 100_000)
    life.buy(10, 100_000, "U")
    life.add(Kind.TRANSFER_OUT, 0, ("U", -10))
    assert life.pnl().closed_positions == 0


def test_rows_stand_by_size_of_realized_then_by_mint(life: Life) -> None:
    for mint, brought in [("C", 90_000), ("B", 130_000), ("A", 110_000)]:
        life.buy(10, 100_000, mint)
        life.sell(10, brought, mint)
    assert [row.mint for row in life.pnl().tokens] == ["B", "A", "C"]


# --- results that nobody knows ---


def swapped(life: Life, mint: str, units: int) -> None:
    """One token for another, without any quote."""
    life.add(Kind.TOKEN_SWAP, 0, (mint, units), ("EURX", -units))


def test_a_position_with_a_trade_without_a_price_is_neither_won_nor_lost(life: Life) -> None:
    three_closed(life)
    swapped(life, "X", 60)
    life.sell(60, 900_000, "X")
    pnl = life.pnl()
    assert (pnl.closed_positions, pnl.closed_unknown) == (4, 1)
    assert (pnl.winning_positions, pnl.losing_positions, pnl.win_rate) == (1, 1, 1 / 3)
    assert pnl.median_closed_lamports == 0
    assert {row.mint: row.is_result_known for row in pnl.tokens if row.is_closed} == {
        "A": True,
        "B": True,
        "C": True,
        "X": False,
    }


def test_one_trade_without_a_sol_view_is_enough(life: Life) -> None:
    life.add(Kind.BUY, 0, ("T", 40), (USDC, -4_000_000))
    life.sell(40, 900_000)
    assert (life.pnl().closed_unknown, life.pnl().win_rate) == (1, None)
    priced = life.pnl(prices=SolPrices(current=Fraction(100)))
    assert (priced.closed_unknown, priced.losing_positions, priced.win_rate) == (0, 1, 0.0)


def test_sales_wholly_of_unknown_basis_are_no_result(life: Life) -> None:
    life.buy(10, 100_000)
    life.add(Kind.TRANSFER_OUT, 0, ("T", -10))
    life.add(Kind.TRANSFER_IN, 0, ("T", 10))
    life.sell(10, 900_000, fee=5_000)
    pnl = life.pnl()
    assert (pnl.closed_positions, pnl.closed_unknown, pnl.losing_positions) == (1, 1, 0)
    assert pnl.std_closed_lamports is None
    life.buy(10, 100_000)
    life.sell(10, 900_000)
    pnl = life.pnl()
    assert (pnl.closed_unknown, pnl.winning_positions) == (0, 1), "some of it has a basis now"


def test_a_result_within_a_window_rests_on_what_was_before_it_too(life: Life) -> None:
    swapped(life, "X", 60)  # at 1
    life.buy(40, 100_000, "X")  # at 2
    life.sell(100, 900_000, "X")  # at 3
    assert (life.pnl(since=2).closed_positions, life.pnl(since=2).closed_unknown) == (1, 1)
    assert life.pnl(since=3).closed_unknown == 1


# --- round trips ---


def test_round_trips_count_in_net_and_are_no_trades(life: Life) -> None:
    life.add(Kind.ROUND_TRIP, 85_236, fee=5_000, tips=1_000)
    life.add(Kind.ROUND_TRIP, -63_499, (USDC, 31_007), fee=5_000)
    life.buy(10, 100_000)
    pnl = life.pnl(prices=SolPrices(current=Fraction(100)))
    # 0.031007 USDC at 100 dollars a SOL are 310 070 lamports.
    assert pnl.round_trips == {USDC: 31_007, WSOL: 85_236 - 63_499}
    assert pnl.round_trip_lamports == 85_236 - 63_499 + 310_070
    assert pnl.net_lamports == pnl.round_trip_lamports
    assert (pnl.realized_lamports, pnl.trades, pnl.volume_lamports) == (0, 1, 100_000)
    assert (pnl.wallet_costs_lamports, pnl.fees_lamports) == (11_000, 0)
    assert (pnl.stable_net_flow, sum(pnl.rate_sources.values())) == ({}, 0)
    valued = with_market_values(pnl, {"T": Fraction(0)}, Fraction(100))
    assert valued.net_lamports == pnl.round_trip_lamports - 100_000


def test_a_round_trip_is_rounded_half_to_even_by_itself(life: Life) -> None:
    for _ in range(2):
        life.add(Kind.ROUND_TRIP, 0, (USDC, 10_001))
    one = SolPrices(current=Fraction(2 * 10**3))  # a base unit is half a lamport
    assert life.pnl(prices=one).round_trip_lamports == 2 * 5_000


def test_without_a_rate_round_trips_are_unknown_and_counted(life: Life) -> None:
    assert life.pnl().round_trip_lamports == 0
    life.add(Kind.ROUND_TRIP, 0, (USDC, 31_007))
    pnl = life.pnl()
    assert (pnl.round_trips, pnl.round_trip_lamports, pnl.net_lamports) == ({USDC: 31_007}, None, 0)
    assert pnl.unread["unpriced_round_trips"] == 1
    assert lacks_sol_price(pnl_to_json(pnl))
    assert not lacks_sol_price(pnl_to_json(life.pnl(prices=SolPrices(current=Fraction(100)))))
    life.add(Kind.ROUND_TRIP, 20_000)
    assert (life.pnl().round_trip_lamports, life.pnl().net_lamports) == (20_000, 20_000)


def test_the_window_bounds_round_trips_too(life: Life) -> None:
    for number in range(1, 4):
        life.add(Kind.ROUND_TRIP, number * 100_000, fee=5_000)
    pnl = life.pnl(since=2, until=2)
    assert (pnl.round_trip_lamports, pnl.wallet_costs_lamports) == (200_000, 5_000)


# --- what is not read as a trader would wish ---


def test_what_is_not_read_is_counted_by_kind(life: Life) -> None:
    life.add(Kind.LIQUIDITY, -SOL, ("T", -5), ("R", 1))
    life.add(Kind.OTHER, -SOL, ("T", -5), (USDC, 5_000_000))
    life.add(Kind.OTHER, 0)  # paid for somebody else
    life.add(Kind.OTHER, -9_999)
    life.add(Kind.TRANSFER_IN, 0, ("T", 5))
    life.add(Kind.TRANSFER_OUT, 0, ("T", -5))
    life.add(Kind.TRANSFER_OUT, -SOL)
    life.add(Kind.TRANSFER_IN, 0, (USDC, 5_000_000))
    life.add(Kind.QUOTE_SWAP, -SOL, (USDC, 100_000_000))
    life.add(Kind.QUOTE_SWAP, -SOL, (USDC, 1_000_000), is_remainder=True)
    life.add(Kind.QUOTE_SWAP, -10_000, (USDC, 999_999))  # too small for a rate, whatever its price
    life.add(Kind.TOKEN_SWAP, 0, ("A", 1), ("B", -1))
    life.add(Kind.MINT, 0, ("N", 1))
    life.add(Kind.BURN, 0, ("N", -1))
    life.add(Kind.FAILED, 0, fee=5_000)
    assert life.pnl().unread == {
        "liquidity": 1,
        "other": 1,
        "token_transfers": 2,
        "quote_transfers": 2,
        "exchanges_without_rate": 1,
        "unpriced_trades": 2,
        "unpriced_round_trips": 0,
    }
    assert set(life.pnl(since=12).unread.values()) == {0, 2}
    assert set(life.pnl(since=99).unread.values()) == {0}


# --- the window ---


def test_the_window_counts_and_what_came_before_gives_basis(life: Life) -> None:
    life.buy(100, 100_000, fee=5_000)  # at 1
    life.add(Kind.FAILED, 0, fee=5_000)  # at 2
    life.sell(40, 60_000, fee=5_000)  # at 3
    life.add(Kind.TRANSFER_OUT, 0, ("T", -10), fee=7_000)  # at 4
    life.sell(50, 70_000, fee=5_000)  # at 5
    pnl, row = life.pnl(since=3, until=4), life.row(since=3, until=4)
    assert row.realized_lamports == 60_000 - 40_000 - 5_000
    assert (row.bought, row.sold, row.sent, row.trades) == (0, 40, 10, 1)
    assert (row.open_amount, row.open_cost_lamports) == (50, 50_000)
    assert (row.first_buy_at, row.first_trade_at, row.last_trade_at) == (None, 3, 3)
    assert (pnl.wallet_costs_lamports, pnl.fees_lamports) == (7_000, 5_000)
    assert (pnl.closed_positions, pnl.volume_lamports) == (0, 60_000)
    assert life.pnl(since=5).closed_positions == 1
    assert life.pnl(since=5).realized_lamports == 70_000 - 50_000 - 5_000
    assert life.pnl(since=6).tokens == ()


def test_an_entry_without_time_stands_at_the_last_known_time(life: Life) -> None:
    life.buy(10, 10_000, time=None)
    life.buy(10, 20_000)
    life.sell(10, 30_000, time=None)
    assert life.row(since=2).realized_lamports == 20_000
    assert life.row(since=2).bought == 10
    assert life.pnl(until=1).trades == 1
    assert life.row().first_trade_at == 2


# --- market values ---


def test_open_lots_with_basis_are_valued_at_market(life: Life) -> None:
    life.buy(3_000_000, 1_000_000)
    life.add(Kind.TRANSFER_IN, 0, ("T", 9_000_000))
    valued = with_market_values(life.pnl(), {"T": Fraction(1, 3)}, Fraction(150))
    # 3 tokens at a third of a dollar are 1 dollar: 6 666 666.67 lamports at 150 dollars for a SOL.
    assert valued.tokens[0].unrealized_lamports == 6_666_667 - 1_000_000
    assert (valued.unrealized_lamports, valued.net_lamports) == (5_666_667, 5_666_667)


@pytest.mark.parametrize(("price", "value"), [(1, 0), (3, 2), (5, 2)])
def test_market_values_are_rounded_half_to_even(life: Life, price: int, value: int) -> None:
    life.buy(1_000_000, 0)
    valued = with_market_values(life.pnl(), {"T": Fraction(price)}, Fraction(2 * SOL))
    assert valued.tokens[0].unrealized_lamports == value


def test_a_wallet_sums_what_is_known(life: Life) -> None:
    life.buy(1_000_000, 100_000)
    life.buy(1_000_000, 100_000, "U")
    pnl = life.pnl()
    assert (pnl.unrealized_lamports, pnl.net_lamports) == (None, 0)
    valued = with_market_values(pnl, {"T": Fraction(1)}, Fraction(100))
    assert {row.mint: row.unrealized_lamports for row in valued.tokens} == {
        "T": 9_900_000,
        "U": None,
    }
    assert (valued.unrealized_lamports, valued.net_lamports) == (9_900_000, 9_900_000)


def test_nothing_is_valued_without_the_price_of_sol_or_decimals(life: Life) -> None:
    life.buy(1_000_000, 100_000)
    prices = {"T": Fraction(1)}
    assert with_market_values(life.pnl(), prices, None).unrealized_lamports is None
    assert with_market_values(life.pnl(), prices, Fraction(0)).unrealized_lamports is None
    unknown = life.pnl(decimals={})
    assert with_market_values(unknown, prices, Fraction(1)).unrealized_lamports is None
    assert unknown.tokens[0].decimals is None


def test_the_record_has_the_fields_that_are_promised_and_amounts_are_strings(life: Life) -> None:
    life.buy(2**70, 100_000)
    record = pnl_to_json(life.pnl())
    wallet = """volume_lamports realized_lamports unrealized_lamports net_lamports fees_lamports
        wallet_costs_lamports unknown_basis_proceeds_lamports stable_net_flow trades buys sells tokens_traded
        closed_positions closed_unknown round_trips round_trip_lamports unread winning_positions losing_positions
        win_rate median_closed_lamports trimmed_mean_closed_lamports std_closed_lamports rate_sources
        realized_by_day tokens"""
    row = """mint decimals bought sold received sent spent_lamports received_lamports fees_lamports
        realized_lamports unrealized_lamports unknown_basis_proceeds_lamports open_amount open_cost_lamports
        trades first_trade_at last_trade_at quotes"""
    assert set(wallet.split()) <= set(record)
    assert set(row.split()) <= set(record["tokens"][0])
    assert record["tokens"][0]["open_amount"] == str(2**70)
    assert record["tokens"][0]["quotes"] == {
        WSOL: {"spent": "100000", "received": "0", "realized": "0"}
    }


def test_what_is_realized_stands_on_the_day_of_its_trade(life: Life) -> None:
    life.buy(100, 10_000_000, fee=5)
    life.sell(40, 10_000_000, fee=5, time=86_399)
    life.sell(40, 10_000_000, fee=5, time=86_400)
    life.sell(10, 999_995, time=2 * 86_400)
    life.sell(10, 1_000_000, time=3 * 86_400)
    life.sell(10, 10_000_000, fee=7, time=None)
    # 10 units cost 1 000 000: the last day comes to nothing and has no row, the one before loses 5.
    assert life.pnl().realized_by_day == (
        RealizedDay(None, -7),
        RealizedDay(0, 6_000_000 - 5 - 5),
        RealizedDay(86_400, 6_000_000 - 5),
        RealizedDay(2 * 86_400, -5),
    )


# --- what holds of any history ---

steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "in", "out", "usd_buy", "usd_sell", "round"]),
        st.sampled_from("TU"),
        st.integers(1, 10**12),
        # What looks like the rent of an account is no price, and such an entry no buy.
        st.integers(10_000, 10**12).filter(lambda price: not is_rent(price)),
        st.integers(0, 10**6),
    ),
    max_size=30,
)
Steps = list[tuple[str, str, int, int, int]]


def lived(steps_: Steps) -> Life:
    """The history of these steps."""
    life = Life()
    for what, mint, units, price, fee in steps_:
        if what == "buy":
            life.buy(units, price, mint, fee=fee)
        elif what == "sell":
            life.sell(units, price, mint, fee=fee)
        elif what == "in":
            life.add(Kind.TRANSFER_IN, 0, (mint, units), fee=fee)
        elif what == "out":
            life.add(Kind.TRANSFER_OUT, 0, (mint, -units), fee=fee)
        elif what == "round":
            life.add(Kind.ROUND_TRIP, price, (USDC, -price), fee=fee)
        elif what == "usd_buy":
            life.add(Kind.BUY, 0, (mint, units), (USDC, -price), fee=fee)
        else:
            life.add(Kind.SELL, 0, (mint, -units), (USDC, price), fee=fee)
    return life


@given(steps)
def test_fees_costs_volume_and_counts_add_up(steps_: Steps) -> None:
    pnl = lived(steps_).pnl(prices=SolPrices(current=Fraction(150)))
    traded = [step for step in steps_ if step[0] not in {"in", "out", "round"}]
    assert pnl.fees_lamports == sum(step[4] for step in traded)
    assert pnl.wallet_costs_lamports == sum(step[4] for step in steps_) - pnl.fees_lamports
    assert (
        pnl.trades == len(traded) == pnl.buys + pnl.sells == sum(row.trades for row in pnl.tokens)
    )
    assert pnl.realized_lamports == sum(row.realized_lamports for row in pnl.tokens)
    assert pnl.realized_lamports == sum(day.realized_lamports for day in pnl.realized_by_day)
    assert sum(pnl.rate_sources.values()) == sum(step[0].startswith("usd") for step in steps_)
    for row in pnl.tokens:
        assert row.open_amount >= max(0, row.bought + row.received - row.sold - row.sent)


@given(steps)
def test_cash_equals_realized_plus_what_is_open_at_cost_when_all_has_basis(steps_: Steps) -> None:
    # Only buys and sales of what is there: every lamport is spent on open lots, or realized.
    held = {"T": 0, "U": 0}
    kept: Steps = []
    for what, mint, units, price, fee in steps_:
        side = "sell" if "sell" in what and held[mint] else "buy"
        amount = min(units, held[mint]) if side == "sell" else units
        held[mint] += amount if side == "buy" else -amount
        kept.append((side, mint, amount, price, fee))
    life = lived(kept)
    pnl = life.pnl()
    cash = sum(entry.sol_delta for entry in life.entries)
    open_cost = sum(row.open_cost_lamports for row in pnl.tokens)
    assert pnl.realized_lamports - open_cost == cash
    assert {row.mint: row.open_amount for row in pnl.tokens if row.open_amount} == {
        mint: units for mint, units in held.items() if units
    }
    for row in pnl.tokens:
        assert row.quotes[WSOL].realized == row.realized_lamports + row.fees_lamports
        assert row.unknown_basis_proceeds_lamports == 0


@given(steps, st.randoms(use_true_random=False))
def test_the_order_in_which_entries_are_given_changes_nothing(steps_: Steps, random: Any) -> None:  # noqa: ANN401
    life = lived(steps_)
    expected = life.pnl()
    random.shuffle(life.entries)
    assert life.pnl() == expected


@given(steps, st.integers(0, 31))
def test_windows_that_meet_realize_what_the_whole_realizes(steps_: Steps, cut: int) -> None:
    life = lived(steps_)
    prices = SolPrices(current=Fraction(150))
    whole = life.pnl(prices=prices)
    first, second = life.pnl(prices=prices, until=cut), life.pnl(prices=prices, since=cut + 1)
    for name in (
        "realized_lamports",
        "fees_lamports",
        "wallet_costs_lamports",
        "volume_lamports",
        "trades",
    ):
        assert getattr(first, name) + getattr(second, name) == getattr(whole, name)


@given(steps)
def test_a_round_trip_through_json_changes_nothing(steps_: Steps) -> None:
    pnl = with_market_values(
        lived(steps_).pnl(prices=SolPrices(current=Fraction(150))),
        {"T": Fraction(2, 7)},
        Fraction(150),
    )
    assert pnl_from_json(json.loads(json.dumps(pnl_to_json(pnl)))) == pnl


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**20)), min_size=1, max_size=5),
    st.lists(st.integers(1, 10**6), max_size=20),
)
def test_parts_and_rests_of_lots_add_up_exactly(
    lots: list[tuple[int, int]], takes: list[int]
) -> None:
    queue = Lots()
    for units, cost in lots:
        queue.add(units, cost, {USDC: cost + 1})
    parts = [part for take in takes for part in queue.take(take)]
    assert sum(part.cost or 0 for part in parts) + queue.cost == sum(cost for _, cost in lots)
    assert sum(part.units for part in parts) + queue.units == sum(units for units, _ in lots)
    rest = sum(lot.quote_costs[USDC] for lot in queue.queue)
    assert sum(part.quote_costs[USDC] for part in parts) + rest == sum(cost + 1 for _, cost in lots)
