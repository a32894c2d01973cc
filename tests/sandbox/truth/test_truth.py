"""The world's own arithmetic on cases small enough to follow by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.intent import Intent, MeantTrade, Place, TrueEntry, entry_from_intent
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.rates import Terms
from streamproc.sandbox.truth.scores import (
    cosine,
    jaccard,
    ruzicka,
    terms_of,
    true_balances,
    true_similarity,
)
from streamproc.sandbox.truth.statistics import deviation, median, trimmed_mean

if TYPE_CHECKING:
    from streamproc.sandbox.world.world import World

SOL = known.LAMPORTS_PER_SOL
MINT = "mint"
TERMS = Terms({known.WSOL: "200", known.USDC: "1.0", MINT: "4"}, {MINT: 6, known.USDC: 6})


def entry(at: int, intent: Intent, *, fee: int = 0) -> TrueEntry:
    place = Place(f"signature-{at}", at, 0, at)
    return entry_from_intent("wallet", intent, place, fee=fee, tips=0)


def trade(
    at: int,
    side: str,
    units: int,
    quotes: dict[str, int],
    *,
    confidence: str = "exact",
    fee: int = 0,
) -> TrueEntry:
    meant = MeantTrade(MINT, side, units, quotes, confidence)
    signed = units if side == "buy" else -units
    stables = {mint: n for mint, n in quotes.items() if mint != known.WSOL}
    intent = Intent(side, {MINT: signed, **stables}, quotes.get(known.WSOL, 0), trades=(meant,))
    return entry(at, intent, fee=fee)


def only_row(*entries: TrueEntry, terms: Terms = TERMS) -> dict[str, Any]:
    row: dict[str, Any] = true_pnl(entries, terms)["tokens"][0]
    return row


def test_a_sale_takes_the_oldest_lots_and_pays_its_fees() -> None:
    row = only_row(
        trade(1, "buy", 100, {known.WSOL: -1_000}, fee=5),
        trade(2, "buy", 100, {known.WSOL: -3_000}, fee=5),
        trade(3, "sell", 150, {known.WSOL: 6_000}, fee=5),
    )
    assert row["realized_lamports"] == 6_000 - (1_000 + 1_500) - 15
    assert row["open_amount"] == "50"
    assert row["open_cost_lamports"] == 1_500


def test_parts_of_a_lot_are_floored_and_add_up_to_its_cost() -> None:
    sales = [trade(at, "sell", 1, {known.WSOL: 0}) for at in (2, 3, 4)]
    costs = []
    for count in (1, 2, 3):
        row = only_row(trade(1, "buy", 3, {known.WSOL: -100}), *sales[:count])
        costs.append(-row["realized_lamports"])
    assert costs == [33, 66, 100]


def test_units_without_basis_make_proceeds_unknown_not_profit() -> None:
    row = only_row(
        entry(1, Intent("transfer_in", {MINT: 100})),
        trade(2, "buy", 50, {known.WSOL: -500}),
        trade(3, "sell", 200, {known.WSOL: 2_001}),
    )
    # 100 received and 50 that nobody saw coming are unknown: floor(2001 * 150 / 200).
    assert row["unknown_basis_proceeds_lamports"] == 1_500
    assert row["realized_lamports"] == 2_001 - 1_500 - 500


def test_units_that_leave_otherwise_take_their_lots_at_cost() -> None:
    row = only_row(
        trade(1, "buy", 100, {known.WSOL: -1_000}),
        entry(2, Intent("burn", {MINT: -60})),
    )
    assert row["realized_lamports"] == 0
    assert row["sent"] == "60"
    assert row["open_cost_lamports"] == 400


def test_an_unpriced_purchase_is_a_lot_without_basis() -> None:
    row = only_row(
        trade(1, "buy", 100, {known.WSOL: -1_000}, confidence="unpriced", fee=7),
        trade(2, "sell", 100, {known.WSOL: 900}),
    )
    assert row["unknown_basis_proceeds_lamports"] == 900
    assert row["realized_lamports"] == -7
    assert row["spent_lamports"] == 0


@pytest.mark.parametrize(
    ("swap_at", "lamports", "source"),
    [
        (1_000 + 6 * 3600, 10_000, "own_swaps"),  # the own swap: 1 USDC for 0.01 SOL
        (1_001 + 6 * 3600, 5_000, "current"),  # too far away: a SOL costs 200 dollars
    ],
)
def test_a_stable_is_valued_by_an_own_swap_within_six_hours_else_by_todays_price(
    swap_at: int, lamports: int, source: str
) -> None:
    swap = entry(swap_at, Intent("quote_swap", {known.USDC: 1_000_000}, -10_000_000))
    pnl = true_pnl((trade(1_000, "buy", 1, {known.USDC: -1_000}), swap), TERMS)
    assert pnl["tokens"][0]["spent_lamports"] == lamports
    assert pnl["rate_sources"][source] == 1
    assert pnl["stable_net_flow"] == {known.USDC: "999000"}


def test_a_swap_of_less_than_one_stable_is_no_rate() -> None:
    swap = entry(1_001, Intent("quote_swap", {known.USDC: 999_999}, -10_000_000))
    pnl = true_pnl((trade(1_000, "buy", 1, {known.USDC: -1_000}), swap), TERMS)
    assert pnl["rate_sources"]["current"] == 1


def test_realized_of_a_quote_counts_only_units_bought_in_it() -> None:
    row = only_row(
        trade(1, "buy", 100, {known.WSOL: -1_000}),
        trade(2, "buy", 100, {known.USDC: -30_000}),
        trade(3, "sell", 150, {known.USDC: 90_000}),
    )
    # 50 of 150 units were bought in USDC, for 15 000 of it.
    assert row["quotes"][known.USDC]["realized"] == str(90_000 * 50 // 150 - 15_000)
    assert row["quotes"][known.WSOL] == {"spent": "1000", "received": "0", "realized": "0"}


def test_unrealized_is_null_without_a_price_and_zero_when_nothing_is_open() -> None:
    bought = trade(1, "buy", 1_000_000, {known.WSOL: -1_000})
    without = Terms({known.WSOL: "200"}, TERMS.decimals)
    # One token of 4 dollars is a fiftieth of a SOL of 200.
    assert only_row(bought)["unrealized_lamports"] == SOL // 50 - 1_000
    assert only_row(bought, terms=without)["unrealized_lamports"] is None
    sold = trade(2, "sell", 1_000_000, {known.WSOL: 1_000})
    assert only_row(bought, sold, terms=without)["unrealized_lamports"] == 0


def test_a_window_counts_only_what_is_inside_but_knows_earlier_costs() -> None:
    entries = (
        trade(1, "buy", 100, {known.WSOL: -1_000}, fee=3),
        trade(2, "sell", 50, {known.WSOL: 900}, fee=3),
        trade(3, "sell", 50, {known.WSOL: 1}, fee=3),
        entry(2, Intent("other"), fee=11),
        entry(1, Intent("other"), fee=13),
    )
    pnl = true_pnl(entries, Terms(TERMS.prices_usd, TERMS.decimals, since=2, until=2))
    assert pnl["realized_lamports"] == 900 - 500 - 3
    assert pnl["trades"] == 1
    assert pnl["wallet_costs_lamports"] == 11


def test_costs_are_shared_equally_and_the_rest_goes_to_the_first_mints() -> None:
    trades = tuple(MeantTrade(mint, "buy", 1, {}, "unpriced") for mint in ("c", "a", "b"))
    shared = entry(1, Intent("buy", {"a": 1, "b": 1, "c": 1}, trades=trades), fee=5_000)
    assert [(t.mint, t.fees) for t in shared.trades] == [("a", 1_667), ("b", 1_667), ("c", 1_666)]


def test_small_statistics_are_exact() -> None:
    assert median([3, 1, 2, 10]) == Fraction(5, 2)
    assert median([]) is None
    assert trimmed_mean([-1_000, *range(1, 9), 1_000]) == Fraction(36, 8)
    assert deviation([1, 3]) == 1  # sqrt(2) = 1.41
    assert deviation([0, 3]) == 2  # sqrt(4.5) = 2.12
    assert deviation([5]) is None


def test_scores_of_degenerate_vectors() -> None:
    one, two = {"a": Fraction(1)}, {"b": Fraction(1)}
    assert cosine(one, one) == 1.0
    assert cosine(one, two) == 0.0
    assert cosine(one, {}) is None
    assert jaccard(frozenset(), frozenset()) is None
    assert jaccard(frozenset("a"), frozenset()) == 0.0
    assert ruzicka({}, {}) is None
    assert ruzicka({"a": Fraction(1, 2), "b": Fraction(1, 2)}, one) == 0.5 / 1.5


def test_a_world_s_pnl_adds_up(world: World) -> None:
    for wallet in world.addresses:
        entries = world.entries(wallet)
        pnl = true_pnl(entries, terms_of(world))
        costs = sum(entry.costs for entry in entries)
        assert pnl["fees_lamports"] + pnl["wallet_costs_lamports"] == costs
        for token in pnl["tokens"]:
            moved = sum(entry.deltas.get(token["mint"], 0) for entry in entries)
            assert moved == int(token["bought"]) + int(token["received"]) - int(
                token["sold"]
            ) - int(token["sent"])
            held = world.chain.amount(wallet, token["mint"])
            waiting = world.chain.in_custody(wallet, token["mint"])
            assert int(token["open_amount"]) == held + waiting


def test_a_world_s_balances_are_the_sum_of_its_ledger(world: World) -> None:
    for wallet in world.addresses:
        balances = true_balances(world, wallet)
        held = {token["mint"]: int(token["amount"]) for token in balances["tokens"]}
        deltas: dict[str, int] = {}
        for ledger_entry in world.entries(wallet):
            for mint, units in ledger_entry.deltas.items():
                deltas[mint] = deltas.get(mint, 0) + units
        held.pop(known.WSOL, None)
        for mint in deltas:
            held[mint] = held.get(mint, 0) + world.chain.in_custody(wallet, mint)
        held = {mint: units for mint, units in held.items() if units}
        assert held == {mint: units for mint, units in deltas.items() if units}


def test_the_pack_is_more_alike_than_strangers(world: World) -> None:
    pairs = true_similarity(world)["pairs"]
    pack = {wallet.address for wallet in world.wallets if wallet.group == "pack-0"}
    inside = [p["scores"]["idf"] for p in pairs if {p["wallet_a"], p["wallet_b"]} <= pack]
    outside = [p["scores"]["idf"] for p in pairs if not {p["wallet_a"], p["wallet_b"]} & pack]
    assert len(inside) == 3
    assert min(inside) > sum(x for x in outside if x is not None) / len(outside)
