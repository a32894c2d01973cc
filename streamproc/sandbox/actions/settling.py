"""What a finished trade is stated to be: which amounts count as quotes, and who paid whose rent."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin

NO_STABLES: Final[Mapping[str, int]] = MappingProxyType({})
SERVICE_MAX: Final = (
    1_000_000  # lamports that somebody may take beside a stable without being a part of the price
)


def legs(sol: int, stables: Mapping[str, int], *, mirrored: bool = False) -> dict[str, int]:
    """Return the amounts that count as quotes: from dust upwards.

    SOL that goes out and is a rent is none, unless a wrapped-SOL account of somebody else's mirrors it.
    """
    found = {
        mint: units for mint, units in stables.items() if abs(units) >= known.STABLE_DUST_UNITS
    }
    if abs(sol) >= known.SOL_DUST_LAMPORTS and (mirrored or not rents.is_rent(-sol)):
        found[known.WSOL] = sol
    return found


def service_beside(sol: int, stables: Mapping[str, int]) -> int:
    """Return the lamports of a small SOL leg out that is a cost, because a stable is what was exchanged."""
    beside_stable = bool(legs(0, stables))
    return -sol if beside_stable and legs(sol, {}) and -SERVICE_MAX <= sol < 0 else 0


def settle(scene: Scene, draft: Draft, trader: str, meant: Intent) -> None:
    """State the trader's intent, with the rent between it and the fee payer, and the payer's own."""
    rent = sum(draft.rent_for.values())
    if trader != draft.payer:
        scene.intend(draft, draft.payer, Intent("other", rent=rent))
        rent = -draft.rent_for.get(trader, 0)
    scene.intend(draft, trader, replace(meant, rent=meant.rent + rent))


def settle_buy(
    scene: Scene,
    draft: Draft,
    trader: str,
    coin: Coin,
    units: int,
    *,
    sol: int,
    stables: Mapping[str, int] = NO_STABLES,
    mirrored: bool = False,
) -> None:
    """State a buy; one for less than dust, or natively for exactly one rent, reads as a transfer in."""
    deltas = {coin.mint: units, **stables}
    service = service_beside(sol, stables)
    sol += service
    quotes = legs(sol, stables, mirrored=mirrored)
    if not quotes:
        settle(scene, draft, trader, Intent("transfer_in", deltas, sol))
        return
    trade = MeantTrade(coin.mint, "buy", units, quotes)
    settle(scene, draft, trader, Intent("buy", deltas, sol, trades=(trade,), service=service))


def settle_sale(
    scene: Scene,
    draft: Draft,
    trader: str,
    coin: Coin,
    units: int,
    *,
    sol: int,
    stables: Mapping[str, int] = NO_STABLES,
    vault_paid: bool,
) -> None:
    """State a sale; wholly below dust it still is one when the trader pays the fee and gains, or a vault paid."""
    deltas = {coin.mint: -units, **stables}
    quotes = legs(sol, stables)
    if not quotes:
        if not vault_paid and not (trader == draft.payer and sol > 0):
            settle(scene, draft, trader, Intent("transfer_out", deltas, sol))
            return
        small = {mint: amount for mint, amount in {known.WSOL: sol, **stables}.items() if amount}
        quotes = small or {known.WSOL: 0}
    trade = MeantTrade(coin.mint, "sell", units, quotes)
    settle(scene, draft, trader, Intent("sell", deltas, sol, trades=(trade,)))
