"""The fourteen small cases, worked by hand, and their nearest neighbours; every constant stands here by itself.

Twelve are of the ledger and the figures; those of pages (12, 13) are read here as far as the parser goes, and a request
with NaN (14) is the requests agent's (tests/agents).
"""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from streamproc.core.ledger.entries import Entry, Page, RpcError
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.wire.raw import raw_page
from tests.core.tables import (
    AFTER_SEPTEMBER,
    HOUR,
    SOL,
    Read,
    Table,
    analyzed,
    enhanced_entries,
    raw_entries,
    row,
)

START = 1_790_000_000
RATES = (6_960, 6_333, 5_080)  # lamports a byte, all that ever held


FORMS = pytest.mark.parametrize("read", [raw_entries, enhanced_entries])


def holding_sol(owner: str, before: int, gain: int) -> str:
    """The line of somebody's WSOL account: its lamports are its WSOL and what it keeps."""
    kept, after = 2_039_280, before + gain
    tokens = f"{before} WSOL of {owner} | {after} WSOL of {owner}"
    return f"{owner}'s WSOL | {before + kept} | {after + kept} | {tokens}"


def bought(units: int, lamports: int, at: int = 0, mint: str = "COIN") -> Table:
    """W buys from a pool."""
    return Table(
        f"""
        W | 90 000 000 000 | {90 * SOL - lamports - 5_000}
        {holding_sol("pool", 50 * SOL, lamports)}
        pool's {mint} | 2 039 280 | 2 039 280 | 9000 {mint} of pool | {9000 - units} {mint} of pool
        w {mint} | 2 039 280 | 2 039 280 | 0 {mint} of W | {units} {mint} of W
        """,
        at=at,
    )


def sold(
    units: int, lamports: int, at: int, *more: str, mint: str = "COIN", beside: int = 0
) -> Table:
    """W sells to a pool, and gets `beside` out of the accounts in the further lines."""
    lines = "\n".join(more)
    return Table(
        f"""
        W | 1 000 000 000 | {SOL + lamports - 5_000 + beside}
        {holding_sol("pool", 50 * SOL, -lamports)}
        pool's {mint} | 2 039 280 | 2 039 280 | 900 {mint} of pool | {900 + units} {mint} of pool
        w {mint} | 2 039 280 | 2 039 280 | {units} {mint} of W | 0 {mint} of W
        {lines}
        """,
        at=at,
    )


def kinds(entries: list[Entry]) -> list[str]:
    """The kinds, as words."""
    return [str(entry.kind) for entry in entries]


# --- 1. what one new account keeps is no price, at any rate ---


def claim(record: int, *, slot: int | None = None, at: int = 0) -> Table:
    """W claims 250 COIN and pays for one account's record."""
    return Table(
        f"""
        W | 3 000 000 000 | {3 * SOL - record - 5_000}
        record | - | {record}
        drop's account | 2 039 280 | 2 039 280 | 500 COIN of drop | 250 COIN of drop
        w COIN | 2 039 280 | 2 039 280 | 0 COIN of W | 250 COIN of W
        """,
        slot=slot,
        at=at,
    )


@FORMS
def test_01_what_one_new_account_keeps_is_no_price(read: Read) -> None:
    entries = read(claim(1_137_920), sold(250, SOL, 1))
    assert kinds(entries) == ["transfer_in", "sell"]
    pnl = analyzed(entries).pnl
    assert (pnl["trades"], pnl["unknown_basis_proceeds_lamports"]) == (1, SOL)
    assert (pnl["realized_lamports"], pnl["winning_positions"]) == (-5_000, 0)


@FORMS
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("data", [0, 1, 96, 165, 679, 1_000])
@pytest.mark.parametrize("slot", [1, AFTER_SEPTEMBER - 1, AFTER_SEPTEMBER + 5])
def test_01_at_any_rate_in_any_slot(read: Read, rate: int, data: int, slot: int) -> None:
    """Accounts keep what they were opened with, so every rate is possible at once."""
    lamports = (128 + data) * rate
    assert kinds(read(claim(lamports, slot=slot))) == ["transfer_in"]
    assert kinds(read(claim(lamports + 1, slot=slot))) == ["buy"]


@FORMS
def test_01_above_ten_million_lamports_it_is_a_price(read: Read) -> None:
    assert kinds(read(claim(10_000_080 // 6_960 * 6_960))) == ["transfer_in"]  # 9 994 560
    assert kinds(read(claim(1_437 * 6_960))) == ["buy"]  # 10 001 520
    assert kinds(read(claim(127 * 6_333))) == ["buy"]  # no account has fewer than no bytes


@FORMS
@pytest.mark.parametrize(
    "kept", [1_488_440, 2_039_280, 293 * 6_333, 298 * 5_080, 303 * 5_080, 310 * 6_960]
)
def test_01_accounts_that_are_closed_on_the_way_add_nothing_to_a_sale(
    read: Read, kept: int
) -> None:
    """165, 170, 175 and 182 bytes, at all rates."""
    closed = [f"empty {n} | {kept} | - | 0 OLD{n} of W | -" for n in range(3)]
    (entry,) = read(sold(250, SOL, 1, *closed, beside=3 * kept))
    assert (entry.trade_sol, entry.rent) == (SOL, -3 * kept)


# --- 2. a price may look like a rent ---


@FORMS
def test_02_a_price_may_look_like_a_rent(read: Read) -> None:
    (entry,) = read(bought(100, 8_700_000))
    assert (str(entry.kind), entry.trade_sol) == ("buy", -8_700_000)
    pnl = analyzed([entry])
    assert row(pnl, "COIN")["spent_lamports"] == 8_700_000
    assert row(pnl, "COIN")["open_cost_lamports"] == 8_700_000


@FORMS
def test_02_without_its_mirror_image_it_is_a_claim(read: Read) -> None:
    (entry,) = read(claim(8_700_000))
    assert str(entry.kind) == "transfer_in"
    assert analyzed([entry]).pnl["trades"] == 0


# --- 3. a relayer pays the fee, the trader its own account ---

RELAYED = """
    R | 9 000 000 | {relayer}
    W | 5 000 000 000 | {trader}
    w COIN | - | 2 039 280 | - | 100 COIN of W
    pool's WSOL | 9 002 039 280 | 10 002 039 280 | 9 000 000 000 WSOL of pool | 10 000 000 000 WSOL of pool
    pool's COIN | 2 039 280 | 2 039 280 | 900 COIN of pool | 800 COIN of pool
"""


@FORMS
@pytest.mark.parametrize(
    ("relayer", "trader", "rent"),
    [(8_995_000, 3_997_960_720, 0), (9_000_000 - 2_044_280, 4_000_000_000, -2_039_280)],
)
def test_03_whoever_fell_by_the_accounts_lamports_paid_for_it(
    read: Read, relayer: int, trader: int, rent: int
) -> None:
    (entry,) = read(Table(RELAYED.format(relayer=relayer, trader=trader)))
    assert (str(entry.kind), entry.network_fee, entry.rent) == ("buy", 0, rent)
    assert entry.trade_sol == -SOL
    assert row(analyzed([entry]), "COIN")["spent_lamports"] == SOL


BUNDLE = """
    W | 5 000 000 000 | 3 997 955 720
    V | 5 000 000 000 | 4 497 960 720
    U | 5 000 000 000 | 4 747 960 720
    w COIN | - | 2 039 280 | - | 100 COIN of W
    v COIN | - | 2 039 280 | - | 50 COIN of V
    u COIN | - | 2 039 280 | - | 25 COIN of U
    pool's WSOL | 9 002 039 280 | 10 752 039 280 | 9 000 000 000 WSOL of pool | 10 750 000 000 WSOL of pool
    pool's COIN | 2 039 280 | 2 039 280 | 900 COIN of pool | 725 COIN of pool
"""


@FORMS
@pytest.mark.parametrize(("wallet", "cost"), [("W", SOL), ("V", SOL // 2), ("U", SOL // 4)])
def test_03_in_a_bundle_each_signer_pays_for_its_own_account(
    read: Read, wallet: str, cost: int
) -> None:
    (entry,) = read(Table(BUNDLE), wallet=wallet)
    assert (str(entry.kind), entry.trade_sol, entry.rent) == ("buy", -cost, 0)
    assert entry.network_fee == (5_000 if wallet == "W" else 0)


@FORMS
def test_03_a_fee_payer_who_lost_all_the_others_rent_gave_it(read: Read) -> None:
    """The fee payer bought nothing and lost fee and three rents: none of the buyers paid for its account."""
    table = Table(
        """
        R | 90 000 000 | 83 877 160
        W | 5 000 000 000 | 4 000 000 000
        V | 5 000 000 000 | 4 500 000 000
        w COIN | - | 2 039 280 | - | 100 COIN of W
        v COIN | - | 2 039 280 | - | 50 COIN of V
        x COIN | - | 2 039 280 | - | 5 COIN of X
        pool's WSOL | 9 002 039 280 | 10 502 039 280 | 9 000 000 000 WSOL of pool | 10 500 000 000 WSOL of pool
        pool's COIN | 2 039 280 | 2 039 280 | 900 COIN of pool | 745 COIN of pool
        """
    )
    for wallet, cost in (("W", SOL), ("V", SOL // 2)):
        (entry,) = read(table, wallet=wallet)
        assert (entry.trade_sol, entry.rent) == (-cost, -2_039_280)


# --- 4. what W takes out of its own account is no proceeds ---


def test_04_what_is_taken_out_of_ones_own_account_is_no_proceeds() -> None:
    freed = "W's USDC | 2 039 280 | 1 488 440 | 7 USDC of W | 7 USDC of W"
    table = sold(100, SOL, 0, freed, beside=550_840)
    (entry,) = raw_entries(table)
    assert (str(entry.kind), entry.trade_sol, entry.rent) == ("sell", SOL, -550_840)
    assert not entry.estimated
    assert row(analyzed([entry]), "COIN")["received_lamports"] == SOL
    (entry,) = enhanced_entries(table)  # that list does not name the owner of what did not change
    assert entry.estimated


@pytest.mark.parametrize("change", [3, 550_840, 2_039_280, 777_777_777, -550_840, -3])
def test_04_of_whatever_size(change: int) -> None:
    """Also when it is topped up."""
    account = f"W's USDC | 900 000 000 | {900_000_000 - change} | 7 USDC of W | 7 USDC of W"
    (entry,) = raw_entries(sold(100, SOL, 0, account, beside=change))
    assert (entry.trade_sol, entry.rent) == (SOL, -change)


# --- 5. a token account changes hands ---

HANDED_OVER = """
    W | 10 000 000 | 9 995 000
    a | 2 039 280 | 2 039 280 | 100 COIN of W | 100 COIN of thief
"""


def test_05_an_account_that_changes_hands_takes_its_units_along() -> None:
    entries = raw_entries(bought(100, SOL), Table(HANDED_OVER, at=1))
    assert entries[1].deltas == (("COIN", -100),)
    assert (str(entries[1].kind), entries[1].rent, entries[1].trade_sol) == ("transfer_out", 0, 0)
    found = row(analyzed(entries), "COIN")
    assert (found["open_amount"], found["sent"]) == ("0", "100")
    assert found["realized_lamports"] == -5_000


def test_05_the_other_side_receives_it() -> None:
    (entry,) = raw_entries(Table(HANDED_OVER), wallet="thief")
    assert (entry.deltas, str(entry.kind), entry.rent) == ((("COIN", 100),), "transfer_in", 0)


def test_05_of_wsol_it_is_as_many_lamports() -> None:
    table = Table(
        """
        W | 10 000 000 | 9 995 000
        a | 1 002 039 280 | 1 002 039 280 | 1 000 000 000 WSOL of W | 1 000 000 000 WSOL of friend
        """
    )
    for wallet, kind, lamports in (("W", "transfer_out", -SOL), ("friend", "transfer_in", SOL)):
        (entry,) = raw_entries(table, wallet=wallet)
        assert (str(entry.kind), entry.trade_sol) == (kind, lamports)


# --- 6. a position is no token that one buys ---

OPENED = """
    W | 9 000 000 000 | 6 995 561 480
    position's data | - | 2 394 240
    pool's WSOL | 7 002 039 280 | 9 002 039 280 | 7 000 000 000 WSOL of pool | 9 000 000 000 WSOL of pool
    n NFT | - | 2 039 280 | - | 1 NFT of W
"""
CLOSED = """
    W | 6 995 561 480 | 9 999 990 000
    position's data | 2 394 240 | -
    pool's WSOL | 9 002 039 280 | 6 002 039 280 | 9 000 000 000 WSOL of pool | 6 000 000 000 WSOL of pool
    n NFT | 2 039 280 | - | 1 NFT of W | -
"""


@FORMS
def test_06_a_position_is_no_token_that_one_buys(read: Read) -> None:
    entries = read(Table(OPENED), Table(CLOSED, at=1))
    assert kinds(entries) == ["liquidity", "liquidity"]
    found = analyzed(entries)
    pnl, behavior = found.pnl, found.behavior
    assert (pnl["trades"], pnl["closed_positions"], pnl["winning_positions"]) == (0, 0, 0)
    assert (pnl["realized_lamports"], pnl["tokens_traded"]) == (0, 0)
    assert (behavior["has_trades"], behavior["tokens"]) == (False, 0)
    assert not found.first_trades
    assert pnl["unread"]["liquidity"] == 2


@FORMS
def test_06_an_nft_minted_for_sol_that_is_paid_natively_stays_a_buy(read: Read) -> None:
    (entry,) = read(
        Table(
            """
            W | 9 000 000 000 | 6 997 955 720
            artist | 5 | 2 000 000 005
            n NFT | - | 2 039 280 | - | 1 NFT of W
            """
        )
    )
    assert (str(entry.kind), entry.trade_sol) == ("buy", -2 * SOL)


# --- 7. a reserve pays for what is destroyed ---

STAKED = """
    W | 20 000 000 000 | 9 999 995 000
    reserve | 70 000 000 000 | 80 000 000 000
    w LST | 2 039 280 | 2 039 280 | 0 LST of W | 9 000 000 LST of W
"""
REDEEMED = """
    W | 1 000 000 000 | 12 999 995 000
    reserve | 80 000 000 000 | 68 000 000 000
    w LST | 2 039 280 | 2 039 280 | 9 000 000 LST of W | 0 LST of W
"""


@FORMS
def test_07_a_reserve_pays_for_what_is_destroyed(read: Read) -> None:
    entries = read(Table(STAKED), Table(REDEEMED, at=1))
    assert kinds(entries) == ["buy", "sell"]
    found = row(analyzed(entries), "LST")
    assert (found["spent_lamports"], found["received_lamports"]) == (10 * SOL, 12 * SOL)
    assert found["realized_lamports"] == 2 * SOL - 10_000


@FORMS
def test_07_an_nft_burnt_for_the_rent_of_its_metadata_stays_a_burn(read: Read) -> None:
    (entry,) = read(
        Table(
            """
            W | 1 000 000 000 | 1 007 651 000
            metadata | 5 616 720 | -
            n NFT | 2 039 280 | - | 1 NFT of W | -
            """
        )
    )
    assert str(entry.kind) == "burn"
    assert analyzed([entry]).pnl["trades"] == 0


# --- 8. and 9. a limit order, filled and cancelled ---

PLACED = """
    W | 2 000 000 000 | 1 994 872 440
    order | - | 3 083 280
    escrow | - | 2 039 280 | - | 100 COIN of order
    w COIN | 2 039 280 | 2 039 280 | 100 COIN of W | 0 COIN of W
"""
FILLED = """
    K | 9 000 000 | 8 995 000
    W | 1 994 872 440 | 4 999 995 000
    order | 3 083 280 | -
    escrow | 2 039 280 | - | 100 COIN of order | -
    pool's WSOL | 9 002 039 280 | 6 002 039 280 | 9 000 000 000 WSOL of pool | 6 000 000 000 WSOL of pool
    pool's COIN | 2 039 280 | 2 039 280 | 0 COIN of pool | 100 COIN of pool
"""
CANCELLED = """
    W | 1 994 872 440 | 1 999 990 000
    order | 3 083 280 | -
    escrow | 2 039 280 | - | 100 COIN of order | -
    w COIN | 2 039 280 | 2 039 280 | 0 COIN of W | 100 COIN of W
"""


@FORMS
def test_08_a_limit_order_that_is_filled_is_one_sale(read: Read) -> None:
    placed = read(bought(100, SOL), Table(PLACED, at=1))
    found = analyzed(placed)
    token = row(found, "COIN")
    assert (token["open_amount"], token["open_cost_lamports"], token["sent"]) == ("100", SOL, "0")
    assert (found.pnl["trades"], found.pnl["wallet_costs_lamports"]) == (1, 5_000)
    filled = analyzed(read(bought(100, SOL), Table(PLACED, at=1), Table(FILLED, at=2)))
    token = row(filled, "COIN")
    assert (token["received_lamports"], token["sold"], token["sent"]) == (3 * SOL, "100", "0")
    assert (token["realized_lamports"], token["open_amount"]) == (2 * SOL - 5_000, "0")
    assert (filled.pnl["sells"], filled.pnl["winning_positions"]) == (1, 1)
    assert filled.pnl["wallet_costs_lamports"] == 5_000


@FORMS
def test_08_a_friends_address_is_not_opened_in_it_and_sending_stays_a_transfer(
    read: Read,
) -> None:
    sent = """
        W | 2 000 000 000 | 1 997 955 720
        friend | 50 000 000 | 50 000 000
        friend's | - | 2 039 280 | - | 100 COIN of friend
        w COIN | 2 039 280 | 2 039 280 | 100 COIN of W | 0 COIN of W
    """
    entries = read(bought(100, SOL), Table(sent, at=1))
    assert kinds(entries)[1] == "transfer_out"
    token = row(analyzed(entries), "COIN")
    assert (token["open_amount"], token["sent"]) == ("0", "100")


@FORMS
def test_09_the_same_order_cancelled_is_nothing_but_a_cost(read: Read) -> None:
    life = [bought(100, SOL), Table(PLACED, at=1), Table(CANCELLED, at=2)]
    found = analyzed(read(*life))
    token = row(found, "COIN")
    assert (found.pnl["trades"], found.pnl["wallet_costs_lamports"]) == (1, 10_000)
    assert (token["open_amount"], token["open_cost_lamports"]) == ("100", SOL)
    assert (token["received"], token["sent"]) == ("0", "0")
    found = analyzed(read(*life, sold(100, 3 * SOL, 3)))
    assert found.pnl["realized_lamports"] == 2 * SOL - 10_000
    assert found.pnl["unknown_basis_proceeds_lamports"] == 0


# --- 10. a deposit and a loan are no rate ---


def exchanged(lamports: int, cents: int, at: int) -> Table:
    """W gives SOL and gets USDC, from and to accounts of others."""
    units = cents * 10_000
    return Table(
        f"""
        W | 90 000 000 000 | {90 * SOL - lamports - 5_000}
        {holding_sol("vault", 50 * SOL, lamports)}
        vault's USDC | 2 039 280 | 2 039 280 | 90 000 000 000 USDC of vault | {90_000_000_000 - units} USDC of vault
        w USDC | 2 039 280 | 2 039 280 | 0 USDC of W | {units} USDC of W
        """,
        at=at,
    )


def bought_for_usdc(at: int, cents: int = 300_00) -> Table:
    """60 COIN."""
    units = cents * 10_000
    return Table(
        f"""
        W | 1 000 000 000 | 999 995 000
        w USDC | 2 039 280 | 2 039 280 | 900 000 000 USDC of W | {900_000_000 - units} USDC of W
        w COIN | 2 039 280 | 2 039 280 | 0 COIN of W | 60 COIN of W
        pool's USDC | 2 039 280 | 2 039 280 | 0 USDC of pool | {units} USDC of pool
        pool's COIN | 2 039 280 | 2 039 280 | 900 COIN of pool | 840 COIN of pool
        """,
        at=at,
    )


LOAN = exchanged(10 * SOL, 700_00, 100)
HISTORY = SolPrices(history=((START, Fraction(150)), (START + 100 * HOUR, Fraction(150))))


@FORMS
def test_10_a_deposit_and_a_loan_are_no_rate(read: Read) -> None:
    entries = read(LOAN, bought_for_usdc(101))
    assert kinds(entries) == ["quote_swap", "buy"]
    found = analyzed(entries, prices=HISTORY)
    assert row(found, "COIN")["spent_lamports"] == 2 * SOL
    assert found.pnl["rate_sources"] == {"own_swaps": 0, "history": 1, "current": 0, "missing": 0}


@FORMS
@pytest.mark.parametrize(("others", "source"), [(3, "missing"), (2, "own_swaps")])
def test_10_without_a_history_three_others_reject_it(read: Read, others: int, source: str) -> None:
    """All near 150, some days away: too far to price COIN, near enough to judge by."""
    swaps = [exchanged(SOL, 150_00 + 100 * n, 10 + n) for n in range(others)]
    found = analyzed(read(*swaps, LOAN, bought_for_usdc(101)))
    assert {**found.pnl["rate_sources"]}[source] == 1


# --- 11. a result that nobody knows ---


def swapped(gives: str, gets: str, at: int) -> Table:
    """W swaps one token for another with one pool."""
    (n, out), (m, into) = gives.split(), gets.split()
    return Table(
        f"""
        W | 1 000 000 000 | 999 995 000
        w {out} | 2 039 280 | 2 039 280 | {n} {out} of W | 0 {out} of W
        w {into} | 2 039 280 | 2 039 280 | 0 {into} of W | {m} {into} of W
        pool's {out} | 2 039 280 | 2 039 280 | 0 {out} of pool | {n} {out} of pool
        pool's {into} | 2 039 280 | 2 039 280 | 9000 {into} of pool | {9000 - int(m)} {into} of pool
        """,
        at=at,
    )


@FORMS
def test_11_a_result_that_nobody_knows_is_neither_won_nor_lost(read: Read) -> None:
    pnl = analyzed(read(swapped("100 EURX", "60 COIN", 0), swapped("60 COIN", "200 EURX", 1))).pnl
    assert (pnl["closed_positions"], pnl["closed_unknown"]) == (1, 1)
    assert (pnl["winning_positions"], pnl["losing_positions"]) == (0, 0)
    assert (pnl["win_rate"], pnl["median_closed_lamports"]) == (None, None)


# --- 12. and 13. pages ---


def test_12_a_transaction_of_version_1_is_read_like_any_other() -> None:
    """It has no lookup tables, and a configuration in its message."""
    item = bought(100, SOL).raw()
    item["version"] = 1
    item["transaction"]["message"]["transactionConfig"] = {"computeUnitLimit": 200_000}
    item["meta"].pop("loadedAddresses", None)
    page = raw_page(_body(item), "W")
    assert isinstance(page, Page)
    assert [(str(each.kind), each.trade_sol) for each in page.entries] == [("buy", -SOL)]
    refused = {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -32015, "message": "Transaction version (1) is not supported"},
    }
    answer = raw_page(json.dumps(refused).encode(), "W")
    assert isinstance(answer, RpcError)
    assert answer.code == -32015


def test_13_one_transaction_without_meta_costs_itself_and_not_its_page() -> None:
    items = [bought(100, SOL, at).raw() for at in range(5)]
    items[2]["meta"] = None
    page = raw_page(_body(*items), "W")
    assert isinstance(page, Page)
    assert [each.signature for each in page.entries] == [
        item["transaction"]["signatures"][0] for n, item in enumerate(items) if n != 2
    ]


def test_13_a_token_balance_whose_owner_is_null_costs_its_transaction_alone() -> None:
    items = [bought(100, SOL, at).raw() for at in range(5)]
    items[2]["meta"]["postTokenBalances"][0]["owner"] = None
    page = raw_page(_body(*items), "W")
    assert isinstance(page, Page)
    assert [each.slot - AFTER_SEPTEMBER for each in page.entries] == [0, 1, 3, 4]


def _body(*items: object) -> bytes:
    """An answer with these transactions."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"data": items}}).encode()
