"""The rules of the second edition on tables worked by hand: each with its nearest neighbour on the other side.

Written from the page of rules; every constant stands here by itself.
"""

from __future__ import annotations

from typing import Final

import pytest

from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import Entry, canonical_order
from streamproc.core.pnl.trades import Trade, trades_of
from tests.core.tables import (
    SOL,
    USDC,
    WSOL,
    Read,
    Table,
    analyzed,
    enhanced_entries,
    raw_entries,
    row,
)

FORMS: Final = pytest.mark.parametrize("read", [raw_entries, enhanced_entries])
PYUSD: Final = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
STABLES: Final = (
    USDC,
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    PYUSD,
    "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH",
    "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA",
    "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB",
)
ONE_OF_EACH_SERVICE: Final = (
    "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
    "4ACfpUFoaSD9bfPdeu6DBt89gB6ENTeHBXCAi87NhDEE",
    "HWEoBxYs7ssKuudEjzjmpfJVX7Dvi7wescFsVx2L5yoY",
    "TEMPaMeCRFAS9EKF53Jd6KpHxgL47uWLcpFArU1Fanq",
    "NextbLoCkVtMGcV47JzewQdvBpLqT9TxQFozQkN98pE",
    "Eb2KpSC8uMt9GmzyAEm5Eb1AAAgTjRaXWFjKyFXHZxF3",
    "astrazznxsGUhWShqgNtAdfrzP2G83DzcWVJDxwV9bF",
    "node1PqAa3BWWzUnTHVbw8NJHC874zn9ngAkXjgWEej",
    "FLaShB3iXXTWE1vu9wQsChUKq3HFtpMAhb8kAh1pf1wi",
    "FjmZZrFvhnqqb9ThCuMVnENaM3JGVuGWNyCAxRJcFpg9",
)


def wsol(owner: str, before: int, gain: int) -> str:
    """The line of a WSOL account that keeps 2 039 280 lamports beside its WSOL."""
    after = before + gain
    held = f"{before} WSOL of {owner} | {after} WSOL of {owner}"
    return f"{owner}'s WSOL | {before + 2_039_280} | {after + 2_039_280} | {held}"


def units(owner: str, mint: str, before: int, gain: int) -> str:
    """The line of an account of another mint."""
    held = f"{before} {mint} of {owner} | {before + gain} {mint} of {owner}"
    return f"{owner}'s {mint} | 2 039 280 | 2 039 280 | {held}"


def table(*lines: str, at: int = 0, payer: str = "W", gains: int = 0) -> Table:
    """W (or another payer and W) with its gain beside the fee, then these lines."""
    start = 90 * SOL
    if payer == "W":
        first = [f"W | {start} | {start + gains - 5_000}"]
    else:
        first = [f"{payer} | {start} | {start - 5_000}", f"W | {start} | {start + gains}"]
    return Table("\n".join([*first, *lines]), at=at)


def the_trade(entry: Entry) -> Trade:
    """Its only trade."""
    (trade,) = trades_of(entry, "W")
    return trade


# --- tips ---


@FORMS
@pytest.mark.parametrize("service", ONE_OF_EACH_SERVICE)
def test_a_tip_to_any_service_is_no_price(read: Read, service: str) -> None:
    lines = [wsol("pool", SOL, SOL), units("pool", "COIN", 900, -100), units("W", "COIN", 0, 100)]
    (entry,) = read(table(*lines, f"{service} | 7 | 1 000 007", gains=-SOL - 1_000_000))
    assert (entry.tips, entry.trade_sol) == (1_000_000, -SOL)
    assert the_trade(entry).fees == 1_005_000


# --- six stables, and small SOL beside one ---


def for_stable(stable: str, sol: int, *more: str) -> Table:
    """60 COIN for 300 of a stable, and SOL beside it."""
    return table(
        units("W", stable, 900_000_000, -300_000_000),
        units("pool", stable, 0, 300_000_000),
        units("W", "COIN", 0, 60),
        units("pool", "COIN", 900, -60),
        *more,
        gains=sol,
    )


@FORMS
@pytest.mark.parametrize("stable", STABLES)
def test_each_stable_is_a_quote(read: Read, stable: str) -> None:
    (entry,) = read(for_stable(stable, 0))
    assert str(entry.kind) == "buy"
    assert dict(the_trade(entry).quotes) == {stable: -300_000_000}


@FORMS
@pytest.mark.parametrize(
    ("lamports", "tips"), [(1_000_000, 1_000_000), (900_001, 900_001), (1_000_001, 0)]
)
def test_small_sol_beside_a_stable_is_a_cost(read: Read, lamports: int, tips: int) -> None:
    (entry,) = read(for_stable(USDC, -lamports, f"router | 5 | {5 + lamports}"))
    assert entry.tips == tips
    quotes = {USDC: -300_000_000} | ({} if tips else {WSOL: -lamports})
    assert dict(the_trade(entry).quotes) == quotes
    assert the_trade(entry).fees == 5_000 + tips


@FORMS
def test_small_sol_that_a_pool_mirrors_is_a_price(read: Read) -> None:
    (entry,) = read(for_stable(USDC, -900_001, wsol("other", SOL, 900_001)))
    assert entry.tips == 0
    assert dict(the_trade(entry).quotes) == {USDC: -300_000_000, WSOL: -900_001}


@FORMS
def test_small_sol_beside_a_stable_that_is_sent_is_a_cost(read: Read) -> None:
    lines = [units("W", USDC, 900_000_000, -300_000_000), units("friend", USDC, 0, 300_000_000)]
    (entry,) = read(table(*lines, "service | 5 | 900 006", gains=-900_001))
    assert (str(entry.kind), entry.tips, entry.trade_sol) == ("transfer_out", 900_001, 0)


@FORMS
def test_small_sol_for_nothing_but_a_stable_is_a_small_exchange(read: Read) -> None:
    lines = [units("W", USDC, 0, 135_000), units("maker", USDC, 900_000, -135_000)]
    (entry,) = read(table(*lines, "maker | 5 | 900 006", gains=-900_001))
    assert (str(entry.kind), entry.tips, entry.trade_sol) == ("quote_swap", 0, -900_001)


# --- a fee that is withheld is not destroyed ---


@FORMS
@pytest.mark.parametrize(
    ("arrives", "kind"), [(95, "transfer_out"), (51, "transfer_out"), (50, "burn")]
)
def test_what_is_withheld_from_a_transfer_is_not_destroyed(
    read: Read, arrives: int, kind: str
) -> None:
    (entry,) = read(table(units("W", "COIN", 100, -100), units("friend", "COIN", 0, arrives)))
    assert str(entry.kind) == kind


# --- proceeds that go elsewhere ---


def forwarded(paid: int, gained: int, share: int, *more: str, sol: int = 0) -> Table:
    """W gives 100 COIN; a pool pays USDC, a friend gains some of it, W the rest."""
    lines = [units("W", "COIN", 100, -100), units("pool", "COIN", 0, 100)]
    lines += [units("pool", USDC, 900, -paid), units("friend", USDC, 0, gained)]
    if share:
        lines.append(units("W", USDC, 0, share))
    return table(*lines, *more, gains=sol)


@FORMS
@pytest.mark.parametrize(
    ("paid", "gained", "share", "price"),
    [
        (300_000_000, 300_000_000, 0, 300_000_000),
        (300_000_000, 290_000_000, 8_000_000, 298_000_000),
        (300_000_000, 160_000_000, 149_999_999, 300_000_000),
    ],
)
def test_a_sale_whose_proceeds_go_to_somebody_else_is_a_sale(
    read: Read,
    paid: int,
    gained: int,
    share: int,
    price: int,
) -> None:
    (entry,) = read(forwarded(paid, gained, share))
    trade = the_trade(entry)
    assert (str(entry.kind), trade.side, trade.amount) == ("sell", "sell", 100)
    assert (dict(trade.quotes), str(trade.confidence)) == ({USDC: price}, "split")


@FORMS
def test_what_the_service_takes_is_part_of_the_price(read: Read) -> None:
    (entry,) = read(
        forwarded(300_000_000, 300_000_000, 0, "service | 5 | 2 000 005", sol=-2_000_000)
    )
    assert dict(the_trade(entry).quotes) == {USDC: 300_000_000, WSOL: -2_000_000}
    (entry,) = read(forwarded(300_000_000, 300_000_000, 0, "s | 5 | 20 000 006", sol=-20_000_001))
    assert "split" not in {str(trade.confidence) for trade in trades_of(entry, "W")}


@FORMS
def test_whoever_keeps_half_has_sold_for_its_own(read: Read) -> None:
    (entry,) = read(forwarded(300_000_000, 150_000_000, 150_000_000))
    trade = the_trade(entry)
    assert (dict(trade.quotes), str(trade.confidence)) == ({USDC: 150_000_000}, "exact")


@FORMS
def test_a_receiver_who_gives_a_token_is_a_pool(read: Read) -> None:
    """Then one pool's quote went into another's, which paid with its token: no proceeds of W's."""
    lines = [
        units("W", "COIN", 100, -100),
        units("pool", "COIN", 0, 100),
        units("pool", USDC, 900_000_000, -300_000_000),
        units("other", USDC, 0, 300_000_000),
        units("other", "MORE", 900, -5),
        units("friend", "MORE", 0, 5),
    ]
    (entry,) = read(table(*lines))
    assert "split" not in {str(trade.confidence) for trade in trades_of(entry, "W")}


# --- round trips ---


def arbitrage(gain: int, *, payer: str = "W", usdc: int = 1_500_000_000) -> Table:
    """10 SOL into one pool, back out of another, through USDC."""
    return table(
        wsol("W", 20 * SOL, gain),
        wsol("a", 50 * SOL, 10 * SOL),
        units("a", USDC, 9_000_000_000, -usdc),
        units("b", USDC, 9_000_000_000, usdc),
        wsol("b", 50 * SOL, -10 * SOL - gain),
        payer=payer,
    )


@FORMS
@pytest.mark.parametrize("gain", [10_000_000, -10_000_000, 10_000, SOL, -900_000_000])
def test_what_goes_round_is_a_round_trip(read: Read, gain: int) -> None:
    (entry,) = read(arbitrage(gain))
    assert (str(entry.kind), entry.round_trips) == ("round_trip", {WSOL: gain})
    assert trades_of(entry, "W") == []
    pnl = analyzed([entry]).pnl
    assert (pnl["round_trips"], pnl["round_trip_lamports"]) == ({WSOL: str(gain)}, gain)
    assert (pnl["net_lamports"], pnl["wallet_costs_lamports"]) == (gain, 5_000)


@FORMS
def test_who_keeps_much_of_it_or_pays_no_fee_makes_no_round_trip(read: Read) -> None:
    for found in (read(arbitrage(1_200_000_000)), read(arbitrage(10_000_000, payer="R"))):
        assert [str(entry.kind) for entry in found] == ["transfer_in"]


@FORMS
def test_without_another_mint_that_goes_round_it_is_none(read: Read) -> None:
    lines = [
        wsol("W", 20 * SOL, 50_000),
        wsol("a", 50 * SOL, 10 * SOL),
        wsol("b", 50 * SOL, -10 * SOL - 50_000),
    ]
    (entry,) = read(table(*lines))
    assert str(entry.kind) == "transfer_in"


# --- orders ---

ORDER: Final = 3_083_280


def put(goods: str, amount: int, at: int, *, holder: int = ORDER) -> Table:
    """W puts goods into a new order."""
    return table(
        f"order | - | {holder}",
        f"escrow | - | 2 039 280 | - | {amount} {goods} of order",
        units("W", goods, 1_000, -amount),
        at=at,
        gains=-holder - 2_039_280,
    )


def filled(amount: int, left: int, sol: int, at: int, *, payer: str = "K") -> Table:
    """A part of what the order holds is sold to a pool; the last part closes the order."""
    back = 0 if left else ORDER + 2_039_280
    after = f"{left} COIN of order" if left else "-"
    return table(
        f"order | {ORDER} | {ORDER if left else '-'}",
        f"escrow | 2 039 280 | {2_039_280 if left else '-'} | {amount + left} COIN of order | {after}",
        wsol("pool", 90 * SOL, -sol),
        units("pool", "COIN", 0, amount),
        at=at,
        payer=payer,
        gains=sol + back,
    )


def bought(amount: int, sol: int, at: int) -> Table:
    """W buys COIN from a pool."""
    lines = [wsol("pool", 9 * SOL, sol), units("pool", "COIN", 9_000, -amount)]
    return table(*lines, units("W", "COIN", 0, amount), at=at, gains=-sol)


@FORMS
def test_an_order_is_filled_in_parts(read: Read) -> None:
    life = [
        bought(1_000, SOL, 0),
        put("COIN", 100, 1),
        filled(40, 60, 4 * SOL, 2),
        filled(60, 0, 6 * SOL, 3),
    ]
    entries = resolved(canonical_order(read(*life)), "W")
    assert [str(entry.kind) for entry in entries] == [
        "buy",
        "order_placed",
        "order_filled",
        "order_filled",
    ]
    assert [entry.trade_sol for entry in entries[2:]] == [4 * SOL, 6 * SOL]
    found = analyzed(read(*life))
    token = row(found, "COIN")
    assert (token["sold"], token["received_lamports"], token["open_amount"]) == (
        "100",
        10 * SOL,
        "900",
    )
    assert token["realized_lamports"] == 10 * SOL - SOL // 10 - 5_000
    assert (found.pnl["sells"], found.pnl["wallet_costs_lamports"]) == (2, 5_000)


@FORMS
def test_what_is_left_of_an_order_comes_back(read: Read) -> None:
    back = table(
        f"order | {ORDER} | -",
        "escrow | 2 039 280 | - | 60 COIN of order | -",
        units("W", "COIN", 900, 60),
        at=3,
        gains=ORDER + 2_039_280,
    )
    life = [bought(1_000, SOL, 0), put("COIN", 100, 1), filled(40, 60, 4 * SOL, 2), back]
    entries = resolved(canonical_order(read(*life)), "W")
    assert str(entries[3].kind) == "order_cancelled"
    token = row(analyzed(read(*life)), "COIN")
    assert (token["open_amount"], token["open_cost_lamports"]) == ("960", SOL - SOL * 40 // 1_000)
    assert (token["sent"], token["received"], token["unknown_basis_proceeds_lamports"]) == (
        "0",
        "0",
        0,
    )


@FORMS
def test_an_order_that_is_never_filled_stays_open(read: Read) -> None:
    found = analyzed(read(bought(1_000, SOL, 0), put("COIN", 100, 1)))
    token = row(found, "COIN")
    assert (token["open_amount"], token["open_cost_lamports"]) == ("1000", SOL)
    assert found.pnl["unread"]["token_transfers"] == 0


@FORMS
def test_a_stable_that_an_order_holds_is_spent_when_it_is_filled(read: Read) -> None:
    fill = table(
        f"order | {ORDER} | {ORDER}",
        f"escrow | 2 039 280 | 2 039 280 | 100 000 000 {USDC} of order | 70 000 000 {USDC} of order",
        units("pool", USDC, 0, 30_000_000),
        units("pool", "COIN", 900, -60),
        units("W", "COIN", 0, 60),
        at=2,
        payer="K",
    )
    placed = table(
        f"order | - | {ORDER}",
        f"escrow | - | 2 039 280 | - | 100 000 000 {USDC} of order",
        units("W", USDC, 900_000_000, -100_000_000),
        at=1,
        gains=-ORDER - 2_039_280,
    )
    entries = resolved(canonical_order(read(placed, fill)), "W")
    assert [str(entry.kind) for entry in entries] == ["order_placed", "order_filled"]
    assert dict(the_trade(entries[1]).quotes) == {USDC: -30_000_000}
    pnl = analyzed(read(placed, fill)).pnl
    assert (pnl["stable_net_flow"], pnl["buys"]) == ({USDC: "-30000000"}, 1)
    assert pnl["unread"]["quote_transfers"] == 0


@FORMS
def test_an_order_of_sol_is_spent_when_it_is_filled(read: Read) -> None:
    placed = table(
        f"order | - | {ORDER}",
        f"escrow | - | {SOL + 2_039_280} | - | {SOL} WSOL of order",
        at=1,
        gains=-SOL - ORDER - 2_039_280,
    )
    fill = table(
        f"order | {ORDER} | {ORDER}",
        f"escrow | {SOL + 2_039_280} | 702 039 280 | {SOL} WSOL of order | 700 000 000 WSOL of order",
        wsol("pool", SOL, SOL * 3 // 10),
        units("pool", "COIN", 900, -60),
        units("W", "COIN", 0, 60),
        at=2,
        payer="K",
    )
    entries = resolved(canonical_order(read(placed, fill)), "W")
    assert [str(entry.kind) for entry in entries] == ["order_placed", "order_filled"]
    assert dict(the_trade(entries[1]).quotes) == {WSOL: -SOL * 3 // 10}
    assert analyzed(read(placed, fill)).pnl["unread"]["quote_transfers"] == 0


@FORMS
def test_an_owner_that_gets_no_rent_holds_no_order(read: Read) -> None:
    """It is made with a round sum: somebody's new wallet."""
    entries = read(put("COIN", 100, 1, holder=50_000_000))
    assert "order_placed" not in {str(entry.kind) for entry in resolved(entries, "W")}
