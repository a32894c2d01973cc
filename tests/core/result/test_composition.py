"""What is open is valued as the whole record would be, whichever of its rows are open and priced."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.chain.solana import WSOL
from streamproc.core.pnl.encoding import pnl_from_json, pnl_to_json
from streamproc.core.pnl.records import TokenPnl, WalletPnl
from streamproc.core.pnl.wallet_pnl import wallet_pnl, with_market_values
from streamproc.core.result.composition import valued_pnl

NOBODY = wallet_pnl([], "w", decimals={})
AMOUNTS = st.sampled_from([0, 0, 1, 7, 10**6, 10**20])
PRICES = {"m0": Fraction(3, 2), "m1": Fraction(0), "m2": Fraction(10) ** -9}


@st.composite
def pnls(draw: st.DrawFn) -> WalletPnl:
    """Figures with a few rows, of which any may be open."""
    rows = []
    for number in range(draw(st.integers(0, 5))):
        amount = draw(AMOUNTS)
        numbers = dict.fromkeys(TokenPnl.__dataclass_fields__, 1)
        plain = TokenPnl(**{**numbers, "mint": f"m{number}", "quotes": {}})  # type: ignore[arg-type]
        rows.append(
            replace(
                plain,
                decimals=draw(st.sampled_from([None, 0, 6])),
                open_amount=amount,
                open_basis_amount=draw(st.integers(0, amount)),
                open_cost_lamports=draw(st.integers(0, 10**12)) if amount else 0,
                unrealized_lamports=None,
            )
        )
    return replace(
        NOBODY, realized_lamports=draw(st.integers(-(10**12), 10**12)), tokens=tuple(rows)
    )


@given(pnls(), st.sampled_from([None, Fraction(150)]))
def test_a_record_is_valued_as_its_figures_are(pnl: WalletPnl, sol: Fraction | None) -> None:
    prices = PRICES if sol is None else {**PRICES, WSOL: sol}
    record = pnl_to_json(pnl)
    expected = pnl_to_json(with_market_values(pnl_from_json(record), prices, sol))
    found = valued_pnl(record, prices)
    assert found == expected
    assert list(found) == list(expected)
