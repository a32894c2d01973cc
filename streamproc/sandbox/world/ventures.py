"""The part of the repertoire that goes round about: bridges, loans, round trips, bundles, taxed coins, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import companions, detours, trades
from streamproc.sandbox.chain import known
from streamproc.sandbox.world.commitments import sellable
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
    from collections.abc import Callable

    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.chain.market import Coin
    from streamproc.sandbox.world.repertoire import Action

BUNDLE: Final = 5  # signers, when so many can be had
REMAINDERS: Final = (20_000, 110_000)  # units of a stable that a bridge leaves behind
GAINS: Final = (
    11_111,
    777_777,
    3_333_333,
    12_345_679,
)  # lamports that a round trip brings or costs


def _sell_elsewhere(scene: Scene, wallet: Wallet, kept_share: float, fee: int) -> None:
    coin, held = sellable(scene, wallet)
    detours.sell_elsewhere(
        scene, wallet.address, coin, part(scene, held), kept_share=kept_share, fee=fee
    )


def _sell_elsewhere_for_sol(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    detours.sell_elsewhere_for_sol(scene, wallet.address, coin, part(scene, held))


def _bridge_sol(scene: Scene, wallet: Wallet) -> None:
    stable, kept = scene.rng.choice(known.STABLES), scene.rng.randint(*REMAINDERS)
    lamports = trades.odd(max(size(scene, wallet), SOL // 10))
    detours.bridge_sol(scene, wallet.address, stable, lamports, kept_units=kept)


def _borrow(scene: Scene, wallet: Wallet) -> None:
    stable = scene.rng.choice(known.STABLES)
    lamports = trades.odd(max(size(scene, wallet), SOL // 10))
    detours.borrow(scene, wallet.address, stable, lamports)


def _round_trip(scene: Scene, wallet: Wallet) -> None:
    gain = scene.rng.choice(GAINS) * scene.rng.choice((1, 1, -1))
    lamports = trades.odd(max(size(scene, wallet), SOL // 4))
    detours.round_trip(scene, wallet.address, stable_coin(scene), lamports, gain)


def _round_trip_of_stable(scene: Scene, wallet: Wallet, fee: int) -> None:
    coin = stable_coin(scene)
    units = stable_units(scene, wallet, trades.stable_pool_of(coin).quote)
    gain = max(10_001, units // 50) * scene.rng.choice((1, 1, -1))
    detours.round_trip_of_stable(scene, wallet.address, coin, units, gain, fee=fee)


def _bundle(scene: Scene, wallet: Wallet, *, pays: bool) -> None:
    """Let the wallet, some other wallets and strangers buy together; one of them pays the fee."""
    others = [w for w in scene.wallets if w != wallet.address]
    rich = [w for w in others if scene.chain.lamports.get(w, 0) > 2 * SOL]
    mates = scene.rng.sample(rich, min(len(rich), 2))
    strangers = scene.rng.sample(scene.strangers, BUNDLE - 1 - len(mates))
    buyers = [wallet.address, *mates, *strangers]
    coin = scene.market.pick(scene.rng, scene.now)
    prices = [trades.odd(int(SOL * scene.rng.uniform(0.05, 0.4))) for _ in buyers]
    payer = wallet.address if pays else buyers[-1]
    companions.buy_in_bundle(scene, payer, buyers, coin, prices)


def _relayed_with_own_rent(scene: Scene, wallet: Wallet) -> None:
    coin = other_coin(scene, *(coin for coin, _ in scene.held(wallet.address)))
    lamports = trades.odd(size(scene, wallet))
    companions.buy_in_bundle(scene, scene.relayer, [wallet.address], coin, [lamports])


def _relay_for_a_stranger(scene: Scene, wallet: Wallet) -> None:
    """Pay the fee, and nothing more, of a stranger's purchase."""
    coin = scene.market.pick(scene.rng, scene.now)
    companions.buy_in_bundle(scene, wallet.address, [scene.stranger()], coin, [500_000_001])


def worth(scene: Scene, coin: Coin, units: int) -> int:
    """Return what a sale of so many units brings, in lamports."""
    return max(50_000, int(units * coin.price(scene.now) * scene.rng.uniform(0.96, 1.0)))


def _sell_and_close(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    units = part(scene, held)
    companions.sell_and_close(scene, wallet.address, coin, units, worth(scene, coin, units), most=3)


def _taxed(scene: Scene, wallet: Wallet, act: Callable[[str, int], object]) -> None:
    coin = scene.market.taxed
    if not scene.chain.amount(wallet.address, coin.mint):
        companions.buy_taxed(scene, wallet.address, trades.odd(size(scene, wallet)))
    act(wallet.address, part(scene, held_of(scene, wallet, coin)))


def _sell_taxed(scene: Scene, wallet: Wallet) -> None:
    coin = scene.market.taxed
    _taxed(
        scene,
        wallet,
        lambda who, n: companions.sell_taxed(scene, who, n, worth(scene, coin, n)),
    )


VENTURES: Final[dict[str, Action]] = {
    "pay with a coin": lambda s, w: _sell_elsewhere(s, w, 0.0, 0),
    "pay with a coin and a fee": lambda s, w: _sell_elsewhere(s, w, 0.0, 321_001),
    "swap and bridge": lambda s, w: _sell_elsewhere(s, w, 0.003, 900_001),
    "swap and send half": lambda s, w: _sell_elsewhere(s, w, 0.45, 19_000_001),
    "pay SOL with a coin": _sell_elsewhere_for_sol,
    "bridge SOL": _bridge_sol,
    "borrow": _borrow,
    "deposit with leverage": lambda s, w: detours.deposit_with_leverage(
        s, w.address, s.market.pick(s.rng, s.now), trades.odd(max(size(s, w), SOL // 10))
    ),
    "round trip": _round_trip,
    "round trip of a stable": lambda s, w: _round_trip_of_stable(s, w, 0),
    "round trip of a stable with a service": lambda s, w: _round_trip_of_stable(s, w, 100_001),
    "buy in a bundle": lambda s, w: _bundle(s, w, pays=False),
    "buy in a bundle and pay": lambda s, w: _bundle(s, w, pays=True),
    "buy relayed with own rent": _relayed_with_own_rent,
    "relay for a stranger": _relay_for_a_stranger,
    "sell and close": _sell_and_close,
    "buy a taxed coin": lambda s, w: companions.buy_taxed(s, w.address, trades.odd(size(s, w))),
    "sell a taxed coin": _sell_taxed,
    "give a taxed coin": lambda s, w: _taxed(
        s, w, lambda who, n: companions.send_taxed(s, who, s.stranger(), n)
    ),
}
