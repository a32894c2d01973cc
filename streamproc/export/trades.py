"""The table of trades: a row for each token of a transaction that was bought, sold or swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from streamproc.export.table import Table, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamproc.core.pnl.window import PricedTrade

TRADE_COLUMNS: Final = columns_of(
    wallet="text",
    time="time",
    slot="integer",
    signature="text",
    mint="text",
    side="text",
    amount="amount",
    lamports="integer",  # the SOL view, paid below 0
    fees_lamports="integer",
    quotes="text",  # JSON: quote mint -> signed base units
    confidence="text",
)


def trades_table(trades: Iterable[PricedTrade]) -> Table:
    """The trades in the order given; what has no SOL view has no lamports."""
    return Table(TRADE_COLUMNS, map(_trade, trades))


def _trade(priced: PricedTrade) -> list[object]:
    trade, lamports = priced
    quotes = {mint: str(units) for mint, units in sorted(trade.quotes.items())}
    named = (trade.wallet, trade.time, trade.slot, trade.signature, trade.mint, trade.side.value)
    figures = (trade.amount, lamports, trade.fees)
    return [*named, *figures, orjson.dumps(quotes).decode(), trade.confidence.value]
