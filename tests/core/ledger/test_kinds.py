"""Positions, redemptions, proceeds that go elsewhere, round trips, remainders: each rule and its neighbours."""

from __future__ import annotations

import pytest

from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.trades import Confidence, Rule, trades_of
from tests.core.changes import ACCOUNT, FEE, SOL, USDC, USDT, WSOL, Token, Whole, entry, pool

# --- positions ---

NFT: Whole = ("W.N", "W", "NFT", 1, 0)
BURNT: Whole = ("W.N", "W", "NFT", -1, 0)
DATA = 2_394_240  # 216 bytes


def test_a_one_sided_position_is_liquidity_when_it_opens_and_when_it_closes() -> None:
    opened = entry(
        {"W": -2 * SOL - DATA - ACCOUNT - FEE, "data": DATA, "W.N": ACCOUNT},
        NFT,
        ("pool.Q", "pool", WSOL, 2 * SOL),
    )
    closed = entry(
        {"W": 3 * SOL + DATA + ACCOUNT - FEE, "data": -DATA, "W.N": -ACCOUNT},
        BURNT,
        ("pool.Q", "pool", WSOL, -3 * SOL),
    )
    assert (opened.kind, closed.kind) == (Kind.LIQUIDITY, Kind.LIQUIDITY)
    assert trades_of(opened, "W") == trades_of(closed, "W") == []


def test_a_position_of_coin_alone_is_liquidity_too() -> None:
    coins: tuple[Token, Token] = ("W.C", "W", "COIN", -5), ("pool.C", "pool", "COIN", 5)
    assert entry({"W": -FEE}, NFT, *coins).kind is Kind.LIQUIDITY
    back: tuple[Token, Token] = ("W.C", "W", "COIN", 5), ("pool.C", "pool", "COIN", -5)
    assert entry({"W": -FEE}, BURNT, *back).kind is Kind.LIQUIDITY


@pytest.mark.parametrize(
    "token",
    [
        ("W.N", "W", "LST", 1, 9),  # divisible: one unit of it is no position
        ("W.N", "W", "NFT", 2, 0),  # two were minted
    ],
)
def test_what_is_not_one_of_its_kind_is_no_position(token: Whole) -> None:
    got = entry({"W": -2 * SOL - FEE}, token, ("pool.Q", "pool", WSOL, 2 * SOL))
    assert got.kind is Kind.BUY


def test_an_nft_that_was_there_before_is_bought() -> None:
    got = entry({"W": -SOL - FEE}, NFT, ("S.N", "S", "NFT", -1, 0), ("S.Q", "S", WSOL, SOL))
    assert got.kind is Kind.BUY


def test_an_nft_minted_for_sol_that_is_paid_natively_is_bought() -> None:
    assert entry({"W": -SOL - FEE, "shop": SOL}, NFT).kind is Kind.BUY


def test_an_nft_of_which_another_one_is_burnt_elsewhere_was_not_minted() -> None:
    swapped = entry({"W": -SOL - FEE}, NFT, ("X.N", "X", "NFT", -1, 0), *pool(0, SOL)[1:])
    assert swapped.kind is Kind.BUY


# --- burnt by at least half, redeemed ---


@pytest.mark.parametrize(
    ("arrives", "kind"),
    [(0, Kind.BURN), (50, Kind.BURN), (51, Kind.TRANSFER_OUT), (99, Kind.TRANSFER_OUT)],
)
def test_at_least_half_of_what_leaves_is_destroyed_in_a_burn(arrives: int, kind: Kind) -> None:
    tokens: list[Token] = [("W.C", "W", "COIN", -100)]
    tokens += [("F.C", "F", "COIN", arrives)] if arrives else []
    assert entry({"W": -FEE}, *tokens).kind is kind


def test_a_taxed_token_sold_for_nothing_is_no_burn() -> None:
    # 12 % are withheld on the way to the pool, which pays in SOL of its own account.
    sold = entry({"W": SOL - FEE}, ("W.C", "W", "COIN", -100), *pool(88, -SOL))
    assert sold.kind is Kind.SELL


def redeemed(paid: int, **reserves: int) -> Entry:
    """9 LST are destroyed, W gets so much, out of these accounts."""
    return entry({"W": paid - FEE, **reserves}, ("W.L", "W", "LST", -9_000_000))


def test_a_reserve_that_pays_for_what_is_destroyed_buys_it() -> None:
    sold = redeemed(12 * SOL, reserve=-12 * SOL)
    (trade,) = trades_of(sold, "W")
    assert (sold.kind, trade.quotes, trade.confidence) == (
        Kind.SELL,
        {WSOL: 12 * SOL},
        Confidence.EXACT,
    )


def test_half_of_the_proceeds_out_of_a_reserve_are_enough() -> None:
    assert redeemed(12 * SOL, reserve=-6 * SOL, other=-6 * SOL).kind is Kind.SELL
    assert redeemed(12 * SOL, reserve=-6 * SOL, payer_of_rents=0).kind is Kind.SELL
    assert redeemed(12 * SOL, reserve=-6 * SOL + 1).kind is Kind.BURN


def test_what_accounts_kept_is_no_reserve() -> None:
    # An NFT burnt for what its metadata (5 616 720) and its edition (2 853 600) kept: together 8 470 320, no rent.
    burnt = redeemed(8_470_321, metadata=-5_616_720, edition=-2_853_600, dust=-1)
    assert burnt.kind is Kind.BURN
    assert redeemed(5_616_720, metadata=-5_616_720).kind is Kind.BURN
    assert redeemed(9_999, reserve=-9_999).kind is Kind.BURN, "below dust"


def test_the_fee_payer_is_no_reserve() -> None:
    burnt = entry({"R": -SOL - FEE, "W": SOL}, ("W.L", "W", "LST", -9_000_000), payer="R")
    assert burnt.kind is Kind.BURN


def test_what_goes_on_beside_a_destroyed_token_that_arrives_in_part_is_no_redemption() -> None:
    got = entry({"W": SOL - FEE, "reserve": -SOL}, ("W.L", "W", "LST", -9), ("F.L", "F", "LST", 5))
    assert got.kind is Kind.SELL  # SOL for a token that goes on is a sale anyway


# --- proceeds that go elsewhere ---


def forwarded(
    share: int,
    *more: Token,
    paid: int = 34_960_000,
    service: int = 0,
    bridge: str = "bridge",
    payer: str = "W",
) -> Entry:
    """500 COIN for so much USDC, of which W keeps a share and a bridge the rest."""
    tokens: list[Token] = [
        ("W.C", "W", "COIN", -500),
        *pool(500, -paid, USDC),
        ("bridge.U", bridge, USDC, paid - share),
    ]
    tokens += [("W.U", "W", USDC, share)] if share else []
    fee = FEE if payer == "W" else 0
    lamports = {"W": -fee - service, "service": service}
    if payer != "W":
        lamports[payer] = -FEE
    return entry(lamports, *tokens, *more, payer=payer)


def test_a_sale_whose_proceeds_go_to_a_bridge_is_priced_by_what_the_pool_paid() -> None:
    sold = forwarded(110_000)
    (trade,) = trades_of(sold, "W")
    assert (sold.kind, sold.routed_quote) == (Kind.SELL, (USDC, 34_960_000))
    assert (trade.rule, trade.confidence) == (Rule.FORWARDED, Confidence.SPLIT)
    assert trade.quotes == {USDC: 34_960_000}


@pytest.mark.parametrize("share", [0, 1, 17_479_999])
def test_a_share_below_half_is_what_remains_for_w(share: int) -> None:
    assert forwarded(share).routed_quote == (USDC, 34_960_000)


def test_a_share_of_half_or_more_is_the_price_itself() -> None:
    sold = forwarded(17_480_000)
    (trade,) = trades_of(sold, "W")
    assert (sold.routed_quote, trade.quotes) == (None, {USDC: 17_480_000})


def test_sol_that_a_service_took_belongs_to_the_price() -> None:
    (trade,) = trades_of(forwarded(0, service=20_000_000), "W")
    assert trade.quotes == {USDC: 34_960_000, WSOL: -20_000_000}
    assert trades_of(forwarded(0, service=20_000_001), "W")[0].rule is Rule.QUOTE_LEGS
    (small,) = trades_of(forwarded(0, service=9_999), "W")
    assert small.quotes == {USDC: 34_960_000}, "below dust it is no leg"


def test_proceeds_in_wrapped_sol_that_go_elsewhere() -> None:
    sold = entry({"W": -FEE}, ("W.C", "W", "COIN", -5), *pool(5, -SOL), ("F.Q", "F", WSOL, SOL))
    (trade,) = trades_of(sold, "W")
    assert (trade.quotes, trade.confidence) == ({WSOL: SOL}, Confidence.SPLIT)


@pytest.mark.parametrize(
    "sold",
    [
        forwarded(0, bridge="pool"),  # the pool's own other account
        forwarded(0, bridge=""),  # nobody knows whose
        forwarded(0, payer="R"),  # somebody else's transaction
        forwarded(0, ("x.U", "x", USDC, 5)),  # two gain
        forwarded(0, ("x.U", "x", USDC, -5)),  # two pay
        forwarded(0, ("bridge.X", "bridge", "X", -5)),  # the next pool of a route
        forwarded(0, ("bridge.Q", "bridge", WSOL, -SOL)),  # likewise, out of SOL
        forwarded(0, ("W.T", "W", USDT, 20_000)),  # another stable comes
    ],
)
def test_anything_less_clear_is_not_priced_by_what_goes_elsewhere(sold: Entry) -> None:
    assert sold.routed_quote is None


def test_several_tokens_that_were_forwarded_have_a_joint_total() -> None:
    sold = forwarded(110_000, ("W.D", "W", "D", -7), ("pool.D", "pool", "D", 7))
    trades = trades_of(sold, "W")
    assert [each.confidence for each in trades] == [Confidence.UNPRICED] * 2
    assert trades[0].quotes == {USDC: 110_000}


# --- round trips ---


def arbitrage(gain: int, turned: int, *more: Token, mint: str = USDC, tip: int = 0) -> Entry:
    """So much of a quote goes round through two pools, and COIN the other way."""
    tokens: list[Token] = [
        ("a.Q", "a", mint, turned),
        ("b.Q", "b", mint, -turned - gain),
        ("a.C", "a", "COIN", -90),
        ("b.C", "b", "COIN", 90),
        *more,
    ]
    if mint == WSOL:
        return entry({"W": gain - FEE - tip, "x": tip}, *tokens)
    return entry({"W": -FEE - tip, "x": tip}, ("W.U", "W", mint, gain), *tokens)


@pytest.mark.parametrize("mint", [USDC, WSOL])
@pytest.mark.parametrize("gain", [31_007, -31_007])
def test_what_went_round_and_left_a_difference_is_a_round_trip(mint: str, gain: int) -> None:
    got = arbitrage(gain, 1_000_000, mint=mint)
    assert (got.kind, got.round_trips) == (Kind.ROUND_TRIP, {mint: gain})
    assert (trades_of(got, "W"), got.counterparty) == ([], None)


def test_each_way_must_be_ten_times_the_difference() -> None:
    assert arbitrage(20_000, 200_000).kind is Kind.ROUND_TRIP
    assert arbitrage(20_000, 199_999).kind is Kind.TRANSFER_IN
    assert arbitrage(-20_000, 220_000).kind is Kind.ROUND_TRIP
    assert arbitrage(-20_000, 219_999).kind is Kind.TRANSFER_OUT


def test_small_sol_beside_a_stable_that_went_round_is_a_cost() -> None:
    got = arbitrage(31_007, 1_000_000, tip=300_000)
    assert (got.kind, got.tips, got.round_trips) == (Kind.ROUND_TRIP, 300_000, {USDC: 31_007})
    large = arbitrage(31_007, 1_000_000, tip=1_000_001)
    assert large.kind is Kind.QUOTE_SWAP, "where it is one it stays one"


def test_a_round_trip_needs_another_mint_that_went_round() -> None:
    lone: list[Token] = [("a.Q", "a", USDC, 10**6), ("b.Q", "b", USDC, -(10**6) - 31_007)]
    assert entry({"W": -FEE}, ("W.U", "W", USDC, 31_007), *lone).kind is Kind.TRANSFER_IN


def test_a_dust_of_a_stable_beside_somebody_elses_round_is_no_quote_that_went_round() -> None:
    # A keeper who pays the fee gets 0.002 dollars of what goes from pool to pool.
    got = entry(
        {"W": -FEE},
        ("W.U", "W", USDC, 2_285),
        ("a", "A", USDC, 182_560_735),
        ("b", "B", USDC, -182_563_020),
        ("c", "A", WSOL, -SOL),
        ("d", "B", WSOL, SOL),
    )
    assert (got.kind, got.round_trips) == (Kind.OTHER, {})


def test_an_nft_sold_out_of_an_escrow_moves_a_mint_and_not_the_quote() -> None:
    paid: list[Token] = [("B.Q", "B", WSOL, -SOL), ("e.N", "e", "NFT", -1), ("B.N", "B", "NFT", 1)]
    assert entry({"W": SOL - FEE}, *paid).kind is Kind.TRANSFER_IN


def test_somebody_elses_round_trip_is_none_of_w() -> None:
    tokens: list[Token] = [
        ("W.U", "W", USDC, 31_007),
        ("a.Q", "a", USDC, 10**6),
        ("b.Q", "b", USDC, -(10**6) - 31_007),
        ("a.C", "a", "COIN", -90),
        ("b.C", "b", "COIN", 90),
    ]
    assert entry({"R": -FEE}, *tokens, payer="R").kind is Kind.TRANSFER_IN


# --- rates ---


@pytest.mark.parametrize(
    ("elsewhere", "is_remainder"), [(0, False), (124, False), (125, False), (126, True)]
)
def test_a_swap_whose_stable_mostly_went_elsewhere_is_a_remainder(
    elsewhere: int, *, is_remainder: bool
) -> None:
    units = 1_000_000
    moved = -units * elsewhere // 100 if elsewhere else -units
    swapped = entry(
        {"W": -SOL - FEE},
        ("W.U", "W", USDC, units),
        ("pool.U", "pool", USDC, moved),
        ("F.U", "F", USDC, 5 * units),  # the same way as W's: says nothing
        ("pool.Q", "pool", WSOL, SOL),
    )
    assert (swapped.kind, swapped.is_remainder) == (Kind.QUOTE_SWAP, is_remainder)


def test_only_quote_swaps_are_remainders() -> None:
    sold = forwarded(110_000)
    assert not sold.is_remainder
