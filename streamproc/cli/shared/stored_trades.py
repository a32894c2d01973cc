"""The trades behind a stored result, read from the histories that it was made from."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from streamproc.agents.results.analyst import SOL_PRICE, history_of, scope_of
from streamproc.agents.results.price_history import price_history_of
from streamproc.cli.views.output import remark
from streamproc.core.pnl.rates import SolPrices
from streamproc.core.result.wallet_analysis import trades_within
from streamproc.events import Options
from streamproc.export.trades import trades_table
from streamproc.report.wording import short
from streamproc.store import open_store

if TYPE_CHECKING:
    from streamproc.core.pnl.window import PricedTrade
    from streamproc.core.result.wallet_analysis import Scope
    from streamproc.export.table import Table
    from streamproc.json_types import Json
    from streamproc.settings import Settings
    from streamproc.store import Store


async def trades_table_of(settings: Settings, result: Json) -> Table:
    """Every trade that the result counts, wallet by wallet.

    A history that has changed since is said on standard error: its trades are then not those of the result.
    """
    found: list[PricedTrade] = []
    request_id, past = result["request_id"], price_history_of(settings).points
    async with open_store(settings.postgres_dsn.get_secret_value(), pool_size=1) as store:
        stored = await store.request(request_id)
        options = Options() if stored is None else Options.model_validate(stored.options)
        today = await store.snapshot(request_id, SOL_PRICE)
        prices = SolPrices(past, None if today is None else Fraction(today.decode()))
        for wallet in result["wallets"]:
            if wallet["pnl"] is not None:
                found += await _trades_of(store, wallet, scope_of(options), prices)
    return trades_table(found)


async def _trades_of(
    store: Store, wallet: Json, scope: Scope, prices: SolPrices
) -> list[PricedTrade]:
    """One wallet's trades up to the last slot that the result knows."""
    last_slot = wallet["coverage"]["last_slot"]
    if last_slot is None:
        return []
    history, _ = await history_of(store, wallet["wallet"], last_slot)
    trades = trades_within(history, scope, prices)
    counted = wallet["pnl"]["trades"]
    if len(trades) != counted:
        changed = f"its stored history has changed: {len(trades)} trades, not {counted}"
        remark(f"streamproc: {short(wallet['wallet'])}: {changed}")
    return trades
