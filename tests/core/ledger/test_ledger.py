"""Transaction -> entry: every rule of the ledger on a case worked by hand, and what must hold of any transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.chain.solana import USDC, USDT, WSOL
from streamproc.core.chain.tips import TIP_ACCOUNTS
from streamproc.core.chain.transactions import TokenChange, Transaction
from streamproc.core.ledger.entries import Kind
from streamproc.core.ledger.ledger import entry_of

if TYPE_CHECKING:
    from streamproc.core.ledger.entries import Entry

FEE = 5_000
RENT = 2_039_280
SOL = 10**9
TIP = min(TIP_ACCOUNTS)

Token = tuple[str, str, str, int]


def entry(
    lamports: dict[str, int],
    *tokens: Token,
    payer: str = "W",
    failed: bool = False,
    estimated: bool = False,
) -> Entry:
    """The entry of W for these changes; tokens are (account, owner, mint, units)."""
    changes = [TokenChange(*token, 6) for token in tokens]
    return entry_of(
        Transaction("sig", 7, 3, 100, failed, FEE, payer, lamports, changes, estimated), "W"
    )


# --- amounts ---


def test_a_buy_on_an_amm_that_opens_the_buyers_account_costs_what_reached_the_pool() -> None:
    # W pays 1 SOL into the pool's WSOL account, 5 000 fee, and the rent of its own token account, which stays its own.
    bought = entry(
        {"W": -SOL - FEE - RENT, "W.T": RENT, "pool.SOL": SOL},
        ("W.T", "W", "T", 500),
        ("pool.T", "pool", "T", -500),
        ("pool.SOL", "pool", WSOL, SOL),
    )
    assert (bought.kind, bought.trade_sol, bought.deltas) == (Kind.BUY, -SOL, (("T", 500),))
    assert (bought.sol_delta, bought.network_fee, bought.tips, bought.rent) == (
        -SOL - FEE,
        FEE,
        0,
        0,
    )
    assert bought.counterparty is None


def test_wrapping_and_unwrapping_in_own_pockets_cancels() -> None:
    wrapped = entry({"W": -SOL - FEE - RENT, "W.SOL": SOL + RENT}, ("W.SOL", "W", WSOL, SOL))
    assert (wrapped.kind, wrapped.trade_sol, wrapped.deltas) == (Kind.OTHER, 0, ())


def test_moves_between_own_accounts_vanish() -> None:
    moved = entry({"W": -FEE}, ("W.T1", "W", "T", -9), ("W.T2", "W", "T", 9))
    assert (moved.kind, moved.deltas, moved.trade_sol) == (Kind.OTHER, (), 0)


def test_both_token_programs_count_in_one_sum() -> None:
    received = entry(
        {},
        ("W.T1", "W", "T", 4),
        ("W.T2", "W", "T", 5),
        ("S.T", "S", "T", -9),
        payer="S",
    )
    assert received.deltas == (("T", 9),)


def test_tips_are_apart_from_the_price_when_the_wallet_pays_the_fee() -> None:
    bought = entry(
        {"W": -SOL - FEE - 20_000, TIP: 20_000, "curve": SOL},
        ("W.T", "W", "T", 500),
        ("curve.T", "curve", "T", -500),
    )
    assert (bought.tips, bought.trade_sol, bought.kind) == (20_000, -SOL, Kind.BUY)


def test_another_payers_tips_and_fee_are_not_the_wallets() -> None:
    received = entry({"R": -FEE - 20_000 - SOL, TIP: 20_000, "W": SOL}, payer="R")
    assert (received.network_fee, received.tips, received.trade_sol) == (0, 0, SOL)
    assert (received.kind, received.counterparty) == (Kind.TRANSFER_IN, "R")


def test_rent_paid_for_the_receivers_account_is_no_price() -> None:
    sent = entry(
        {"W": -FEE - RENT, "R.T": RENT},
        ("W.T", "W", "T", -500),
        ("R.T", "R", "T", 500),
    )
    assert (sent.rent, sent.trade_sol, sent.kind) == (RENT, 0, Kind.TRANSFER_OUT)
    assert sent.counterparty == "R"


def test_rent_of_a_foreign_wsol_account_is_its_lamports_beyond_its_wsol() -> None:
    sent = entry({"W": -FEE - RENT - SOL, "R.SOL": RENT + SOL}, ("R.SOL", "R", WSOL, SOL))
    assert (sent.rent, sent.trade_sol, sent.kind) == (RENT, -SOL, Kind.TRANSFER_OUT)
    assert sent.counterparty == "R"


def test_rent_that_a_relayer_paid_for_the_wallets_account_is_no_income() -> None:
    received = entry(
        {"R": -FEE - RENT, "W.T": RENT},
        ("W.T", "W", "T", 500),
        ("S.T", "S", "T", -500),
        payer="R",
    )
    assert (received.rent, received.trade_sol, received.kind) == (-RENT, 0, Kind.TRANSFER_IN)
    assert received.counterparty == "S"


@pytest.mark.parametrize("rent", [2_039_280, 2_074_080])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_empty_account_that_opens_or_closes_is_rent(rent: int, sign: int) -> None:
    moved = entry({"W": -FEE - sign * rent, "X": sign * rent})
    assert (moved.rent, moved.trade_sol, moved.kind) == (sign * rent, 0, Kind.OTHER)


def test_a_tip_of_exactly_one_rent_stays_a_tip() -> None:
    tipped = entry({"W": -FEE - RENT, TIP: RENT})
    assert (tipped.rent, tipped.tips, tipped.trade_sol) == (0, RENT, 0)


def test_an_empty_account_opened_by_somebody_else_is_none_of_the_wallets_business() -> None:
    assert entry({"R": -FEE - RENT, "X": RENT}, payer="R").rent == 0


def test_a_failed_transaction_keeps_the_fee_and_nothing_else() -> None:
    failed = entry({"W": -FEE - SOL, "R": SOL}, ("W.T", "W", "T", -5), failed=True, estimated=True)
    assert failed.kind is Kind.FAILED
    assert failed.failed
    assert not failed.estimated
    assert (failed.network_fee, failed.sol_delta, failed.trade_sol) == (FEE, -FEE, 0)
    assert (failed.deltas, failed.tips, failed.rent) == ((), 0, 0)


def test_a_failed_transaction_of_another_payer_costs_nothing() -> None:
    failed = entry({"R": -FEE}, payer="R", failed=True)
    assert (failed.network_fee, failed.sol_delta, failed.kind) == (0, 0, Kind.FAILED)


def test_amounts_past_64_bits_stay_exact() -> None:
    huge = 2**64 - 1
    received = entry(
        {},
        ("W.1", "W", "T", huge),
        ("W.2", "W", "T", huge),
        ("S.T", "S", "T", -2 * huge),
        payer="S",
    )
    assert received.deltas == (("T", 36_893_488_147_419_103_230),)


# --- kinds ---


def pool(token: int, quote: int, mint: str = WSOL) -> tuple[Token, Token]:
    """A pool's two accounts."""
    return ("pool.T", "pool", "T", token), ("pool.Q", "pool", mint, quote)


def test_a_sale_for_sol() -> None:
    sold = entry({"W": SOL - FEE, "pool.Q": -SOL}, ("W.T", "W", "T", -500), *pool(500, -SOL))
    assert (sold.kind, sold.trade_sol) == (Kind.SELL, SOL)


def test_a_buy_and_a_sale_for_a_stable() -> None:
    bought = entry(
        {"W": -FEE},
        ("W.U", "W", USDC, -2_000_000),
        ("W.T", "W", "T", 500),
        *pool(-500, 2_000_000, USDC),
    )
    sold = entry(
        {"W": -FEE},
        ("W.U", "W", USDC, 2_000_000),
        ("W.T", "W", "T", -500),
        *pool(500, -2_000_000, USDC),
    )
    assert (bought.kind, bought.deltas) == (Kind.BUY, ((USDC, -2_000_000), ("T", 500)))
    assert sold.kind is Kind.SELL


@pytest.mark.parametrize(("lamports", "kind"), [(10_000, Kind.BUY), (9_999, Kind.TRANSFER_IN)])
def test_sol_is_a_quote_from_ten_thousand_lamports_upwards(lamports: int, kind: Kind) -> None:
    got = entry(
        {"W": -lamports - FEE, "curve": lamports}, ("W.T", "W", "T", 5), ("c.T", "curve", "T", -5)
    )
    assert got.kind is kind


@pytest.mark.parametrize(("units", "kind"), [(10_000, Kind.BUY), (9_999, Kind.TRANSFER_IN)])
def test_a_stable_is_a_quote_from_one_cent_upwards(units: int, kind: Kind) -> None:
    got = entry(
        {"W": -FEE}, ("W.U", "W", USDT, -units), ("W.T", "W", "T", 5), *pool(-5, units, USDT)
    )
    assert got.kind is kind


@pytest.mark.parametrize(
    ("paid", "kind"),
    [
        (890_880, Kind.TRANSFER_IN),  # the smallest account
        (1_002_240, Kind.TRANSFER_IN),  # 144 * 6 960: a claim record of 16 bytes
        (9_994_560, Kind.TRANSFER_IN),  # 1436 * 6 960
        (883_920, Kind.TRANSFER_IN),  # 127 * 6 960, below the smallest account; but 174 * 5 080
        (645_160, Kind.BUY),  # 127 * 5 080: below the smallest account at any rate
        (10_001_520, Kind.BUY),  # 1437 * 6 960: above ten million
        (1_002_241, Kind.BUY),  # no multiple
    ],
)
def test_the_rent_of_one_account_is_no_price(paid: int, kind: Kind) -> None:
    claimed = entry(
        {"W": -FEE - paid, "claim": paid}, ("W.T", "W", "T", 5), ("drop.T", "drop", "T", -5)
    )
    assert claimed.kind is kind


def test_sol_that_comes_in_is_never_rent() -> None:
    sold = entry(
        {"W": 1_002_240 - FEE, "c": -1_002_240}, ("W.T", "W", "T", -5), ("c.T", "c", "T", 5)
    )
    assert (sold.kind, sold.trade_sol) == (Kind.SELL, 1_002_240)


def test_adding_two_assets_for_a_minted_receipt_is_liquidity() -> None:
    added = entry(
        {"W": -SOL - FEE, "pool.Q": SOL},
        ("W.T", "W", "T", -500),
        ("W.LP", "W", "LP", 10),
        *pool(500, SOL),
    )
    assert added.kind is Kind.LIQUIDITY


def test_a_receipt_that_came_out_of_a_pool_is_a_swap() -> None:
    swapped = entry(
        {"W": -SOL - FEE, "pool.Q": SOL},
        ("W.T", "W", "T", -500),
        ("W.X", "W", "X", 10),
        ("pool.X", "pool", "X", -10),
        *pool(500, SOL),
    )
    assert swapped.kind is Kind.TOKEN_SWAP


def test_removing_two_assets_for_a_burnt_receipt_is_liquidity() -> None:
    removed = entry(
        {"W": SOL - FEE, "pool.Q": -SOL},
        ("W.T", "W", "T", 500),
        ("W.LP", "W", "LP", -10),
        *pool(-500, -SOL),
    )
    assert removed.kind is Kind.LIQUIDITY


def test_a_one_way_deposit_into_a_pool_is_liquidity_and_so_is_its_return() -> None:
    added = entry({"W": -SOL - FEE, "pool.Q": SOL}, ("W.T", "W", "T", -5), *pool(5, SOL))
    removed = entry({"W": SOL - FEE, "pool.Q": -SOL}, ("W.T", "W", "T", 5), *pool(-5, -SOL))
    assert (added.kind, removed.kind) == (Kind.LIQUIDITY, Kind.LIQUIDITY)


def test_a_token_and_sol_given_to_a_person_is_no_liquidity() -> None:
    given = entry({"W": -SOL - FEE, "R": SOL}, ("W.T", "W", "T", -5), ("R.T", "R", "T", 5))
    assert given.kind is Kind.OTHER


def test_destroying_a_token_is_a_burn_even_when_its_account_closes() -> None:
    burnt = entry({"W": RENT - FEE, "W.T": -RENT}, ("W.T", "W", "T", -500))
    assert (burnt.kind, burnt.trade_sol, burnt.deltas) == (Kind.BURN, 0, (("T", -500),))


def test_a_token_whose_transfer_withholds_a_fee_is_not_burnt() -> None:
    sent = entry({"W": -FEE}, ("W.T", "W", "T", -500), ("R.T", "R", "T", 495))
    assert sent.kind is Kind.TRANSFER_OUT


def test_a_destroyed_token_that_a_pool_pays_for_is_sold() -> None:
    sold = entry({"W": SOL - FEE, "v.Q": -SOL}, ("W.T", "W", "T", -5), ("v.Q", "vault", WSOL, -SOL))
    assert sold.kind is Kind.SELL


def test_a_token_for_a_token_is_a_swap() -> None:
    swapped = entry(
        {"W": -FEE},
        ("W.A", "W", "A", -5),
        ("p.A", "p", "A", 5),
        ("W.B", "W", "B", 7),
        ("p.B", "p", "B", -7),
    )
    assert (swapped.kind, swapped.routed_quote) == (Kind.TOKEN_SWAP, None)


def test_a_worthless_token_is_sold_for_three_thousand_lamports() -> None:
    sold = entry(
        {"W": 3_000 - FEE, "curve": -3_000}, ("W.T", "W", "T", -5), ("c.T", "curve", "T", 5)
    )
    assert (sold.kind, sold.trade_sol) == (Kind.SELL, 3_000)


def test_below_dust_only_the_payer_sells() -> None:
    got = entry(
        {"R": -FEE - 3_000, "W": 3_000}, ("W.T", "W", "T", -5), ("c.T", "c", "T", 5), payer="R"
    )
    assert got.kind is Kind.TRANSFER_OUT


def test_a_sale_whose_costs_ate_the_proceeds_is_a_sale() -> None:
    # The pool paid 3 000 lamports, a service took 1 000 001.
    sold = entry(
        {"W": 3_000 - 1_000_001 - FEE, "service": 1_000_001, "pool.Q": -3_000},
        ("W.T", "W", "T", -5),
        *pool(5, -3_000),
    )
    assert (sold.kind, sold.trade_sol) == (Kind.SELL, -997_001)


def test_nothing_but_newly_minted_tokens_is_a_mint() -> None:
    minted = entry({"W": -FEE}, ("W.N", "W", "N", 1))
    assert (minted.kind, minted.deltas) == (Kind.MINT, (("N", 1),))


def test_a_paid_mint_is_a_buy() -> None:
    assert entry({"W": -SOL - FEE, "shop": SOL}, ("W.N", "W", "N", 1)).kind is Kind.BUY


def test_one_quote_one_way_is_a_transfer() -> None:
    sent = entry({"W": -SOL - FEE, "R": SOL})
    received = entry({}, ("W.U", "W", USDC, 10_000), ("S.U", "S", USDC, -10_000), payer="S")
    assert (sent.kind, sent.counterparty) == (Kind.TRANSFER_OUT, "R")
    assert (received.kind, received.counterparty) == (Kind.TRANSFER_IN, "S")


def test_the_counterparty_moved_most_and_a_tie_goes_to_the_smaller_address() -> None:
    most = entry({"W": -5 * SOL - FEE, "A": 2 * SOL, "B": 3 * SOL})
    tied = entry({"W": -4 * SOL - FEE, "B": 2 * SOL, "A": 2 * SOL})
    assert (most.counterparty, tied.counterparty) == ("B", "A")


def test_a_payers_fee_is_not_what_it_sent() -> None:
    # The relayer's loss is its fee alone; the sender's is the transfer.
    received = entry({"R": -FEE, "S": -4_000 - 10_000, "W": 14_000}, payer="R")
    assert received.counterparty == "S"


def test_sol_against_a_stable_is_a_quote_swap() -> None:
    swapped = entry(
        {"W": -SOL - FEE, "p.Q": SOL},
        ("W.U", "W", USDC, 150_000_000),
        ("p.U", "p", USDC, -150_000_000),
        ("p.Q", "p", WSOL, SOL),
    )
    assert (swapped.kind, swapped.trade_sol) == (Kind.QUOTE_SWAP, -SOL)


def test_a_stable_against_a_stable_is_other() -> None:
    swapped = entry({"W": -FEE}, ("W.U", "W", USDC, 10**6), ("W.V", "W", USDT, -(10**6)))
    assert swapped.kind is Kind.OTHER


def test_paying_the_fee_of_somebody_elses_swap_is_not_trading() -> None:
    paid = entry(
        {"W": -FEE, "S": -SOL, "pool.Q": SOL},
        ("S.T", "S", "T", 500),
        *pool(-500, SOL),
    )
    assert (paid.kind, paid.deltas, paid.network_fee, paid.trade_sol) == (Kind.OTHER, (), FEE, 0)


# --- the routed quote ---


def route(*quotes: tuple[str, str, int]) -> Entry:
    """A swap of A for B while quotes move between foreign accounts: (account, mint, units)."""
    return entry(
        {"W": -FEE},
        ("W.A", "W", "A", -5),
        ("p.A", "p", "A", 5),
        ("W.B", "W", "B", 7),
        ("q.B", "q", "B", -7),
        *((account, account[0], mint, units) for account, mint, units in quotes),
    )


def test_a_routed_quote_leaves_one_pool_and_reaches_another() -> None:
    assert route(("p.S", WSOL, -1000), ("q.S", WSOL, 990)).routed_quote == (WSOL, 990)
    assert route(("p.S", WSOL, -990), ("q.S", WSOL, 1000)).routed_quote == (WSOL, 990)


@pytest.mark.parametrize(
    "quotes",
    [
        [("p.S", WSOL, -1000), ("q.S", WSOL, 989)],  # more than 1 % apart
        [("p.S", WSOL, -1000), ("q.S", WSOL, 500), ("r.S", WSOL, 500)],  # two receivers
        [("p.S", WSOL, -1000), ("q.S", WSOL, -1000)],  # both lose
        [("p.S", WSOL, 1000), ("q.S", WSOL, 1000)],  # both gain
        [("p.S", WSOL, -9), ("q.S", WSOL, 9), ("p.U", USDC, -9), ("q.U", USDC, 9)],  # two quotes
        [],
    ],
)
def test_anything_less_clear_is_no_route(quotes: list[tuple[str, str, int]]) -> None:
    assert route(*quotes).routed_quote is None


# --- what holds of any transaction ---

accounts = st.sampled_from(["W", "A", "B", "P", TIP])
amounts = st.integers(-(10**10), 10**10)
token_accounts = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["W", "A", "P"]),
        st.sampled_from(["T", "U", USDC, WSOL]),
        st.integers(-(2**64), 2**64).filter(bool),
    ),
    max_size=8,
    unique_by=lambda item: item[0],
)


@given(st.dictionaries(accounts, amounts), token_accounts, st.sampled_from(["W", "A"]))
def test_entries_of_all_owners_conserve_every_mint_and_all_lamports(
    lamports: dict[str, int], items: list[tuple[int, str, str, int]], payer: str
) -> None:
    changes = [
        TokenChange(f"t{place}", owner, mint, units, 6) for place, owner, mint, units in items
    ]
    lamports = {**lamports, **{each.account: each.units for each in changes if each.mint == WSOL}}
    transaction = Transaction("s", 1, 0, 1, False, FEE, payer, lamports, changes)
    owners = {*lamports, "W", "A", "P"} - {each.account for each in changes}
    entries = [entry_of(transaction, owner) for owner in sorted(owners)]
    assert sum(each.sol_delta for each in entries) == sum(lamports.values())
    for mint in {each.mint for each in changes} - {WSOL}:
        moved = sum(units for each in entries for name, units in each.deltas if name == mint)
        assert moved == sum(each.units for each in changes if each.mint == mint)
    for each in entries:
        assert each.trade_sol == each.sol_delta + each.network_fee + each.tips + each.rent
        assert each.deltas == tuple(sorted(each.deltas))
        assert all(units for _, units in each.deltas)
        assert (each.network_fee, each.tips) == (0, 0) or each.fee_payer == payer
