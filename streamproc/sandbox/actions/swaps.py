"""Swaps of tokens for tokens, of several tokens at once, and of quotes for quotes, each with what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import legs, settle
from streamproc.sandbox.actions.trades import capped, pay_wsol, stable_pool_of, take_wsol
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Label, Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin, Pool


def _pay_out(scene: Scene, draft: Draft, trader: str, pool: Pool, units: int) -> int:
    """Hand the trader what a pool sells, capped; return the units."""
    units = capped(scene.chain, pool.token_vault, units)
    mint = scene.chain.token_accounts[pool.token_vault].mint
    draft.transfer(pool.token_vault, draft.open(trader, mint, funder=draft.payer), units)
    return units


def _swap_intent(
    sold: tuple[str, int], bought: tuple[str, int], *, routed: tuple[str, int] | None, sol: int
) -> Intent:
    """Return a swap's meaning, from (mint, units) each.

    `routed` is the quote and amount that both legs share, None when the swap has no price.
    """
    deltas = {sold[0]: -sold[1], bought[0]: bought[1]}
    own = legs(sol, {})
    if routed is None:
        sale = MeantTrade(sold[0], "sell", sold[1], own, "unpriced")
        buy = MeantTrade(bought[0], "buy", bought[1], own, "unpriced")
        return Intent("token_swap", deltas, sol, trades=(sale, buy))
    quote, amount = routed
    paid = {quote: -amount}
    for mint, units in own.items():
        paid[mint] = paid.get(mint, 0) + units
    sale = MeantTrade(sold[0], "sell", sold[1], {quote: amount}, "split")
    buy = MeantTrade(bought[0], "buy", bought[1], paid, "split")
    return Intent("token_swap", deltas, sol, trades=(sale, buy))


def swap_through_sol(
    scene: Scene,
    trader: str,
    sold: Coin,
    units: int,
    bought: Coin,
    *,
    rest_share: float,
    rest_to: str,
) -> Transaction:
    """Swap through two SOL pools; a share of the SOL in between goes to the `trader` or the `platform`.

    At most one in a hundred that comes back to the trader leaves the swap priced; a fee account that takes its part,
    or more than that, leaves it unpriced.
    """

    def act(draft: Draft) -> None:
        lamports = max(1_000, int(units * sold.price(scene.now)))
        rest = int(lamports * rest_share)
        router = draft.open(scene.router, known.WSOL, funder=trader)
        draft.transfer(draft.open(trader, sold.mint, funder=trader), sold.pool.token_vault, units)
        draft.transfer(sold.pool.quote_vault, router, lamports)
        draft.transfer(router, bought.pool.quote_vault, lamports - rest)
        back = rest if rest_to == "trader" else 0
        if back:
            take_wsol(scene, draft, trader, router, rest)
        elif rest:
            draft.transfer(router, draft.open(scene.platform, known.WSOL, funder=trader), rest)
        got = bought.units_for(lamports - rest, scene.now)
        got = _pay_out(scene, draft, trader, bought.pool, got)
        priced = rest == back and rest_share <= 1 / 200
        routed = (known.WSOL, lamports - rest) if priced else None
        settle(
            scene,
            draft,
            trader,
            _swap_intent((sold.mint, units), (bought.mint, got), routed=routed, sol=back),
        )

    return scene.play(trader, labels.ROUTER, act)


def swap_through_stable(
    scene: Scene, trader: str, sold: Coin, units: int, bought: Coin
) -> Transaction:
    """Swap through two pools of one stable, all of it passing: both legs get its amount."""

    def act(draft: Draft) -> None:
        first, second = stable_pool_of(sold), stable_pool_of(bought)
        lamports = max(1_000_000, int(units * sold.price(scene.now)))
        amount = scene.market.stable_for(lamports, scene.now)
        draft.transfer(draft.open(trader, sold.mint, funder=trader), first.token_vault, units)
        draft.transfer(first.quote_vault, second.quote_vault, amount)
        got = bought.units_for(lamports, scene.now)
        got = _pay_out(scene, draft, trader, second, got)
        routed = (first.quote, amount)
        settle(
            scene,
            draft,
            trader,
            _swap_intent((sold.mint, units), (bought.mint, got), routed=routed, sol=0),
        )

    return scene.play(trader, labels.ROUTER, act)


def swap_directly(
    scene: Scene, trader: str, sold: Coin, units: int, bought: Coin, *, sol_fee: int
) -> Transaction:
    """Swap in a pool of two tokens: no quote moves, so neither leg has a price; a fee in SOL is the joint total."""

    def act(draft: Draft) -> None:
        lamports = units * sold.price(scene.now)
        draft.transfer(draft.open(trader, sold.mint, funder=trader), sold.pool.token_vault, units)
        got = bought.units_for(int(lamports), scene.now)
        got = _pay_out(scene, draft, trader, bought.pool, got)
        if sol_fee:
            draft.pay(trader, scene.platform, sol_fee)
        settle(
            scene,
            draft,
            trader,
            _swap_intent((sold.mint, units), (bought.mint, got), routed=None, sol=-sol_fee),
        )

    return scene.play(trader, labels.UNKNOWN_SWAP, act)


def buy_basket(scene: Scene, trader: str, coins: tuple[Coin, ...], lamports: int) -> Transaction:
    """Buy several tokens with SOL in one transaction: nobody can say what each cost."""

    def act(draft: Draft) -> None:
        bought = {}
        for coin in coins:
            pay_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)
            units = coin.units_for(lamports, scene.now)
            bought[coin.mint] = _pay_out(scene, draft, trader, coin.pool, units)
        sol = -lamports * len(coins)
        trades = tuple(
            MeantTrade(mint, "buy", got, legs(sol, {}), "unpriced") for mint, got in bought.items()
        )
        settle(scene, draft, trader, Intent("buy", bought, sol, trades=trades))

    return scene.play(trader, labels.ROUTER, act)


def sell_basket(scene: Scene, trader: str, parts: tuple[tuple[Coin, int], ...]) -> Transaction:
    """Sell several tokens for SOL in one transaction."""

    def act(draft: Draft) -> None:
        sol = 0
        for coin, units in parts:
            lamports = max(100_000, int(units * coin.price(scene.now)))
            draft.transfer(
                draft.open(trader, coin.mint, funder=trader), coin.pool.token_vault, units
            )
            take_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)
            sol += lamports
        sold = {coin.mint: units for coin, units in parts}
        trades = tuple(
            MeantTrade(mint, "sell", n, legs(sol, {}), "unpriced") for mint, n in sold.items()
        )
        deltas = {mint: -units for mint, units in sold.items()}
        settle(scene, draft, trader, Intent("sell", deltas, sol, trades=trades))

    return scene.play(trader, labels.ROUTER, act)


def sol_to_stable(scene: Scene, trader: str, stable: str, lamports: int) -> Transaction:
    """Swap SOL for a stable: a rate between the two, no trade of a token."""

    def act(draft: Draft) -> None:
        pool = scene.market.quote_pools[stable]
        units = scene.market.stable_for(lamports, scene.now)
        pay_wsol(scene, draft, trader, pool.quote_vault, lamports)
        draft.transfer(pool.token_vault, draft.open(trader, stable, funder=trader), units)
        settle(scene, draft, trader, _quote_intent(stable, units, -lamports))

    return scene.play(trader, _quote_label(scene), act)


def stable_to_sol(scene: Scene, trader: str, stable: str, units: int) -> Transaction:
    """Swap a stable for SOL."""

    def act(draft: Draft) -> None:
        pool = scene.market.quote_pools[stable]
        lamports = int(units * 1_000_000_000 / scene.market.stable_for(1_000_000_000, scene.now))
        draft.transfer(draft.open(trader, stable, funder=trader), pool.token_vault, units)
        take_wsol(scene, draft, trader, pool.quote_vault, lamports)
        settle(scene, draft, trader, _quote_intent(stable, -units, lamports))

    return scene.play(trader, _quote_label(scene), act)


def stable_to_stable(scene: Scene, trader: str, units: int) -> Transaction:
    """Swap USDC for USDT: neither a trade of a token nor a rate of SOL."""

    def act(draft: Draft) -> None:
        pool = scene.market.stable_pool
        draft.transfer(draft.open(trader, known.USDC, funder=trader), pool.token_vault, units)
        draft.transfer(pool.quote_vault, draft.open(trader, known.USDT, funder=trader), units - 1)
        deltas = {known.USDC: -units, known.USDT: units - 1}
        settle(scene, draft, trader, Intent("other", deltas))

    return scene.play(trader, labels.ROUTER, act)


def _quote_intent(stable: str, units: int, lamports: int) -> Intent:
    return Intent("quote_swap", {stable: units}, lamports)


def _quote_label(scene: Scene) -> Label:
    return scene.rng.choice((labels.ROUTER, labels.MISNAMED_SWAP))
