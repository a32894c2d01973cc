"""Rent is no price: who paid for which account, at any rate that ever held, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.chain.solana import is_rent
from streamproc.core.ledger.entries import Kind
from tests.core.changes import ACCOUNT, FEE, SOL, USDC, WSOL, entry, pool

RATES = (6_960, 6_333, 5_080)  # lamports a byte: from the beginning, 3 and 11 September 2026


@pytest.mark.parametrize("rate", RATES)
def test_a_rent_is_a_whole_number_of_bytes_from_none_upwards_at_any_rate(rate: int) -> None:
    assert is_rent(128 * rate)
    assert is_rent((128 + 165) * rate)
    assert not is_rent(128 * rate, least_bytes=1)
    assert is_rent(129 * rate, least_bytes=1)
    assert not is_rent(-(128 + 165) * rate)
    most = 10_000_000 // rate
    assert is_rent(most * rate)
    assert not is_rent((most + 1) * rate)


@given(st.integers(-(10**7), 2 * 10**7))
def test_any_amount_is_a_rent_when_some_rate_says_so(lamports: int) -> None:
    sizes = [lamports / rate - 128 for rate in RATES]
    said = any(size >= 0 and size == int(size) for size in sizes) and lamports <= 10_000_000
    assert is_rent(lamports) is said


# --- who paid ---


def bundle(*falls: int) -> dict[str, int]:
    """Two signers fall by so much for 1 SOL of COIN each; the first pays the fee, each opens its own account."""
    first, second = falls
    return {
        "A": -first - FEE,
        "B": -second,
        "A.C": ACCOUNT,
        "B.C": ACCOUNT,
        "pool.Q": first + second - 2 * ACCOUNT,
    }


def test_each_signer_of_a_bundle_funds_its_own_account() -> None:
    lamports = bundle(SOL + ACCOUNT, 2 * SOL + ACCOUNT)
    tokens = [("A.C", "A", "COIN", 5), ("B.C", "B", "COIN", 9), *pool(-14, 3 * SOL)]
    ours = entry(lamports, *tokens, payer="A", wallet="A")
    theirs = entry(lamports, *tokens, payer="A", wallet="B")
    assert (ours.kind, ours.rent, ours.trade_sol) == (Kind.BUY, 0, -SOL)
    assert (theirs.kind, theirs.rent, theirs.trade_sol) == (Kind.BUY, 0, -2 * SOL)


def test_an_owner_who_fell_by_less_did_not_pay() -> None:
    # B sells for more than its new account keeps, all out of the payer's pocket.
    lamports = {"A": -FEE - ACCOUNT - 3, "B": -ACCOUNT + 1, "B.C": ACCOUNT}
    tokens = [("B.C", "B", "COIN", 5), ("pool.C", "pool", "COIN", -5)]
    assert entry(lamports, *tokens, payer="A", wallet="A").rent == ACCOUNT
    assert entry(lamports, *tokens, payer="A", wallet="B").rent == -ACCOUNT


def relayed(gift: int, tip: int = 0) -> tuple[int, int]:
    """Rent and trade SOL of a trader whose relayer loses the fee, a tip and so much more; 1 SOL goes to the pool."""
    tip_account = "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5"
    lamports = {"R": -FEE - gift - tip, "W": -SOL - (0 if gift else ACCOUNT), "W.C": ACCOUNT}
    if tip:
        lamports[tip_account] = tip
    got = entry(lamports, ("W.C", "W", "COIN", 5), *pool(-5, SOL), payer="R")
    return got.rent, got.trade_sol


def test_a_relayer_that_lost_exactly_the_account_gave_it() -> None:
    assert relayed(ACCOUNT) == (-ACCOUNT, -SOL)
    assert relayed(ACCOUNT, tip=20_000) == (-ACCOUNT, -SOL)
    assert relayed(0) == (0, -SOL)
    # One lamport more is no sum of accounts: W fell by more than the account, so it paid.
    assert relayed(ACCOUNT + 1)[0] == 0


def test_a_payer_that_lost_the_sum_of_all_accounts_gave_all() -> None:
    lamports = {"R": -FEE - 2 * ACCOUNT, "W": -SOL, "B": -SOL, "W.C": ACCOUNT, "B.C": ACCOUNT}
    tokens = [("W.C", "W", "COIN", 5), ("B.C", "B", "COIN", 5), *pool(-10, 2 * SOL)]
    assert entry(lamports, *tokens, payer="R").rent == -ACCOUNT
    assert entry(lamports, *tokens, payer="R", wallet="B").trade_sol == -SOL
    assert entry(lamports, *tokens, payer="R", wallet="R").rent == 2 * ACCOUNT


def test_an_account_that_was_opened_empty_counts_in_the_sum_when_it_is_named() -> None:
    lamports = {"R": -FEE - 2 * ACCOUNT, "W": -SOL, "W.C": ACCOUNT, "W.N": ACCOUNT}
    tokens = [("W.C", "W", "COIN", 5), ("W.N", "W", "NEW", 0), *pool(-5, SOL)]
    got = entry(lamports, *tokens, payer="R")
    assert (got.rent, got.trade_sol) == (-ACCOUNT, -SOL)


def test_an_account_that_nobody_owns_was_paid_for_by_the_fee_payer() -> None:
    sent = entry(
        {"W": -FEE - ACCOUNT, "X": ACCOUNT}, ("X", "", "COIN", 5), ("W.C", "W", "COIN", -5)
    )
    assert (sent.rent, sent.trade_sol) == (ACCOUNT, 0)


# --- own accounts that keep their amount ---


@pytest.mark.parametrize("change", [ACCOUNT, -ACCOUNT, 1_488_440, -550_840, 12_345, -1])
@pytest.mark.parametrize("payer", ["W", "R"])
def test_what_w_puts_into_its_own_pocket_or_takes_out_is_no_price(change: int, payer: str) -> None:
    fee = FEE if payer == "W" else 0
    lamports = {payer: -FEE, "W": SOL - change - fee, "W.U": change, "pool.Q": -SOL}
    sold = entry(
        lamports, ("W.C", "W", "COIN", -5), ("W.U", "W", USDC, 0), *pool(5, -SOL), payer=payer
    )
    # A relayer's gift apart: W did not fall, so it opened nothing itself.
    is_gift = payer == "R" and change > 0
    assert sold.kind is Kind.SELL
    assert sold.rent == (0 if is_gift else change)
    assert sold.trade_sol == (SOL - change if is_gift else SOL)


def test_a_relayer_that_opens_an_empty_account_for_w_gives_w_nothing() -> None:
    given = entry({"R": -FEE - ACCOUNT, "W.U": ACCOUNT}, ("W.U", "W", USDC, 0), payer="R")
    assert (given.rent, given.trade_sol, given.kind) == (0, 0, Kind.OTHER)


def test_w_pays_for_its_own_empty_account_in_a_relayed_transaction() -> None:
    opened = entry({"R": -FEE, "W": -ACCOUNT, "W.U": ACCOUNT}, ("W.U", "W", USDC, 0), payer="R")
    assert (opened.rent, opened.trade_sol, opened.kind) == (ACCOUNT, 0, Kind.OTHER)


# --- accounts that nobody names ---


@pytest.mark.parametrize("size", [165, 170, 175, 182])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_token_account_of_any_rate_opens_and_closes(size: int, rate: int, sign: int) -> None:
    rent = sign * (128 + size) * rate
    moved = entry({"W": -FEE - rent, "X": rent})
    assert (moved.rent, moved.trade_sol) == (rent, 0)


@pytest.mark.parametrize("size", [164, 166, 171, 183])
def test_an_account_of_another_size_is_no_token_account(size: int) -> None:
    assert entry({"W": -FEE - (128 + size) * 6_960, "X": (128 + size) * 6_960}).rent == 0


def test_closing_old_accounts_adds_nothing_to_a_sale() -> None:
    closed = {"x": -ACCOUNT, "y": -ACCOUNT, "z": -1_488_440}
    back = -sum(closed.values())
    sold = entry(
        {"W": SOL + back - FEE, "pool.Q": -SOL, **closed}, ("W.C", "W", "COIN", -5), *pool(5, -SOL)
    )
    assert (sold.kind, sold.rent, sold.trade_sol) == (Kind.SELL, -back, SOL)


def test_a_named_owner_who_paid_for_its_own_account_is_not_w() -> None:
    lamports = {"W": -FEE, "O": -ACCOUNT, "O.U": ACCOUNT}
    relayed_opening = entry(lamports, ("O.U", "O", USDC, 0))
    assert (relayed_opening.rent, relayed_opening.trade_sol) == (0, 0)
    closing = entry({"W": -FEE, "O": ACCOUNT, "O.U": -ACCOUNT}, ("O.U", "O", USDC, 0))
    assert (closing.rent, closing.trade_sol) == (0, 0)


def test_a_named_owner_who_did_not_pay_got_its_account_from_w() -> None:
    opened = entry({"W": -FEE - ACCOUNT, "O.U": ACCOUNT}, ("O.U", "O", USDC, 0))
    assert (opened.rent, opened.trade_sol) == (ACCOUNT, 0)


# --- an account that is its own owner ---


def test_an_account_that_is_its_own_owner_counts_once() -> None:
    sold = entry({"W": -FEE, "V": SOL}, ("V", "V", WSOL, SOL), ("V2", "V2", "COIN", -5), wallet="V")
    assert (sold.sol_delta, sold.trade_sol, sold.kind) == (SOL, SOL, Kind.TRANSFER_IN)


# --- the price that looks like a rent ---


@pytest.mark.parametrize("price", [1_250 * 6_960, 1_250 * 5_080, 200 * 6_333])
def test_a_price_that_looks_like_rent_is_proved_by_the_pools_mirror_image(price: int) -> None:
    coins = ("W.C", "W", "COIN", 5)
    bought = entry({"W": -price - FEE}, coins, *pool(-5, price))
    assert (bought.kind, bought.is_mirrored, bought.trade_sol) == (Kind.BUY, True, -price)
    claimed = entry({"W": -price - FEE, "record": price}, coins, *pool(-5, 0)[:1])
    assert (claimed.kind, claimed.is_mirrored) == (Kind.TRANSFER_IN, False)
    elsewhere = entry({"W": -price - FEE, "record": price}, coins, *pool(-5, price + 1))
    assert elsewhere.kind is Kind.TRANSFER_IN


def test_a_mirrored_price_that_is_no_rent_needs_no_proof() -> None:
    bought = entry({"W": -SOL - FEE}, ("W.C", "W", "COIN", 5), *pool(-5, SOL))
    assert (bought.kind, bought.is_mirrored) == (Kind.BUY, False)


# --- small SOL beside a stable ---


def beside(lamports: int, *tokens: tuple[str, str, str, int], wsol: int = 0) -> tuple[int, int]:
    """Tips and trade SOL when so much SOL goes to a service beside these changes."""
    more = (("service.S", "service", WSOL, wsol),) if wsol else ()
    service = {} if wsol else {"service": lamports}
    got = entry({"W": -FEE - lamports, **service}, *tokens, *more)
    return got.tips, got.trade_sol


BOUGHT = (("W.C", "W", "COIN", 5), ("W.U", "W", USDC, -3_000_000), *pool(-5, 3_000_000, USDC))
SOLD = (("W.C", "W", "COIN", -5), ("W.U", "W", USDC, 3_000_000), *pool(5, -3_000_000, USDC))
SENT = (("W.U", "W", USDC, -3_000_000), ("F.U", "F", USDC, 3_000_000))
RECEIVED = (("W.U", "W", USDC, 3_000_000), ("F.U", "F", USDC, -3_000_000))


@pytest.mark.parametrize("tokens", [BOUGHT, SOLD, SENT])
def test_small_sol_beside_a_stable_is_a_cost(tokens: tuple[tuple[str, str, str, int], ...]) -> None:
    assert beside(1_000_000, *tokens) == (1_000_000, 0)
    assert beside(10_000, *tokens) == (10_000, 0)
    assert beside(9_999, *tokens) == (0, -9_999), "below dust it is no leg"
    assert beside(1_000_001, *tokens) == (0, -1_000_001)
    assert beside(700_000, *tokens, wsol=700_000) == (0, -700_000), "a pool's gain mirrors it"
    assert beside(700_000, *tokens, wsol=699_999) == (700_000 - 0, 0)


def test_small_sol_for_a_stable_that_only_comes_in_may_be_an_exchange() -> None:
    assert beside(1_000_000, *RECEIVED) == (0, -1_000_000)
    assert entry({"W": -FEE - 1_000_000, "x": 1_000_000}, *RECEIVED).kind is Kind.QUOTE_SWAP


def test_small_sol_without_a_stable_is_a_price() -> None:
    assert beside(1_000_000, ("W.C", "W", "COIN", 5), *pool(-5, 0)[:1]) == (0, -1_000_000)


def test_small_sol_joins_tips_whoever_pays_the_fee() -> None:
    bought = entry({"R": -FEE, "W": -50_000, "service": 50_000}, *BOUGHT, payer="R")
    assert (bought.network_fee, bought.tips, bought.trade_sol, bought.kind) == (
        0,
        50_000,
        0,
        Kind.BUY,
    )
