"""The part of the repertoire that stays open for a while: orders, positions, staked tokens, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import detours, labels, orders, positions, trades
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.world.repertoire import (
    SOL,
    held_of,
    holding,
    other_coin,
    part,
    size,
    stable_coin,
    stable_units,
)

if TYPE_CHECKING:
    from streamproc.sandbox.actions.orders import Order
    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.chain.market import Coin
    from streamproc.sandbox.world.repertoire import Action

FILL_SHARE: Final = 3  # an order is filled in thirds
SOL_ORDER_MIN: Final = SOL // 10


def sellable(scene: Scene, wallet: Wallet) -> tuple[Coin, int]:
    """Return a coin with a pool against a stable, and units of it to sell; bought first when there are none."""
    coin = stable_coin(scene)
    if not scene.chain.amount(wallet.address, coin.mint):
        trades.buy_on_pool(scene, wallet.address, coin, max(size(scene, wallet), SOL // 10 + 1))
    return coin, held_of(scene, wallet, coin)


def _order_of(scene: Scene, wallet: Wallet) -> Order:
    own = [order for order in scene.orders if order.wallet == wallet.address]
    if not own:
        raise ImpossibleError("no open order")
    return scene.rng.choice(own)


def _place_sale(scene: Scene, wallet: Wallet, *, for_stable: bool, service: int = 0) -> None:
    coin, held = sellable(scene, wallet) if for_stable else holding(scene, wallet)
    wants = trades.stable_pool_of(coin).quote if for_stable else known.WSOL
    units = part(scene, held)
    orders.place(scene, wallet.address, coin, coin.mint, units, wants=wants, service=service)


def _place_exchange(scene: Scene, wallet: Wallet, *, of_sol: bool) -> None:
    stable = scene.rng.choice(known.STABLES)
    mint, wants, units = known.WSOL, stable, trades.odd(max(size(scene, wallet), SOL_ORDER_MIN))
    if not of_sol:
        mint, wants, units = stable, known.WSOL, stable_units(scene, wallet, stable)
    orders.place(scene, wallet.address, None, mint, units, wants=wants, label=labels.DCA)


def _place_swap(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    wants = other_coin(scene, coin).mint
    orders.place(scene, wallet.address, coin, coin.mint, part(scene, held), wants=wants)


def place_purchase(
    scene: Scene, wallet: Wallet, *, dca: bool = False, proceeds: bool = False
) -> None:
    """Order a coin for a stable that is at hand, else for SOL."""
    label = labels.DCA if dca else labels.ORDER
    if scene.rng.random() < 1 / 2:
        coin = stable_coin(scene)
        mint = trades.stable_pool_of(coin).quote
        units = stable_units(scene, wallet, mint)
    else:
        coin, mint = scene.market.pick(scene.rng, scene.now), known.WSOL
        units = trades.odd(max(size(scene, wallet), SOL_ORDER_MIN))
    orders.place(
        scene,
        wallet.address,
        coin,
        mint,
        units,
        wants=coin.mint,
        label=label,
        with_second=proceeds,
    )


def _top_up(scene: Scene, wallet: Wallet) -> None:
    order = _order_of(scene, wallet)
    if order.mint == known.WSOL:
        units = trades.odd(size(scene, wallet))
    else:
        units = scene.chain.amount(wallet.address, order.mint) // FILL_SHARE
    orders.top_up(scene, order, units)


def _fill(scene: Scene, wallet: Wallet, *, whole: bool) -> None:
    order = _order_of(scene, wallet)
    held = scene.chain.token_accounts[order.escrow].amount
    orders.fill(scene, order, held if whole else max(1, held // FILL_SHARE))


def _open_position(scene: Scene, wallet: Wallet, *, with_coin: bool, with_sol: bool) -> None:
    coin, units = scene.market.pick(scene.rng, scene.now), 0
    if with_coin:
        coin, held = holding(scene, wallet)
        units = part(scene, held)
    lamports = trades.odd(size(scene, wallet)) if with_sol else 0
    positions.open_position(scene, wallet.address, coin, units=units, lamports=lamports)


def _close_position(scene: Scene, wallet: Wallet) -> None:
    own = [each for each in scene.positions if each.wallet == wallet.address]
    if not own:
        raise ImpossibleError("no open position")
    position, lamports = own[0], trades.odd(size(scene, wallet))
    units = position.coin.units_for(lamports, scene.now)
    sides = scene.rng.choice(((units, 0), (0, lamports), (units, lamports)))
    positions.close(scene, position, units=sides[0], lamports=sides[1])


def _stake_liquid(scene: Scene, wallet: Wallet) -> None:
    lamports = trades.odd(max(size(scene, wallet), SOL // 10))
    detours.stake_liquid(scene, wallet.address, lamports)


def _redeem_staked(scene: Scene, wallet: Wallet) -> None:
    held = scene.chain.amount(wallet.address, known.JITOSOL)
    if not held:
        raise ImpossibleError("nothing staked")
    detours.redeem_staked(scene, wallet.address, part(scene, held), fee_share=1_000)


COMMITMENTS: Final[dict[str, Action]] = {
    "order a sale for SOL": lambda s, w: _place_sale(s, w, for_stable=False),
    "order a sale for a stable": lambda s, w: _place_sale(s, w, for_stable=True),
    "order a sale with a service": lambda s, w: _place_sale(
        s, w, for_stable=False, service=2_000_001
    ),
    "order a swap": _place_swap,
    "order a purchase": place_purchase,
    "start a DCA of SOL into a stable": lambda s, w: _place_exchange(s, w, of_sol=True),
    "start a DCA of a stable into SOL": lambda s, w: _place_exchange(s, w, of_sol=False),
    "start a DCA": lambda s, w: place_purchase(s, w, dca=True),
    "top up an order": _top_up,
    "fill a part of an order": lambda s, w: _fill(s, w, whole=False),
    "fill an order": lambda s, w: _fill(s, w, whole=True),
    "let an order expire": lambda s, w: orders.cancel(s, _order_of(s, w), payer=s.keeper),
    "cancel an order": lambda s, w: orders.cancel(s, _order_of(s, w)),
    "open a position with SOL": lambda s, w: _open_position(s, w, with_coin=False, with_sol=True),
    "open a position with a coin": lambda s, w: _open_position(
        s, w, with_coin=True, with_sol=False
    ),
    "open a position with both": lambda s, w: _open_position(s, w, with_coin=True, with_sol=True),
    "close a position": _close_position,
    "stake for a token": _stake_liquid,
    "redeem a staked token": _redeem_staked,
}
# What follows an action some hours or days later, one of these chains of actions.
FOLLOWED_BY: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "add liquidity": (("remove liquidity",),),
    "stake for a token": (
        ("redeem a staked token",),
        ("redeem a staked token", "redeem a staked token"),
    ),
    "mint": (("burn a collectible",),),
    "mint for a price": (("burn a collectible",), ()),
    **dict.fromkeys(
        ("open a position with SOL", "open a position with a coin", "open a position with both"),
        (("close a position",), ()),
    ),
    **dict.fromkeys(
        (
            "order a sale for SOL",
            "order a sale for a stable",
            "order a sale with a service",
            "order a swap",
            "order a purchase",
            "start a DCA",
            "start a DCA of SOL into a stable",
            "start a DCA of a stable into SOL",
        ),
        (
            ("fill an order",),
            ("cancel an order",),
            ("let an order expire",),
            ("fill a part of an order", "fill an order"),
            ("fill a part of an order", "fill a part of an order", "cancel an order"),
            ("top up an order", "fill a part of an order", "fill an order"),
            ("fill a part of an order",),
        ),
    ),
}
