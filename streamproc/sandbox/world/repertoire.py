"""Everything that a tracked wallet may do, by name: each action picks its own sizes and says when it is impossible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import swaps, trades
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import ImpossibleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.chain.market import Coin

    Action = Callable[[Scene, Wallet], object]

SOL: Final = known.LAMPORTS_PER_SOL
FRACTION_OF_FUNDS: Final = 5  # a wallet spends at most this part of its SOL at once
VENUES: Final = {"relayed": 0.04, "stable": 0.1, "curve": 0.31, "pool": 0.3, "router": 0.25}
STABLE_UNITS_MIN: Final = 2_000_000  # a wallet with less of a stable swaps SOL for some first
BASKET_SIZE: Final = 2


def size(scene: Scene, wallet: Wallet) -> int:
    """Return lamports for one purchase, odd unless a bot likes round ones; ImpossibleError when broke."""
    most = scene.chain.lamports.get(wallet.address, 0) // FRACTION_OF_FUNDS
    if most < SOL // 50:
        raise ImpossibleError("broke")
    wanted = int(scene.rng.lognormvariate(19.0, 0.9))
    if wallet.habit == "bot":
        wanted = max(1, wanted // (SOL // 10)) * (SOL // 10)
        return min(wanted, most)
    return trades.odd(min(wanted, most))


def holding(scene: Scene, wallet: Wallet) -> tuple[Coin, int]:
    """Return some coin that the wallet holds and how much; ImpossibleError when it holds none."""
    held = scene.held(wallet.address)
    if not held:
        raise ImpossibleError("holds nothing")
    return scene.rng.choice(held)


def held_of(scene: Scene, wallet: Wallet, coin: Coin) -> int:
    """Return the units of a coin in the wallet's standard account; ImpossibleError when there are none."""
    address = scene.chain.associated_account(wallet.address, coin.mint)
    account = scene.chain.token_accounts.get(address)
    if account is None or not account.amount:
        raise ImpossibleError("does not hold it")
    return account.amount


def part(scene: Scene, units: int) -> int:
    """Return some of these units, often all, with remainders."""
    return (
        units if scene.rng.random() < 1 / 3 else max(1, int(units * scene.rng.uniform(0.05, 0.95)))
    )


def other_coin(scene: Scene, *taken: Coin) -> Coin:
    """Return a coin that is none of these."""
    for _ in range(20):
        coin = scene.market.pick(scene.rng, scene.now)
        if coin not in taken:
            return coin
    raise ImpossibleError("no other coin")


def _venue(scene: Scene, coin: Coin) -> str:
    """Return where this trade happens; coins without a pool against a stable use their usual one."""
    venue = scene.rng.choices(list(VENUES), weights=list(VENUES.values()))[0]
    return "pool" if venue == "stable" and coin.stable_pool is None else venue


def buy(scene: Scene, wallet: Wallet, coin: Coin | None = None) -> Coin:
    """Buy a coin where it is sold, now and then relayed by somebody else; return it."""
    coin = coin or scene.market.pick(scene.rng, scene.now)
    lamports, trader = size(scene, wallet), wallet.address
    venue = _venue(scene, coin)
    if venue == "relayed":
        trades.buy_on_curve(scene, trader, coin, lamports, payer=scene.relayer)
    elif venue == "stable":
        _buy_with_stable(scene, wallet, coin)
    elif venue == "curve":
        trades.buy_on_curve(scene, trader, coin, lamports)
    elif venue == "pool":
        trades.buy_on_pool(scene, trader, coin, lamports)
    else:
        trades.buy_through_router(scene, trader, coin, lamports)
    return coin


def sell(
    scene: Scene, wallet: Wallet, coin: Coin | None = None, *, everything: bool = False
) -> None:
    """Sell some of a coin, or everything, where it is bought, for what it is worth now."""
    if coin is None:
        coin, _ = holding(scene, wallet)
    held = held_of(scene, wallet, coin)
    units = held if everything else part(scene, held)
    lamports = max(1, int(units * coin.price(scene.now) * scene.rng.uniform(0.96, 1.0)))
    trader, venue = wallet.address, _venue(scene, coin)
    if venue == "relayed":
        trades.sell_on_curve(scene, trader, coin, units, lamports, payer=scene.relayer)
    elif venue == "stable":
        stable = scene.market.stable_for(lamports, scene.now)
        trades.sell_for_stable(scene, trader, coin, units, stable)
    elif venue == "curve":
        trades.sell_on_curve(scene, trader, coin, units, lamports)
    elif venue == "pool":
        trades.sell_on_pool(scene, trader, coin, units, lamports, close=units == held)
    else:
        trades.sell_through_router(scene, trader, coin, units, lamports)


def stable_coin(scene: Scene, *, taken: Coin | None = None, quote: str | None = None) -> Coin:
    """Return a coin that has a pool against a stable, against this one when it is named."""
    for coin in scene.rng.sample(scene.market.coins, len(scene.market.coins)):
        pool = coin.stable_pool
        fits = pool is not None and (quote is None or pool.quote == quote)
        if fits and coin is not taken and coin.born <= scene.now:
            return coin
    raise ImpossibleError("no coin with such a pool")


def stable_units(scene: Scene, wallet: Wallet, stable: str) -> int:
    """Return how much of a stable the wallet spends; it swaps SOL for some first when it has little."""
    held = scene.chain.amount(wallet.address, stable)
    if held < STABLE_UNITS_MIN:
        swaps.sol_to_stable(scene, wallet.address, stable, trades.odd(size(scene, wallet)))
        held = scene.chain.amount(wallet.address, stable)
    return max(1_000_000, int(held * scene.rng.uniform(0.1, 0.6)))


def _buy_with_stable(
    scene: Scene, wallet: Wallet, coin: Coin, *, sol_fee: int = 0, relayed: bool = False
) -> None:
    units = stable_units(scene, wallet, trades.stable_pool_of(coin).quote)
    payer = scene.relayer if relayed else None
    trades.buy_with_stable(scene, wallet.address, coin, units, payer=payer, sol_fee=sol_fee)


def _sell_for_stable(scene: Scene, wallet: Wallet, *, relayed: bool) -> None:
    coin = stable_coin(scene)
    if not scene.chain.amount(wallet.address, coin.mint):
        trades.buy_on_pool(scene, wallet.address, coin, size(scene, wallet))
    units = part(scene, held_of(scene, wallet, coin))
    stable = scene.market.stable_for(max(1_000, int(units * coin.price(scene.now))), scene.now)
    payer = scene.relayer if relayed else None
    trades.sell_for_stable(scene, wallet.address, coin, units, stable, payer=payer)


def _swap(scene: Scene, wallet: Wallet, rest_share: float, rest_to: str = "trader") -> None:
    sold, held = holding(scene, wallet)
    bought, units = other_coin(scene, sold), part(scene, held)
    swaps.swap_through_sol(
        scene, wallet.address, sold, units, bought, rest_share=rest_share, rest_to=rest_to
    )


def _swap_through_stable(scene: Scene, wallet: Wallet) -> None:
    sold = stable_coin(scene)
    bought = stable_coin(scene, taken=sold, quote=trades.stable_pool_of(sold).quote)
    if not scene.chain.amount(wallet.address, sold.mint):
        trades.buy_on_pool(scene, wallet.address, sold, size(scene, wallet))
    units = part(scene, held_of(scene, wallet, sold))
    swaps.swap_through_stable(scene, wallet.address, sold, units, bought)


def _swap_directly(scene: Scene, wallet: Wallet, sol_fee: int = 0) -> None:
    sold, held = holding(scene, wallet)
    bought = other_coin(scene, sold)
    swaps.swap_directly(scene, wallet.address, sold, part(scene, held), bought, sol_fee=sol_fee)


def _buy_basket(scene: Scene, wallet: Wallet) -> None:
    first = scene.market.pick(scene.rng, scene.now)
    coins = (first, other_coin(scene, first))
    swaps.buy_basket(scene, wallet.address, coins, max(size(scene, wallet), SOL // 50))


def _sell_basket(scene: Scene, wallet: Wallet) -> None:
    held = scene.held(wallet.address)
    if len(held) < BASKET_SIZE:
        raise ImpossibleError("holds too little")
    chosen = scene.rng.sample(held, BASKET_SIZE)
    swaps.sell_basket(scene, wallet.address, tuple((coin, part(scene, n)) for coin, n in chosen))


def _sol_to_stable(scene: Scene, wallet: Wallet) -> None:
    stable = scene.rng.choice(known.STABLES)
    swaps.sol_to_stable(scene, wallet.address, stable, trades.odd(size(scene, wallet)))


def _small_quote_swap(scene: Scene, wallet: Wallet) -> None:
    """Swap for less than one stable: too little to be a rate."""
    swaps.sol_to_stable(scene, wallet.address, known.USDC, 3_000_001)


def _stable_to_sol(scene: Scene, wallet: Wallet) -> None:
    stable = scene.rng.choice(known.STABLES)
    units = stable_units(scene, wallet, stable)
    swaps.stable_to_sol(scene, wallet.address, stable, units)


def _stable_to_stable(scene: Scene, wallet: Wallet) -> None:
    swaps.stable_to_stable(scene, wallet.address, stable_units(scene, wallet, known.USDC))


TRADING: Final[dict[str, Action]] = {
    "buy": buy,
    "sell": sell,
    "buy relayed": lambda s, w: trades.buy_on_curve(
        s, w.address, s.market.pick(s.rng, s.now), size(s, w), payer=s.relayer
    ),
    "buy with a stable": lambda s, w: _buy_with_stable(s, w, stable_coin(s)),
    "buy with a stable and a service": lambda s, w: _buy_with_stable(
        s, w, stable_coin(s), sol_fee=s.rng.choice((123_457, 9_999, 10_000, 1_000_000))
    ),
    "buy with two quotes": lambda s, w: _buy_with_stable(s, w, stable_coin(s), sol_fee=1_000_001),
    "buy with a stable, relayed": lambda s, w: _buy_with_stable(s, w, stable_coin(s), relayed=True),
    "sell for a stable": lambda s, w: _sell_for_stable(s, w, relayed=False),
    "sell for a stable, relayed": lambda s, w: _sell_for_stable(s, w, relayed=True),
    "swap": lambda s, w: _swap(s, w, 0.0),
    "swap with change": lambda s, w: _swap(s, w, 0.003),
    "swap, too far apart": lambda s, w: _swap(s, w, 0.03),
    "swap with a fee account": lambda s, w: _swap(s, w, 0.004, "platform"),
    "swap through a stable": _swap_through_stable,
    "swap directly": _swap_directly,
    "swap directly with a fee": lambda s, w: _swap_directly(s, w, 54_321),
    "buy a basket": _buy_basket,
    "sell a basket": _sell_basket,
    "SOL to stable": _sol_to_stable,
    "stable to SOL": _stable_to_sol,
    "stable to stable": _stable_to_stable,
    "small quote swap": _small_quote_swap,
}
