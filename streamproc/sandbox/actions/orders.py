"""Orders in custody: placed, topped up, filled in parts by a keeper, cancelled; each with what it means.

An order is a program's account that owns the token account in which a wallet's goods wait. They stay the wallet's:
placing and cancelling cost fees and rent, a fill is the trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.trades import capped, stable_pool_of
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Label, Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin, Pool

BYTES: Final = (1, 400)  # what the record of an order occupies


@dataclass(slots=True)
class Order:
    """An open order: whose it is, the coin that it buys or sells, what it holds and what it `wants` for that."""

    wallet: str
    account: str
    escrow: str
    mint: str
    coin: Coin | None  # None where one quote is ordered for another
    wants: str
    second: str | None = None  # a further token account of the order's own, empty


def place(
    scene: Scene,
    wallet: str,
    coin: Coin | None,
    mint: str,
    units: int,
    *,
    wants: str,
    label: Label = labels.ORDER,
    service: int = 0,
    with_second: bool = False,
) -> Order:
    """Hand units of the coin or of a quote to a new order; with `wants` the coin's mint it is to buy.

    `service` lamports go to the platform beside it. SOL is wrapped straight into the escrow. `with_second` opens an
    account for proceeds that nobody uses.
    """
    order = Order(wallet, scene.fresh("order"), scene.fresh("escrow"), mint, coin, wants)
    if with_second:
        order.second = scene.fresh("escrow")

    def act(draft: Draft) -> None:
        rent = draft.record(wallet, order.account, scene.rng.randint(*BYTES))
        draft.open(order.account, mint, funder=wallet, address=order.escrow)
        if order.second is not None:
            before = scene.chain.lamports[wallet]
            draft.open(order.account, wants, funder=wallet, address=order.second)
            rent += before - scene.chain.lamports[wallet]
        _put(scene, draft, order, units)
        if service:
            draft.pay(wallet, scene.platform, service)
        scene.intend(draft, wallet, Intent("order_placed", sol=-service, rent=rent))

    scene.play(wallet, label, act)
    scene.chain.orders[order.account] = wallet
    scene.orders.append(order)
    return order


def top_up(scene: Scene, order: Order, units: int) -> Transaction:
    """Hand more to an order that is open."""

    def act(draft: Draft) -> None:
        _put(scene, draft, order, units)
        scene.intend(draft, order.wallet, Intent("order_placed"))

    return scene.play(order.wallet, labels.ORDER, act)


def fill(scene: Scene, order: Order, units: int) -> Transaction:
    """Let a keeper trade some of an order, or all: then everything is closed and its rent comes back."""
    held = scene.chain.token_accounts[order.escrow].amount
    units = min(units, held)
    whole = units == held

    def act(draft: Draft) -> None:
        if order.coin is None:
            meant = _exchanged(scene, draft, order, units)
        elif order.wants == order.coin.mint:
            meant = _bought(scene, draft, order, order.coin, units)
        elif order.wants in known.QUOTES:
            meant = _sold(scene, draft, order, order.coin, units)
        else:
            meant = _swapped(scene, draft, order, order.coin, units)
        rent = -draft.rent_for.get(order.wallet, 0)
        if whole:
            rent -= _close(draft, order)
        scene.intend(draft, order.wallet, _with_rent(meant, rent))

    done = scene.play(scene.keeper, labels.KEEPER, act)
    if whole:
        scene.orders.remove(order)
    return done


def cancel(scene: Scene, order: Order, *, payer: str | None = None) -> Transaction:
    """Take back what an order still holds, and its rent; an expired one is closed by a keeper who pays the fee."""

    def act(draft: Draft) -> None:
        held = scene.chain.token_accounts[order.escrow].amount
        if order.mint != known.WSOL and held:
            own = draft.open(order.wallet, order.mint, funder=draft.payer)
            draft.transfer(order.escrow, own, held)
        rent = -_close(draft, order) - draft.rent_for.get(order.wallet, 0)
        scene.intend(draft, order.wallet, Intent("order_cancelled", rent=rent))

    done = scene.play(payer or order.wallet, labels.ORDER, act)
    scene.orders.remove(order)
    return done


def _put(scene: Scene, draft: Draft, order: Order, units: int) -> None:
    if order.mint == known.WSOL:
        draft.wrap(order.escrow, units, source=order.wallet)
        return
    source = scene.chain.associated_account(order.wallet, order.mint)
    draft.transfer(source, order.escrow, units)


def _close(draft: Draft, order: Order) -> int:
    """Close an order with its accounts; return what it kept beside the goods' own account."""
    draft.close(order.escrow, to=order.wallet)
    kept = draft.release(order.account, to=order.wallet)
    if order.second is not None:
        kept += draft.chain.lamports[order.second]
        draft.close(order.second, to=order.wallet)
    return kept


def _bought(scene: Scene, draft: Draft, order: Order, coin: Coin, units: int) -> Intent:
    """Buy the coin with units of a quote; it goes to the wallet's account, which the keeper opens when it must."""
    is_sol = order.mint == known.WSOL
    pool = coin.pool if is_sol else _pool_of(coin, order.mint)
    worth = units if is_sol else scene.market.lamports_for(units, scene.now)
    got = capped(scene.chain, pool.token_vault, coin.units_for(worth, scene.now))
    draft.transfer(order.escrow, pool.quote_vault, units)
    draft.transfer(pool.token_vault, draft.open(order.wallet, coin.mint, funder=draft.payer), got)
    draft.mention(order.account)
    trade = MeantTrade(coin.mint, "buy", got, {order.mint: -units})
    paid = {} if is_sol else {order.mint: -units}
    sol = -units if is_sol else 0
    return Intent("order_filled", {coin.mint: got, **paid}, sol, trades=(trade,))


def _sold(scene: Scene, draft: Draft, order: Order, coin: Coin, units: int) -> Intent:
    """Sell units of the coin for what the order wants: SOL, paid natively by the keeper, or a stable."""
    worth = max(50_000, int(units * coin.price(scene.now)))
    deltas = {coin.mint: -units}
    draft.mention(order.account, order.wallet)
    if order.wants == known.WSOL:
        draft.transfer(order.escrow, coin.pool.token_vault, units)
        _pay_natively(scene, draft, order, coin.pool.quote_vault, worth)
        trade = MeantTrade(coin.mint, "sell", units, {known.WSOL: worth})
        return Intent("order_filled", deltas, worth, trades=(trade,))
    pool = _pool_of(coin, order.wants)
    stable = max(20_000, scene.market.stable_for(worth, scene.now))
    draft.transfer(order.escrow, pool.token_vault, units)
    draft.transfer(
        pool.quote_vault, draft.open(order.wallet, order.wants, funder=draft.payer), stable
    )
    trade = MeantTrade(coin.mint, "sell", units, {order.wants: stable})
    return Intent("order_filled", {**deltas, order.wants: stable}, trades=(trade,))


def _exchanged(scene: Scene, draft: Draft, order: Order, units: int) -> Intent:
    """Change a stable into SOL or SOL into a stable: a rate, and no trade of a token."""
    draft.mention(order.account, order.wallet)
    if order.wants == known.WSOL:
        pool = scene.market.quote_pools[order.mint]
        worth = scene.market.lamports_for(units, scene.now)
        draft.transfer(order.escrow, pool.token_vault, units)
        _pay_natively(scene, draft, order, pool.quote_vault, worth)
        return Intent("quote_swap", {order.mint: -units}, worth)
    pool = scene.market.quote_pools[order.wants]
    stable = scene.market.stable_for(units, scene.now)
    draft.transfer(order.escrow, pool.quote_vault, units)
    own = draft.open(order.wallet, order.wants, funder=draft.payer)
    draft.transfer(pool.token_vault, own, stable)
    return Intent("quote_swap", {order.wants: stable}, -units)


def _pay_natively(scene: Scene, draft: Draft, order: Order, vault: str, lamports: int) -> None:
    """Let the keeper take wrapped SOL out of a vault, unwrap it and send it to the wallet."""
    passing = draft.open(
        draft.payer, known.WSOL, funder=draft.payer, address=scene.fresh("temporary")
    )
    draft.transfer(vault, passing, lamports)
    draft.close(passing, to=draft.payer)
    draft.pay(draft.payer, order.wallet, lamports)


def _swapped(scene: Scene, draft: Draft, order: Order, coin: Coin, units: int) -> Intent:
    """Sell units of the coin for another one, through two pools of SOL."""
    target = scene.market.by_mint[order.wants]
    worth = max(50_000, int(units * coin.price(scene.now)))
    got = capped(scene.chain, target.pool.token_vault, target.units_for(worth, scene.now))
    draft.transfer(order.escrow, coin.pool.token_vault, units)
    draft.transfer(coin.pool.quote_vault, target.pool.quote_vault, worth)
    draft.transfer(
        target.pool.token_vault, draft.open(order.wallet, target.mint, funder=draft.payer), got
    )
    draft.mention(order.account)
    sale = MeantTrade(coin.mint, "sell", units, {known.WSOL: worth}, "split")
    buy = MeantTrade(target.mint, "buy", got, {known.WSOL: -worth}, "split")
    deltas = {coin.mint: -units, target.mint: got}
    return Intent("order_filled", deltas, trades=(sale, buy))


def _pool_of(coin: Coin, quote: str) -> Pool:
    pool = stable_pool_of(coin)
    if pool.quote != quote:
        raise ImpossibleError("no pool against that stable")
    return pool


def _with_rent(meant: Intent, rent: int) -> Intent:
    return Intent(meant.kind, meant.deltas, meant.sol, rent, meant.trades)
