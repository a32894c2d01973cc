"""Exchanges whose proceeds are not the price: sent elsewhere, borrowed against, staked, or back where they began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import legs, service_beside, settle
from streamproc.sandbox.actions.trades import capped, pay_wsol, stable_pool_of, take_wsol
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import FIRST_TIME, ImpossibleError
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin

LENT_SHARE: Final = (0.25, 0.42)  # of what a deposit is worth is lent against it
STAKE_YIELD: Final = 0.0006  # a day
YEAR_START_RATE: Final = 1.14  # SOL for one staked SOL when the world begins
DAY_S: Final = 86_400


def sell_elsewhere(
    scene: Scene, trader: str, coin: Coin, units: int, *, kept_share: float, fee: int
) -> Transaction:
    """Sell for a stable that goes to a bridge or a merchant, but for a share that stays; `fee` is the service's SOL.

    The price is all that the pool paid, and the service's fee a part of it, unless it is a small one beside a stable.
    """

    def act(draft: Draft) -> None:
        pool = stable_pool_of(coin)
        worth = max(1, int(units * coin.price(scene.now)))
        paid = max(1_000_000, scene.market.stable_for(worth, scene.now))
        kept = int(paid * kept_share)
        draft.transfer(draft.open(trader, coin.mint, funder=trader), pool.token_vault, units)
        bridge = draft.open(scene.bridge, pool.quote, funder=trader)
        draft.transfer(pool.quote_vault, bridge, paid - kept)
        deltas = {coin.mint: -units}
        if kept:
            own = draft.open(trader, pool.quote, funder=trader)
            draft.transfer(pool.quote_vault, own, kept)
            deltas[pool.quote] = kept
        if fee:
            draft.pay(trader, scene.platform, fee)
        service = service_beside(-fee, {pool.quote: kept})
        sol = service - fee
        quotes = {pool.quote: paid, **legs(sol, {})}
        trade = MeantTrade(coin.mint, "sell", units, quotes, "split")
        meant = Intent("sell", deltas, sol, trades=(trade,), service=service)
        settle(scene, draft, trader, meant)

    return scene.play(trader, labels.BRIDGE, act)


def sell_elsewhere_for_sol(scene: Scene, trader: str, coin: Coin, units: int) -> Transaction:
    """Sell for wrapped SOL that a merchant gets, all of it."""

    def act(draft: Draft) -> None:
        paid = max(100_000, int(units * coin.price(scene.now)))
        own = draft.open(trader, coin.mint, funder=trader)
        draft.transfer(own, coin.pool.token_vault, units)
        merchant = draft.open(scene.bridge, known.WSOL, funder=trader)
        draft.transfer(coin.pool.quote_vault, merchant, paid)
        trade = MeantTrade(coin.mint, "sell", units, {known.WSOL: paid}, "split")
        settle(scene, draft, trader, Intent("sell", {coin.mint: -units}, trades=(trade,)))

    return scene.play(trader, labels.BRIDGE, act)


def bridge_sol(
    scene: Scene, trader: str, stable: str, lamports: int, *, kept_units: int
) -> Transaction:
    """Swap SOL for a stable that goes over a bridge but for a remainder: an exchange by its shape, and no rate."""

    def act(draft: Draft) -> None:
        pool = scene.market.quote_pools[stable]
        bought = scene.market.stable_for(lamports, scene.now)
        if bought < 2 * kept_units:
            raise ImpossibleError("nothing left for the bridge")
        pay_wsol(scene, draft, trader, pool.quote_vault, lamports)
        gone = bought - kept_units
        draft.transfer(pool.token_vault, draft.open(trader, stable, funder=trader), kept_units)
        bridge = draft.open(scene.bridge, stable, funder=trader)
        draft.transfer(pool.token_vault, bridge, gone)
        meant = Intent("quote_swap", {stable: kept_units}, -lamports, bridged=bought)
        settle(scene, draft, trader, meant)

    return scene.play(trader, labels.BRIDGE, act)


def borrow(scene: Scene, trader: str, stable: str, lamports: int) -> Transaction:
    """Deposit SOL and borrow a stable against it in one transaction: it looks like a swap at half the price."""

    def act(draft: Draft) -> None:
        worth = scene.market.stable_for(lamports, scene.now)
        lent = int(worth * scene.rng.uniform(*LENT_SHARE))
        sol_vault, stable_vault = scene.lending_vaults(stable)
        pay_wsol(scene, draft, trader, sol_vault, lamports)
        draft.transfer(stable_vault, draft.open(trader, stable, funder=trader), lent)
        settle(scene, draft, trader, Intent("quote_swap", {stable: lent}, -lamports))

    return scene.play(trader, labels.LENDING, act)


def deposit_with_leverage(scene: Scene, trader: str, coin: Coin, lamports: int) -> Transaction:
    """Deposit SOL with a lender who buys a coin with twice as much on top: much stays there, so it is no round trip."""

    def act(draft: Draft) -> None:
        sol_vault = scene.chain.associated_account(scene.lender, known.WSOL)
        units = coin.units_for(3 * lamports, scene.now)
        units = capped(scene.chain, coin.pool.token_vault, units)
        pay_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)
        draft.transfer(sol_vault, coin.pool.quote_vault, 2 * lamports)
        kept = draft.open(scene.lender, coin.mint, funder=trader)
        draft.transfer(coin.pool.token_vault, kept, units)
        settle(scene, draft, trader, Intent("transfer_out", sol=-lamports))

    return scene.play(trader, labels.LENDING, act)


def round_trip(scene: Scene, trader: str, coin: Coin, lamports: int, gain: int) -> Transaction:
    """Send SOL through a coin and a stable back into SOL; `gain` is what is left, below zero a loss."""

    def act(draft: Draft) -> None:
        stable_pool = stable_pool_of(coin)
        stable = stable_pool.quote
        last = scene.market.quote_pools[stable]
        units = capped(scene.chain, coin.pool.token_vault, coin.units_for(lamports, scene.now))
        amount = scene.market.stable_for(lamports, scene.now)
        pay_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)
        draft.transfer(coin.pool.token_vault, stable_pool.token_vault, units)
        draft.transfer(stable_pool.quote_vault, last.token_vault, amount)
        take_wsol(scene, draft, trader, last.quote_vault, lamports + gain)
        settle(scene, draft, trader, Intent("round_trip", sol=gain))

    return scene.play(trader, labels.ARBITRAGE, act)


def round_trip_of_stable(
    scene: Scene, trader: str, coin: Coin, units: int, gain: int, *, fee: int
) -> Transaction:
    """Send a stable through a coin and SOL back into the stable; the service's small `fee` in SOL is a cost."""

    def act(draft: Draft) -> None:
        pool = stable_pool_of(coin)
        last = scene.market.quote_pools[pool.quote]
        own = scene.chain.associated_account(trader, pool.quote)
        lamports = scene.market.lamports_for(units, scene.now)
        bought = capped(scene.chain, pool.token_vault, coin.units_for(lamports, scene.now))
        draft.transfer(own, pool.quote_vault, units)
        draft.transfer(pool.token_vault, coin.pool.token_vault, bought)
        draft.transfer(coin.pool.quote_vault, last.quote_vault, lamports)
        draft.transfer(last.token_vault, own, units + gain)
        if fee:
            draft.pay(trader, scene.platform, fee)
        meant = Intent("round_trip", {pool.quote: gain}, service=fee)
        settle(scene, draft, trader, meant)

    return scene.play(trader, labels.ARBITRAGE, act)


def staked_price(scene: Scene) -> float:
    """Return lamports for one base unit of the staked token: it rises a little every day."""
    return YEAR_START_RATE + STAKE_YIELD * (scene.now - FIRST_TIME) / DAY_S


def stake_liquid(scene: Scene, owner: str, lamports: int) -> Transaction:
    """Put SOL into a stake pool's reserve and get its newly minted token: a buy."""

    def act(draft: Draft) -> None:
        units = max(1, int(lamports / staked_price(scene)))
        draft.pay(owner, scene.reserve, lamports)
        draft.mint_to(draft.open(owner, known.JITOSOL, funder=owner), units)
        draft.mention(known.JITOSOL)
        trade = MeantTrade(known.JITOSOL, "buy", units, {known.WSOL: -lamports})
        meant = Intent("buy", {known.JITOSOL: units}, -lamports, trades=(trade,))
        settle(scene, draft, owner, meant)

    return scene.play(owner, labels.STAKE_POOL, act)


def redeem_staked(scene: Scene, owner: str, units: int, *, fee_share: int) -> Transaction:
    """Burn the staked token; the reserve pays SOL, a part of it to the platform: a sale."""

    def act(draft: Draft) -> None:
        lamports = int(units * staked_price(scene)) | 1
        fee = lamports // fee_share
        if lamports <= rents.LARGEST:
            raise ImpossibleError("as little as a rent, and read as one")
        own = scene.chain.associated_account(owner, known.JITOSOL)
        draft.burn(own, units)
        if not scene.chain.amount(owner, known.JITOSOL):
            draft.close(own, to=owner)
        draft.mention(known.JITOSOL)
        draft.pay(scene.reserve, owner, lamports, listed=False)
        if fee:
            draft.pay(scene.reserve, scene.platform, fee, listed=False)
        trade = MeantTrade(known.JITOSOL, "sell", units, {known.WSOL: lamports})
        meant = Intent("sell", {known.JITOSOL: -units}, lamports, trades=(trade,))
        settle(scene, draft, owner, meant)

    return scene.play(owner, labels.STAKE_POOL, act)
