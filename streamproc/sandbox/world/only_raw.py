"""What the enhanced form cannot show: it names no owner of an account whose amount stays the same, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import companions, pockets, trades
from streamproc.sandbox.world.commitments import place_purchase
from streamproc.sandbox.world.repertoire import holding, part, size
from streamproc.sandbox.world.ventures import worth

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.world.repertoire import Action


def _sell_and_free(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    units = part(scene, held)
    companions.sell_and_free(scene, wallet.address, coin, units, worth(scene, coin, units))


def _hand_over(scene: Scene, wallet: Wallet, *, takes: bool) -> None:
    """Give an account with some units to a stranger, or get one from the dropper."""
    if takes:
        coin = scene.market.pick(scene.rng, scene.now)
        source = scene.chain.associated_account(scene.dropper, coin.mint)
        units = max(1, scene.chain.token_accounts[source].amount // 50_000)
        pockets.hand_over(scene, scene.dropper, wallet.address, coin.mint, units)
        return
    coin, held = holding(scene, wallet)
    units = max(1, held // 3)
    pockets.hand_over(scene, wallet.address, scene.stranger(), coin.mint, units)


ONLY_RAW: Final[dict[str, Action]] = {
    "free a surplus": lambda s, w: pockets.free_surplus(s, w.address),
    "sell and free a surplus": _sell_and_free,
    "top up an account": lambda s, w: pockets.top_up(s, w.address, 1_234_567),
    "hand over an account": lambda s, w: _hand_over(s, w, takes=False),
    "get an account": lambda s, w: _hand_over(s, w, takes=True),
    "hand over wrapped SOL": lambda s, w: pockets.hand_over_wrapped(
        s, w.address, s.stranger(), trades.odd(size(s, w))
    ),
    "start a DCA with an account for its proceeds": lambda s, w: place_purchase(
        s, w, dca=True, proceeds=True
    ),
}
