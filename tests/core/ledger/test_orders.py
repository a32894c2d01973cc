"""Orders in a history: goods that somebody holds for W stay W's, through placing, filling, topping up, cancelling."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from solders.signature import Signature

from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.ledger.ledger import entry_of
from streamproc.core.ledger.packed import packed
from streamproc.core.pnl.trades import Confidence, trades_of
from tests.core.changes import ACCOUNT, FEE, SOL, USDC, USDT, WSOL, Token, transaction

if TYPE_CHECKING:
    from streamproc.core.chain.transactions import Transaction

HOLDER = 3_083_280  # 315 bytes at 6 960


def placed(
    *,
    lamports: dict[str, int] | None = None,
    goods: Token = ("escrow", "E", "COIN", 100),
    given: Token = ("W.C", "W", "COIN", -100),
    rent: int = HOLDER,
    opened: int = ACCOUNT,
    slot: int = 1,
    more: tuple[Token, ...] = (),
    payer: str = "W",
) -> Transaction:
    """W puts 100 COIN into an escrow whose owner is opened with it."""
    moved = {"W": -FEE - rent - opened, "E": rent, "escrow": opened}
    return transaction(
        {**moved, **(lamports or {})},
        given,
        goods,
        *more,
        slot=slot,
        signature=f"placed {slot}",
        payer=payer,
    )


def filled(
    units: int = 100,
    got: int = 3 * SOL,
    *,
    closes: bool = True,
    slot: int = 2,
    payer: str = "K",
    more: tuple[Token, ...] = (),
) -> Transaction:
    """The pool pays W for what leaves the escrow, which closes with its owner."""
    back = HOLDER + ACCOUNT if closes else 0
    lamports = {"W": got + back, "pool.Q": -got}
    lamports[payer] = lamports.get(payer, 0) - FEE
    if closes:
        lamports |= {"E": -HOLDER, "escrow": -ACCOUNT}
    tokens: list[Token] = [
        ("escrow", "E", "COIN", -units),
        ("pool.C", "pool", "COIN", units),
        ("pool.Q", "pool", WSOL, -got),
    ]
    return transaction(lamports, *tokens, *more, slot=slot, signature=f"filled {slot}", payer=payer)


def cancelled(*, slot: int = 2, units: int = 100) -> Transaction:
    """W takes its COIN and all rents back."""
    lamports = {"W": HOLDER + ACCOUNT - FEE, "E": -HOLDER, "escrow": -ACCOUNT}
    tokens: list[Token] = [("escrow", "E", "COIN", -units), ("W.C", "W", "COIN", units)]
    return transaction(lamports, *tokens, slot=slot, signature=f"cancelled {slot}")


def history(*transactions: Transaction) -> list[Entry]:
    """W's entries with its orders read, by way of bytes as the store keeps them."""
    entries = [entry_of(each, "W") for each in transactions]
    found = resolved(entries, "W")
    assert resolved(found, "W") == found, "read once more nothing changes"
    assert all(each.moves is None for each in found)
    return found


def kinds(*transactions: Transaction) -> list[Kind]:
    """The kinds of W's history."""
    return [each.kind for each in history(*transactions)]


def test_a_placed_order_costs_its_fee_and_what_is_tied_up() -> None:
    (entry,) = history(placed())
    assert (entry.kind, entry.deltas, entry.trade_sol) == (Kind.ORDER_PLACED, (), 0)
    assert (entry.network_fee, entry.rent, entry.sol_delta) == (FEE, HOLDER, -FEE - HOLDER)
    assert entry.counterparty is None


def test_a_fill_is_the_trade_of_what_the_holder_lost_against_what_w_gained() -> None:
    entry = history(placed(), filled())[1]
    (trade,) = trades_of(entry, "W")
    assert (entry.kind, entry.deltas) == (Kind.ORDER_FILLED, (("COIN", -100),))
    assert (trade.amount, trade.quotes, trade.fees) == (100, {WSOL: 3 * SOL}, 0)
    assert (trade.side, trade.confidence) == ("sell", Confidence.EXACT)
    assert entry.rent == -HOLDER


def test_an_order_is_filled_in_parts_by_keepers_and_by_w_itself() -> None:
    parts = [
        filled(30, SOL, closes=False, slot=2),
        filled(30, SOL, closes=False, slot=3, payer="W"),
        filled(40, SOL, slot=4),
    ]
    entries = history(placed(), *parts)
    assert [each.kind for each in entries[1:]] == [Kind.ORDER_FILLED] * 3
    trades = [trade for each in entries for trade in trades_of(each, "W")]
    assert [(each.amount, each.quotes[WSOL]) for each in trades] == [
        (30, SOL),
        (30, SOL),
        (40, SOL),
    ]
    assert [each.fees for each in trades] == [0, FEE, 0]


def test_a_cancelled_order_is_nothing_but_a_cost() -> None:
    entry = history(placed(), cancelled())[1]
    assert (entry.kind, entry.deltas, entry.trade_sol) == (Kind.ORDER_CANCELLED, (), 0)
    assert (entry.network_fee, entry.rent) == (FEE, -HOLDER)


def test_goods_that_are_topped_up_or_taken_back_in_part_stay_w_s() -> None:
    more = transaction(
        {"W": -FEE}, ("W.C", "W", "COIN", -7), ("escrow", "E", "COIN", 7), slot=2, signature="more"
    )
    less = transaction(
        {"W": -FEE}, ("W.C", "W", "COIN", 9), ("escrow", "E", "COIN", -9), slot=3, signature="less"
    )
    entries = history(placed(), more, less)
    assert [each.kind for each in entries[1:]] == [Kind.ORDER_PLACED, Kind.ORDER_CANCELLED]
    assert [each.deltas for each in entries] == [(), (), ()]


SERVICE = 10_000_000


@pytest.mark.parametrize("mint", ["COIN", USDC])
def test_goods_taken_back_in_part_for_a_service_s_sol_are_not_bought(mint: str) -> None:
    put_in = placed(goods=("escrow", "E", mint, 10**8), given=("W.C", "W", mint, -(10**8)))
    back = transaction(
        {"W": -FEE - SERVICE, "service": SERVICE},
        ("escrow", "E", mint, -(10**7)),
        ("W.C", "W", mint, 10**7),
        slot=2,
        signature="back",
    )
    entry = history(put_in, back)[1]
    assert (entry.kind, entry.deltas, entry.trade_sol) == (Kind.ORDER_CANCELLED, (), -SERVICE)


def test_sol_taken_back_for_more_than_it_is_costs_the_service_alone() -> None:
    put_in = transaction(
        {"W": -SOL - FEE - HOLDER - ACCOUNT, "E": HOLDER, "escrow": SOL + ACCOUNT},
        ("escrow", "E", WSOL, SOL),
        signature="put in",
    )
    back = transaction(
        {"W": 4_000_000 - SERVICE - FEE, "service": SERVICE, "escrow": -4_000_000},
        ("escrow", "E", WSOL, -4_000_000),
        slot=2,
        signature="back",
    )
    entries = history(put_in, back)
    assert [each.kind for each in entries] == [Kind.ORDER_PLACED, Kind.ORDER_CANCELLED]
    assert [each.trade_sol for each in entries] == [0, -SERVICE]


@pytest.mark.parametrize("payer", ["W", "K"])
def test_a_holder_that_is_closed_later_gives_rent_back_and_sends_nothing(payer: str) -> None:
    emptied = cancelled()
    emptied = transaction(
        {"W": ACCOUNT - FEE, "escrow": -ACCOUNT},
        *[(c.account, c.owner, c.mint, c.units) for c in emptied.tokens],
        slot=2,
        signature="emptied",
    )
    moved = {"E": -HOLDER, "W": HOLDER}
    moved[payer] = moved.get(payer, 0) - FEE
    closed = transaction(moved, slot=3, signature="closed", payer=payer)
    entries = history(placed(), emptied, closed)
    assert [each.kind for each in entries] == [
        Kind.ORDER_PLACED,
        Kind.ORDER_CANCELLED,
        Kind.OTHER,
    ]
    assert (entries[2].rent, entries[2].trade_sol) == (-HOLDER, 0)
    assert kinds(closed) == [Kind.TRANSFER_IN], "of a stranger it is what it looks like"


def test_without_its_placing_everything_stays_what_it_looks_like() -> None:
    assert kinds(filled()) == [Kind.TRANSFER_IN]
    assert kinds(cancelled()) == [Kind.OTHER]


def test_the_order_of_the_chain_decides() -> None:
    # The store knows no order of its own: only from the placing on are the goods W's.
    entries = [entry_of(each, "W") for each in (placed(slot=1), filled(slot=2), cancelled(slot=3))]
    for order in permutations(entries):
        found = resolved(sorted(order, key=lambda each: each.slot), "W")
        assert found == history(placed(slot=1), filled(slot=2), cancelled(slot=3))
    assert kinds(filled(slot=1), placed(slot=2)) == [Kind.TRANSFER_IN, Kind.ORDER_PLACED]


def test_entries_that_went_through_the_store_are_read_alike() -> None:
    transactions = [
        placed(slot=1),
        filled(30, SOL, closes=False, slot=2),
        cancelled(slot=3, units=70),
    ]
    entries = [
        structs.replace(
            entry_of(each, "W"), signature=str(Signature.from_bytes(bytes([place]) * 64))
        )
        for place, each in enumerate(transactions)
    ]
    assert resolved(packed(entries, "W"), "W") == resolved(entries, "W")
    assert all(each.moves for each in packed(entries, "W"))


def test_most_transactions_keep_nothing_beside_their_entry() -> None:
    bought = transaction(
        {"W": -SOL - FEE - ACCOUNT, "W.C": ACCOUNT},
        ("W.C", "W", "COIN", 5),
        ("pool.C", "pool", "COIN", -5),
        ("pool.Q", "pool", WSOL, SOL),
    )
    sent = transaction({"W": -SOL - FEE, "F": SOL})
    airdrop = transaction({"S": -FEE}, ("W.C", "W", "COIN", 5), ("S.C", "S", "COIN", -5), payer="S")
    for each in (bought, sent, airdrop):
        assert entry_of(each, "W").moves is None


# --- what is no order ---


@pytest.mark.parametrize(
    "sent",
    [
        placed(rent=0),  # a friend has an address already
        placed(rent=128 * 6_960),  # and an address without a byte is a friend's
        placed(rent=HOLDER + 1),
        placed(rent=10_001_520),  # above the largest rent
        placed(opened=0),  # its token account was there before
        placed(goods=("escrow", "E", "COIN", 99)),  # not all of it
        placed(goods=("escrow", "", "COIN", 100)),  # nobody knows whose
        placed(payer="R", lamports={"R": -FEE, "W": -HOLDER - ACCOUNT}),
        placed(more=(("W.D", "W", "D", -5), ("escrow.D", "E", "D", 5))),  # two tokens
        placed(lamports={"W": -FEE - HOLDER - ACCOUNT - 20_000_001, "service": 20_000_001}),
    ],
)
def test_what_is_sent_otherwise_places_no_order(sent: Transaction) -> None:
    (entry,) = history(sent)
    assert entry.kind in {Kind.TRANSFER_OUT, Kind.OTHER}
    assert dict(entry.deltas)["COIN"] == -100


def test_something_in_return_makes_no_order() -> None:
    swapped = placed(more=(("W.D", "W", "D", 5), ("pool.D", "pool", "D", -5)))
    assert kinds(swapped) == [Kind.TOKEN_SWAP]
    sold = placed(lamports={"W": SOL}, more=(("pool.Q", "pool", WSOL, -SOL),))
    assert kinds(sold) == [Kind.SELL]


@pytest.mark.parametrize("rate", [6_960, 6_333, 5_080])
@pytest.mark.parametrize("size", [1, 165, 170, 182, 300])
def test_a_holder_of_any_size_and_rate_is_opened(rate: int, size: int) -> None:
    rent = (128 + size) * rate
    (entry,) = history(placed(rent=rent, opened=293 * rate))
    assert (entry.kind, entry.rent, entry.trade_sol) == (Kind.ORDER_PLACED, rent, 0)


def test_sol_that_a_service_takes_beside_is_no_part_of_the_order() -> None:
    (entry,) = history(
        placed(lamports={"W": -FEE - HOLDER - ACCOUNT - 20_000_000, "service": 20_000_000})
    )
    assert (entry.kind, entry.trade_sol, entry.deltas) == (Kind.ORDER_PLACED, -20_000_000, ())


def test_the_goods_of_one_mint_make_no_other_mint_w_s() -> None:
    # What the holder earns for W stays foreign until W gets it.
    earned = transaction(
        {"K": -FEE},
        ("escrow", "E", "COIN", -100),
        ("earned", "E", "D", 40),
        ("W.D", "W", "D", 2),
        ("K.D", "K", "D", -42),
        ("K.C", "K", "COIN", 100),
        payer="K",
        slot=2,
    )
    entry = history(placed(), earned)[1]
    assert (entry.kind, entry.deltas) == (Kind.ORDER_FILLED, (("COIN", -100), ("D", 2)))


def test_what_the_holders_other_accounts_gain_or_lose_is_rent() -> None:
    empty: Token = ("earned", "E", USDC, 0)
    opened = placed(lamports={"W": -FEE - HOLDER - 2 * ACCOUNT, "earned": ACCOUNT}, more=(empty,))
    (entry,) = history(opened)
    assert (entry.kind, entry.rent, entry.trade_sol) == (Kind.ORDER_PLACED, HOLDER + ACCOUNT, 0)
    lamports = {"W": HOLDER + 2 * ACCOUNT, "K": -FEE, "E": -HOLDER, "escrow": -ACCOUNT}
    expired = transaction(
        {**lamports, "earned": -ACCOUNT},
        ("escrow", "E", "COIN", -100),
        ("W.C", "W", "COIN", 100),
        empty,
        payer="K",
        slot=2,
    )
    entry = history(opened, expired)[1]
    assert (entry.kind, entry.rent, entry.trade_sol) == (
        Kind.ORDER_CANCELLED,
        -HOLDER - ACCOUNT,
        0,
    )


def test_w_s_holder_may_hold_another_mint_without_being_opened_again() -> None:
    again = transaction(
        {"W": -FEE}, ("W.D", "W", "D", -5), ("escrow.D", "E", "D", 5), slot=2, signature="again"
    )
    assert kinds(placed(), again) == [Kind.ORDER_PLACED, Kind.ORDER_PLACED]
    assert kinds(again) == [Kind.TRANSFER_OUT]


# --- other goods ---


def sol_order(**more: int) -> Transaction:
    """W puts 10 SOL into a WSOL account of a new holder."""
    lamports = {"W": -10 * SOL - HOLDER - ACCOUNT - FEE, "E": HOLDER, "escrow": 10 * SOL + ACCOUNT}
    return transaction({**lamports, **more}, ("escrow", "E", WSOL, 10 * SOL), slot=1)


def test_sol_is_put_in_and_buys() -> None:
    bought = transaction(
        {"K": -FEE, "escrow": -4 * SOL, "pool.Q": 4 * SOL},
        ("escrow", "E", WSOL, -4 * SOL),
        ("pool.Q", "pool", WSOL, 4 * SOL),
        ("pool.C", "pool", "COIN", -700),
        ("W.C", "W", "COIN", 700),
        payer="K",
        slot=2,
    )
    first, second = history(sol_order(), bought)
    assert (first.kind, first.sol_delta, first.rent, first.trade_sol) == (
        Kind.ORDER_PLACED,
        -HOLDER - FEE,
        HOLDER,
        0,
    )
    (trade,) = trades_of(second, "W")
    assert (second.kind, trade.side, trade.quotes) == (
        Kind.ORDER_FILLED,
        "buy",
        {WSOL: -4 * SOL},
    )


def test_sol_that_reaches_two_wsol_accounts_is_no_order() -> None:
    split = transaction(
        {
            "W": -11 * SOL - HOLDER - ACCOUNT - FEE,
            "E": HOLDER,
            "escrow": 10 * SOL + ACCOUNT,
            "F.S": SOL,
        },
        ("escrow", "E", WSOL, 10 * SOL),
        ("F.S", "F", WSOL, SOL),
    )
    assert kinds(split) == [Kind.TRANSFER_OUT]


def test_a_stable_put_in_changes_into_sol_as_an_exchange_and_into_coin_as_a_buy() -> None:
    put = placed(given=("W.U", "W", USDC, -150), goods=("escrow", "E", USDC, 150 * 10**6))
    assert kinds(put) != [Kind.ORDER_PLACED], "not all of it"
    stable = placed(
        given=("W.U", "W", USDC, -150 * 10**6), goods=("escrow", "E", USDC, 150 * 10**6)
    )
    taken: list[Token] = [("escrow", "E", USDC, -150 * 10**6), ("K.U", "K", USDC, 150 * 10**6)]
    sol = transaction({"W": SOL, "K": -SOL - FEE}, *taken, payer="K", slot=2, signature="sol")
    coin = transaction(
        {"K": -FEE},
        *taken,
        ("K.C", "K", "COIN", -8),
        ("W.C", "W", "COIN", 8),
        payer="K",
        slot=2,
        signature="coin",
    )
    swapped = history(stable, sol)[1]
    assert (swapped.kind, swapped.trade_sol, swapped.deltas) == (
        Kind.QUOTE_SWAP,
        SOL,
        ((USDC, -150 * 10**6),),
    )
    assert not swapped.is_remainder
    bought = history(stable, coin)[1]
    (trade,) = trades_of(bought, "W")
    assert (bought.kind, trade.quotes) == (Kind.ORDER_FILLED, {USDC: -150 * 10**6})


def test_a_stable_for_a_stable_is_no_trade() -> None:
    stable = placed(given=("W.U", "W", USDC, -(10**7)), goods=("escrow", "E", USDC, 10**7))
    other = transaction(
        {"K": -FEE},
        ("escrow", "E", USDC, -(10**7)),
        ("K.U", "K", USDC, 10**7),
        ("K.T", "K", USDT, -(10**7)),
        ("W.T", "W", USDT, 10**7),
        payer="K",
        slot=2,
    )
    assert kinds(stable, other) == [Kind.ORDER_PLACED, Kind.OTHER]


def test_a_coin_for_a_coin_is_priced_between_two_pools_as_any_swap() -> None:
    swapped = transaction(
        {"K": -FEE},
        ("escrow", "E", "COIN", -100),
        ("a.C", "a", "COIN", 100),
        ("a.Q", "a", WSOL, -2 * SOL),
        ("b.Q", "b", WSOL, 2 * SOL),
        ("b.D", "b", "D", -40),
        ("W.D", "W", "D", 40),
        payer="K",
        slot=2,
    )
    entry = history(placed(), swapped)[1]
    trades = {each.mint: each for each in trades_of(entry, "W")}
    assert entry.kind is Kind.ORDER_FILLED
    assert trades["COIN"].quotes == {WSOL: 2 * SOL}
    assert trades["D"].quotes == {WSOL: -2 * SOL}
    assert trades["D"].confidence is Confidence.SPLIT


# --- several things at once ---


def test_an_order_that_is_moved_to_another_holder_stays_placed() -> None:
    moved = transaction(
        {
            "W": -FEE,
            "E": -HOLDER,
            "escrow": -ACCOUNT,
            "E2": HOLDER,
            "escrow2": ACCOUNT,
        },
        ("escrow", "E", "COIN", -100),
        ("escrow2", "E2", "COIN", 100),
        slot=2,
        signature="moved",
    )
    sold = transaction(
        {"W": SOL, "K": -FEE, "pool.Q": -SOL},
        ("escrow2", "E2", "COIN", -100),
        ("pool.C", "pool", "COIN", 100),
        ("pool.Q", "pool", WSOL, -SOL),
        payer="K",
        slot=3,
        signature="sold",
    )
    entries = history(placed(), moved, sold)
    assert [each.kind for each in entries] == [
        Kind.ORDER_PLACED,
        Kind.ORDER_PLACED,
        Kind.ORDER_FILLED,
    ]
    assert [each.trade_sol for each in entries] == [0, 0, SOL]


def test_an_order_that_is_taken_back_and_sold_at_once_is_sold() -> None:
    sold = filled(payer="W")
    entry = history(placed(), sold)[1]
    (trade,) = trades_of(entry, "W")
    assert (entry.kind, trade.quotes, trade.fees) == (Kind.ORDER_FILLED, {WSOL: 3 * SOL}, FEE)


def test_cancelling_beside_a_purchase_buys_what_the_pool_gave() -> None:
    lamports = {"W": -SOL + HOLDER + ACCOUNT - FEE, "E": -HOLDER, "escrow": -ACCOUNT}
    both = transaction(
        {**lamports, "pool.Q": SOL},
        ("escrow", "E", "COIN", -100),
        ("W.C", "W", "COIN", 150),
        ("pool.C", "pool", "COIN", -50),
        ("pool.Q", "pool", WSOL, SOL),
        slot=2,
    )
    entry = history(placed(), both)[1]
    (trade,) = trades_of(entry, "W")
    assert (trade.side, trade.amount, trade.quotes) == ("buy", 50, {WSOL: -SOL})


def test_two_wallets_orders_are_apart() -> None:
    mine, theirs = placed(), filled()
    assert [each.kind for each in resolved([entry_of(mine, "V"), entry_of(theirs, "V")], "V")] == [
        Kind.OTHER,
        Kind.OTHER,
    ]
