"""Trades of one token against SOL or a stable, on every kind of venue, each with what it means.

Every action takes (scene, trader, coin, how much) and a payer who may be somebody else (a relayed trade).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import settle_buy, settle_sale
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.market import TRADE_SHARE

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Chain, Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin, Pool

PLATFORM_FEE_SHARE: Final = 100  # one in a hundred of the price goes to the platform


def odd(lamports: int) -> int:
    """Return an odd amount near this one that is no rent by accident."""
    lamports = max(1, lamports) | 1
    while rents.is_rent(lamports):
        lamports += 2
    return lamports


def capped(chain: Chain, vault: str, units: int, share: float = TRADE_SHARE) -> int:
    """Return the units, or the share of a vault that one trade may take; ImpossibleError when that is nothing."""
    most = int(chain.token_accounts[vault].amount * share)
    if most < 1:
        raise ImpossibleError("the venue is sold out")
    return min(units, most)


def kept_wsol(scene: Scene, trader: str, lamports: int) -> str | None:
    """Return the trader's standing wrapped-SOL account when it holds at least this much."""
    account = scene.chain.associated_account(trader, known.WSOL)
    standing = scene.chain.token_accounts.get(account)
    return account if standing is not None and standing.amount >= lamports else None


def pay_wsol(scene: Scene, draft: Draft, trader: str, vault: str, lamports: int) -> None:
    """Pay wrapped SOL into a vault: from the standing account, else from one opened and closed on the way."""
    kept = kept_wsol(scene, trader, lamports)
    if kept is not None:
        draft.transfer(kept, vault, lamports)
        return
    passing = draft.open(trader, known.WSOL, funder=trader, address=scene.fresh("temporary"))
    draft.wrap(passing, lamports, source=trader)
    draft.transfer(passing, vault, lamports)
    draft.close(passing, to=trader)


def take_wsol(scene: Scene, draft: Draft, trader: str, vault: str, lamports: int) -> None:
    """Take wrapped SOL out of a vault: into the standing account, else through one opened and closed."""
    kept = kept_wsol(scene, trader, 0)
    if kept is not None:
        draft.transfer(vault, kept, lamports)
        return
    passing = draft.open(trader, known.WSOL, funder=trader, address=scene.fresh("temporary"))
    draft.transfer(vault, passing, lamports)
    draft.close(passing, to=trader)


def buy_on_curve(
    scene: Scene, trader: str, coin: Coin, lamports: int, *, payer: str | None = None
) -> Transaction:
    """Buy from a bonding curve: lamports go straight into the curve's account, no wrapped SOL anywhere."""

    def act(draft: Draft) -> None:
        draft.sign(trader)
        units = capped(scene.chain, coin.curve_vault, coin.units_for(lamports, scene.now))
        account = draft.open(trader, coin.mint, funder=draft.payer)
        fee = lamports // PLATFORM_FEE_SHARE
        draft.transfer(coin.curve_vault, account, units)
        draft.pay(trader, coin.curve, lamports)
        draft.pay(trader, scene.platform, fee)
        settle_buy(scene, draft, trader, coin, units, sol=-(lamports + fee))

    return scene.play(payer or trader, labels.CURVE, act)


def sell_on_curve(
    scene: Scene, trader: str, coin: Coin, units: int, lamports: int, *, payer: str | None = None
) -> Transaction:
    """Sell to a bonding curve, which moves its own lamports: no transfer is listed for them."""

    def act(draft: Draft) -> None:
        draft.sign(trader)
        draft.transfer(draft.open(trader, coin.mint, funder=trader), coin.curve_vault, units)
        fee = lamports // PLATFORM_FEE_SHARE
        draft.pay(coin.curve, trader, lamports - fee, listed=False)
        draft.pay(coin.curve, scene.platform, fee, listed=False)
        settle_sale(scene, draft, trader, coin, units, sol=lamports - fee, vault_paid=False)

    return scene.play(payer or trader, labels.CURVE_SALE, act)


def buy_on_pool(
    scene: Scene, trader: str, coin: Coin, lamports: int, *, share: float = TRADE_SHARE
) -> Transaction:
    """Buy from a pool of wrapped SOL, at most this share of what it holds."""

    def act(draft: Draft) -> None:
        pool = coin.pool
        units = coin.units_for(lamports, scene.now)
        units = capped(scene.chain, pool.token_vault, units, share)
        account = draft.open(trader, coin.mint, funder=trader)
        draft.mention(pool.owner, coin.mint)
        pay_wsol(scene, draft, trader, pool.quote_vault, lamports)
        draft.transfer(pool.token_vault, account, units)
        settle_buy(scene, draft, trader, coin, units, sol=-lamports, mirrored=True)

    return scene.play(trader, scene.rng.choice((labels.AMM, labels.PUMP_AMM)), act)


def sell_on_pool(
    scene: Scene,
    trader: str,
    coin: Coin,
    units: int,
    lamports: int,
    *,
    service_fee: int = 0,
    close: bool = False,
) -> Transaction:
    """Sell to a pool of wrapped SOL; a service fee is part of the price; `close` gives the empty account back."""

    def act(draft: Draft) -> None:
        pool = coin.pool
        account = draft.open(trader, coin.mint, funder=trader)
        draft.mention(pool.owner)
        draft.transfer(account, pool.token_vault, units)
        take_wsol(scene, draft, trader, pool.quote_vault, lamports)
        if service_fee:
            draft.pay(trader, scene.platform, service_fee)
        if close:
            draft.close(account, to=trader)
        settle_sale(scene, draft, trader, coin, units, sol=lamports - service_fee, vault_paid=True)

    return scene.play(trader, scene.rng.choice((labels.AMM, labels.PUMP_AMM)), act)


def buy_through_router(scene: Scene, trader: str, coin: Coin, lamports: int) -> Transaction:
    """Buy through a router that passes every amount through its own token accounts."""

    def act(draft: Draft) -> None:
        pool, router = coin.pool, scene.router
        units = capped(scene.chain, pool.token_vault, coin.units_for(lamports, scene.now))
        account = draft.open(trader, coin.mint, funder=trader)
        router_wsol = draft.open(router, known.WSOL, funder=trader)
        router_token = draft.open(router, coin.mint, funder=trader)
        pay_wsol(scene, draft, trader, router_wsol, lamports)
        draft.transfer(router_wsol, pool.quote_vault, lamports)
        draft.transfer(pool.token_vault, router_token, units)
        draft.transfer(router_token, account, units)
        settle_buy(scene, draft, trader, coin, units, sol=-lamports, mirrored=True)

    return scene.play(trader, labels.ROUTER, act)


def sell_through_router(
    scene: Scene, trader: str, coin: Coin, units: int, lamports: int
) -> Transaction:
    """Sell through a router that passes every amount through its own token accounts."""

    def act(draft: Draft) -> None:
        pool, router = coin.pool, scene.router
        account = draft.open(trader, coin.mint, funder=trader)
        router_wsol = draft.open(router, known.WSOL, funder=trader)
        router_token = draft.open(router, coin.mint, funder=trader)
        draft.transfer(account, router_token, units)
        draft.transfer(router_token, pool.token_vault, units)
        draft.transfer(pool.quote_vault, router_wsol, lamports)
        take_wsol(scene, draft, trader, router_wsol, lamports)
        settle_sale(scene, draft, trader, coin, units, sol=lamports, vault_paid=True)

    return scene.play(trader, labels.ROUTER, act)


def stable_pool_of(coin: Coin) -> Pool:
    """Return the coin's pool against a stable; raise ImpossibleError when it has none."""
    if coin.stable_pool is None:
        raise ImpossibleError("no pool against a stable")
    return coin.stable_pool


def buy_with_stable(
    scene: Scene,
    trader: str,
    coin: Coin,
    stable_units: int,
    *,
    payer: str | None = None,
    sol_fee: int = 0,
) -> Transaction:
    """Buy with a stable; the platform may take a fee in SOL, which then is a second quote."""

    def act(draft: Draft) -> None:
        pool = stable_pool_of(coin)
        lamports = stable_units * 1_000 / float(scene.market.sol_usd_now)
        units = capped(scene.chain, pool.token_vault, coin.units_for(int(lamports), scene.now))
        draft.sign(trader)
        account = draft.open(trader, coin.mint, funder=draft.payer)
        draft.transfer(
            scene.chain.associated_account(trader, pool.quote), pool.quote_vault, stable_units
        )
        draft.transfer(pool.token_vault, account, units)
        if sol_fee:
            draft.pay(trader, scene.platform, sol_fee)
        settle_buy(
            scene, draft, trader, coin, units, sol=-sol_fee, stables={pool.quote: -stable_units}
        )

    return scene.play(payer or trader, scene.rng.choice((labels.ROUTER, labels.UNKNOWN_SWAP)), act)


def sell_for_stable(
    scene: Scene,
    trader: str,
    coin: Coin,
    units: int,
    stable_units: int,
    *,
    payer: str | None = None,
) -> Transaction:
    """Sell for a stable."""

    def act(draft: Draft) -> None:
        pool = stable_pool_of(coin)
        draft.sign(trader)
        draft.transfer(draft.open(trader, coin.mint, funder=draft.payer), pool.token_vault, units)
        account = draft.open(trader, pool.quote, funder=draft.payer)
        draft.transfer(pool.quote_vault, account, stable_units)
        settle_sale(
            scene,
            draft,
            trader,
            coin,
            units,
            sol=0,
            stables={pool.quote: stable_units},
            vault_paid=True,
        )

    return scene.play(payer or trader, scene.rng.choice((labels.ROUTER, labels.UNKNOWN_SWAP)), act)
