"""Odd but valid transactions, each worked by hand from the page of rules; every constant stands here by itself."""

from __future__ import annotations

from typing import Final

import pytest

from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import canonical_order
from tests.core.tables import SOL, Read, Table, analyzed, enhanced_entries, raw_entries, row

FORMS: Final = pytest.mark.parametrize("read", [raw_entries, enhanced_entries])
BOUGHT: Final = Table(
    """
    W | 9 000 000 000 | 7 999 995 000
    W's COIN | 2 039 280 | 2 039 280 | 0 COIN of W | 100 COIN of W
    pool's WSOL | 9 002 039 280 | 10 002 039 280 | 9 000 000 000 WSOL of pool | 10 000 000 000 WSOL of pool
    pool's COIN | 2 039 280 | 2 039 280 | 900 COIN of pool | 800 COIN of pool
    """
)


@pytest.mark.parametrize("after", ["0 WSOL of W", "0 OTHER of W"])
def test_an_account_opened_anew_for_another_mint_counts_once(after: str) -> None:
    """W sends its 100 COIN away, closes their account and opens it again, empty, for another mint.

    2 039 280 lamports come back and 1 488 440 go in: W's lamports rise by 550 840 less the fee, the account's fall by
    550 840. Between W's own pockets that is 0: the 100 COIN are sent, and nothing is paid for them.
    """
    sent = Table(
        f"""
        W | 7 999 995 000 | 8 000 540 840
        W's COIN | 2 039 280 | 1 488 440 | 100 COIN of W | {after}
        friend's COIN | 2 039 280 | 2 039 280 | 0 COIN of friend | 100 COIN of friend
        """,
        at=1,
    )
    entries = raw_entries(BOUGHT, sent)
    last = entries[1]
    assert (str(last.kind), last.sol_delta, last.rent, last.trade_sol) == (
        "transfer_out",
        -5_000,
        0,
        0,
    )
    found = row(analyzed(entries), "COIN")
    assert (found["sent"], found["sold"], found["realized_lamports"]) == ("100", "0", -5_000)


@FORMS
@pytest.mark.parametrize("mint", ["WSOL", "USDC"])
def test_an_order_filled_for_less_than_dust_is_sold_with_its_whole_loss(
    read: Read, mint: str
) -> None:
    """100 COIN for 1 SOL are put into an order, and a keeper sells them for 9 999 of a quote, below dust.

    Of SOL: realized 9 999 - 1 000 000 000 - the purchase's 5 000; the placing's 5 000 are a cost of the wallet.
    """
    placed = Table(
        """
        W | 7 999 995 000 | 7 994 867 440
        order | - | 3 083 280
        escrow | - | 2 039 280 | - | 100 COIN of order
        W's COIN | 2 039 280 | 2 039 280 | 100 COIN of W | 0 COIN of W
        """,
        at=1,
    )
    entries = read(BOUGHT, placed, _filled_by_a_keeper(mint))
    kinds = [str(entry.kind) for entry in resolved(canonical_order(entries), "W")]
    assert kinds == ["buy", "order_placed", "order_filled"]
    pnl = analyzed(entries)
    found = row(pnl, "COIN")
    assert (found["sold"], found["open_amount"], found["is_closed"]) == ("100", "0", True)
    if mint == "WSOL":
        assert found["realized_lamports"] == 9_999 - SOL - 5_000
    assert pnl.pnl["wallet_costs_lamports"] == 5_000


def _filled_by_a_keeper(mint: str) -> Table:
    """A keeper pays for the transaction in which the order's 100 COIN become 9 999 of this quote."""
    own = f"W's quote | {SOL} | {SOL + 9_999} | 0 WSOL of W | 9 999 WSOL of W"
    paid = f"pool's quote | {SOL} | {SOL - 9_999} | 9 999 WSOL of pool | 0 WSOL of pool"
    if mint == "USDC":
        own = "W's quote | 7 | 7 | 0 USDC of W | 9 999 USDC of W"
        paid = "pool's quote | 7 | 7 | 9 999 USDC of pool | 0 USDC of pool"
    return Table(
        f"""
        K | 1 000 000 | 995 000
        order | 3 083 280 | 3 083 280
        escrow | 2 039 280 | 2 039 280 | 100 COIN of order | 0 COIN of order
        pool's COIN | 2 039 280 | 2 039 280 | 0 COIN of pool | 100 COIN of pool
        {own}
        {paid}
        """,
        at=2,
    )
