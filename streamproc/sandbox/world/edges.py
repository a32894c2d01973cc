"""The part of the repertoire on the edges: giant, worthless and rent-like amounts, liquidity, mints, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import liquidity, moves, swaps, trades
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.world.repertoire import SOL, holding, part, size

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.world.repertoire import Action

GIANT_SHARE: Final = 0.9  # of a pool of the giant mint: more units than fit into 63 bits


def _giant_buy(scene: Scene, wallet: Wallet) -> None:
    trades.buy_on_pool(scene, wallet.address, scene.market.giant, 2 * SOL + 1, share=GIANT_SHARE)


def _worthless(scene: Scene, wallet: Wallet, lamports: int, service_fee: int = 0) -> None:
    coin, held = holding(scene, wallet)
    trades.sell_on_pool(
        scene,
        wallet.address,
        coin,
        held,
        lamports,
        service_fee=service_fee,
        close=lamports % 2 == 0,
    )


def _bought_for(scene: Scene, wallet: Wallet, lamports: int) -> None:
    trades.buy_on_pool(scene, wallet.address, scene.market.pick(scene.rng, scene.now), lamports)


def _bought_natively_for(scene: Scene, wallet: Wallet, lamports: int) -> None:
    """Pay a curve so much that with the platform's fee it is exactly that many lamports."""
    coin = scene.market.pick(scene.rng, scene.now)
    price = lamports * trades.PLATFORM_FEE_SHARE // (trades.PLATFORM_FEE_SHARE + 1)
    while price + price // trades.PLATFORM_FEE_SHARE < lamports:
        price += 1
    trades.buy_on_curve(scene, wallet.address, coin, price)


def _some_rent(scene: Scene) -> int:
    """Return the rent of an account of some size that is no token account's, at some rate."""
    return rents.rent(scene.rng.randint(183, 1_000), scene.rng.choice(rents.EVER))


def _add_liquidity(scene: Scene, wallet: Wallet, *, position: bool) -> None:
    coin, held = holding(scene, wallet)
    act = liquidity.add_to_position if position else liquidity.add_for_pool_tokens
    act(scene, wallet.address, coin, part(scene, held), max(size(scene, wallet), SOL // 50 + 1))


def _remove_liquidity(scene: Scene, wallet: Wallet) -> None:
    for coin in scene.market.coins:
        minted = scene.chain.book.named(f"pool-token/{coin.mint}")
        if minted in scene.chain.decimals and scene.chain.amount(wallet.address, minted):
            liquidity.remove_for_pool_tokens(scene, wallet.address, coin)
            return
    raise ImpossibleError("no pool tokens")


def _leave_position(scene: Scene, wallet: Wallet) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    liquidity.remove_from_position(scene, wallet.address, coin, trades.odd(size(scene, wallet)))


EDGES: Final[dict[str, Action]] = {
    "buy a giant amount": _giant_buy,
    "sell for 3000 lamports": lambda s, w: _worthless(s, w, 3_000),
    "sell for less than its costs": lambda s, w: _worthless(s, w, 3_001, 5_000),
    "sell just below dust": lambda s, w: _worthless(s, w, known.SOL_DUST_LAMPORTS - 1),
    "sell for dust": lambda s, w: _worthless(s, w, known.SOL_DUST_LAMPORTS),
    "buy below dust": lambda s, w: _bought_for(s, w, 9_001),
    "buy for a rent": lambda s, w: _bought_for(s, w, _some_rent(s)),
    "exchange a rent": lambda s, w: swaps.sol_to_stable(s, w.address, known.USDC, _some_rent(s)),
    "buy natively for a rent": lambda s, w: _bought_natively_for(s, w, _some_rent(s)),
    "add liquidity": lambda s, w: _add_liquidity(s, w, position=False),
    "remove liquidity": _remove_liquidity,
    "enter a position": lambda s, w: _add_liquidity(s, w, position=True),
    "leave a position": _leave_position,
    "stake": lambda s, w: liquidity.stake(s, w.address, trades.odd(size(s, w))),
    "mint": lambda s, w: moves.mint_collectible(s, w.address, price=0),
    "mint for a price": lambda s, w: moves.mint_collectible(s, w.address, price=size(s, w)),
}
