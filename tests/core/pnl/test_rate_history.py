"""A price history counts from exactly the second of a price, and not before."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamproc import limits
from streamproc.core.chain.solana import USDC
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.pnl.wallet_pnl import wallet_pnl

DOLLAR = 10**6  # base units
HISTORY = ((1_000, Fraction(100)), (2_000, Fraction(200)))
LAST_AT = 2_000 + limits.HISTORY_RATE_REACH_S


def bought_at(time: int) -> Entry:
    """A token bought for 400 dollars."""
    return Entry(
        signature="s",
        slot=1,
        index=0,
        time=time,
        failed=False,
        estimated=False,
        fee_payer="W",
        network_fee=0,
        sol_delta=0,
        tips=0,
        rent=0,
        kind=Kind.BUY,
        deltas=tuple(sorted([("T", 5), (USDC, -400 * DOLLAR)])),
        routed_quote=None,
        counterparty=None,
    )


@pytest.mark.parametrize(
    ("time", "lamports", "source"),
    [
        (999, 1_000_000_000, "current"),  # 400 dollars a SOL, today's price
        (1_000, 4_000_000_000, "history"),
        (1_999, 4_000_000_000, "history"),
        (2_000, 2_000_000_000, "history"),
        (LAST_AT, 2_000_000_000, "history"),
        (LAST_AT + 1, 1_000_000_000, "current"),
    ],
)
def test_a_price_holds_from_its_own_second_on(time: int, lamports: int, source: str) -> None:
    prices = SolPrices(history=HISTORY, current=Fraction(400))
    pnl = wallet_pnl([bought_at(time)], "W", decimals={"T": 6}, prices=prices)
    assert pnl.tokens[0].spent_lamports == lamports
    assert {name for name, trades in pnl.rate_sources.items() if trades} == {source}
