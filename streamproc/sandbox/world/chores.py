"""The part of the repertoire that trades nothing: transfers, airdrops, burns, accounts, failures, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import moves, pockets, trades
from streamproc.sandbox.chain import known, rents
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.world.commitments import COMMITMENTS
from streamproc.sandbox.world.edges import EDGES
from streamproc.sandbox.world.repertoire import SOL, TRADING, holding, part, size
from streamproc.sandbox.world.ventures import VENTURES

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene, Wallet
    from streamproc.sandbox.chain.market import Coin
    from streamproc.sandbox.world.repertoire import Action

DROP_SHARE: Final = 100_000  # one drop is this fraction of what the dropper holds
TAKERS_MAX: Final = 5


def friend(scene: Scene, wallet: Wallet) -> str:
    """Return a member of the wallet's group, else somebody who is not tracked."""
    mates = [
        w.address
        for w in scene.wallets.values()
        if w.group and w.group == wallet.group and w is not wallet
    ]
    return scene.rng.choice(mates) if mates else scene.stranger()


def dropped(scene: Scene, coin: Coin) -> int:
    """Return how many units of a coin one airdrop gives."""
    source = scene.chain.associated_account(scene.dropper, coin.mint)
    return max(
        1, scene.chain.token_accounts[source].amount // DROP_SHARE * scene.rng.randint(1, 30)
    )


def _airdrop(scene: Scene, wallet: Wallet) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    everybody = list(scene.wallets)
    takers = {
        wallet.address,
        *scene.rng.sample(everybody, min(len(everybody), scene.rng.randint(1, TAKERS_MAX))),
    }
    moves.airdrop(scene, scene.dropper, sorted(takers), coin.mint, dropped(scene, coin))


def _claim(scene: Scene, wallet: Wallet) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    vault = scene.chain.associated_account(scene.dropper, coin.mint)
    rate = scene.rng.choice((None, None, *rents.EVER))
    moves.claim_airdrop(scene, wallet.address, vault, coin.mint, dropped(scene, coin), rate=rate)


def _burn(scene: Scene, wallet: Wallet, *, close: bool) -> None:
    coin, held = holding(scene, wallet)
    units = held if close else max(1, held // 3)
    moves.burn(scene, wallet.address, coin.mint, units, close=close)


def _give_tokens(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    moves.send_tokens(scene, wallet.address, friend(scene, wallet), coin.mint, part(scene, held))


def _found(scene: Scene, wallet: Wallet, lamports: int | None) -> None:
    coin, held = holding(scene, wallet)
    moves.found(scene, wallet.address, coin.mint, part(scene, held), lamports=lamports)


def _get_tokens(scene: Scene, wallet: Wallet, *, shown: bool) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    moves.send_tokens(
        scene, scene.dropper, wallet.address, coin.mint, dropped(scene, coin), shown=shown
    )


def _give_sol(scene: Scene, wallet: Wallet) -> None:
    moves.send_sol(scene, wallet.address, friend(scene, wallet), trades.odd(size(scene, wallet)))


def _give_stable(scene: Scene, wallet: Wallet) -> None:
    held = scene.chain.amount(wallet.address, known.USDC)
    moves.send_tokens(scene, wallet.address, friend(scene, wallet), known.USDC, held // 3)


def _get_stable(scene: Scene, wallet: Wallet, units: int) -> None:
    stable = scene.rng.choice(known.STABLES)
    moves.send_tokens(scene, scene.hub, wallet.address, stable, units)


def _move_between_own(scene: Scene, wallet: Wallet) -> None:
    coin, held = holding(scene, wallet)
    pockets.move_between_own(scene, wallet.address, coin.mint, max(1, held // 4))


def _open_empty(scene: Scene, wallet: Wallet, owner: str | None = None) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    pockets.open_empty(scene, wallet.address, owner or wallet.address, coin.mint)


def _wrap(scene: Scene, wallet: Wallet) -> None:
    if not wallet.keeps_wsol:
        raise ImpossibleError("keeps no wrapped SOL")
    pockets.wrap_sol(scene, wallet.address, trades.odd(size(scene, wallet)))


def _pay_for_a_stranger(scene: Scene, wallet: Wallet) -> None:
    coin = scene.market.pick(scene.rng, scene.now)
    units = trades.capped(scene.chain, coin.curve_vault, coin.units_for(500_000_001, scene.now))
    moves.pay_for_a_stranger(scene, wallet.address, coin.mint, units, coin.curve_vault)


def _fail_a_swap(scene: Scene, wallet: Wallet) -> None:
    moves.fail_a_swap(scene, wallet.address, scene.market.pick(scene.rng, scene.now).mint)


def _get_sol(scene: Scene, wallet: Wallet, lamports: int) -> None:
    moves.send_sol(scene, scene.stranger(), wallet.address, lamports)


CHORES: Final[dict[str, Action]] = {
    "airdrop": _airdrop,
    "claim": _claim,
    "burn some": lambda s, w: _burn(s, w, close=False),
    "burn all": lambda s, w: _burn(s, w, close=True),
    "give tokens": _give_tokens,
    "found a newcomer": lambda s, w: _found(s, w, None),
    "found a newcomer with SOL": lambda s, w: _found(s, w, 5_000_001),
    "get tokens": lambda s, w: _get_tokens(s, w, shown=True),
    "get tokens unnamed": lambda s, w: _get_tokens(s, w, shown=False),
    "give SOL": _give_sol,
    "get SOL": lambda s, w: _get_sol(s, w, trades.odd(s.rng.randint(SOL // 10, 2 * SOL))),
    "give SOL, relayed": lambda s, w: moves.send_sol(
        s, w.address, s.stranger(), trades.odd(size(s, w)), payer=s.relayer
    ),
    "give a stable": _give_stable,
    "get a stable": lambda s, w: _get_stable(s, w, s.rng.randint(1_000_000, 900_000_000)),
    "open an account": _open_empty,
    "open an account for somebody": lambda s, w: _open_empty(s, w, s.fresh("newcomer")),
    "close an account": lambda s, w: pockets.close_empty(s, w.address),
    "move between own": _move_between_own,
    "wrap": _wrap,
    "unwrap": lambda s, w: pockets.unwrap_sol(s, w.address),
    "burn a collectible": lambda s, w: moves.burn_collectible(s, w.address),
    "write a note": lambda s, w: moves.write_note(s, w.address),
    "pay for a stranger": _pay_for_a_stranger,
    "fail a transfer": lambda s, w: moves.fail_a_transfer(s, w.address),
    "fail a swap": _fail_a_swap,
    "fail, relayed": lambda s, w: moves.fail_a_transfer(s, w.address, payer=s.relayer),
    "get dust": lambda s, w: _get_sol(s, w, s.rng.randint(1, 9_999)),
    "get just below dust": lambda s, w: _get_sol(s, w, known.SOL_DUST_LAMPORTS - 1),
    "get SOL at dust": lambda s, w: _get_sol(s, w, known.SOL_DUST_LAMPORTS),
    "get a stable below dust": lambda s, w: _get_stable(s, w, known.STABLE_DUST_UNITS - 1),
    "get a stable at dust": lambda s, w: _get_stable(s, w, known.STABLE_DUST_UNITS),
    "give exactly a rent": lambda s, w: moves.send_sol(
        s, w.address, s.stranger(), s.rng.choice(sorted(rents.OF_TOKEN_ACCOUNTS))
    ),
    "give the smallest rent": lambda s, w: moves.send_sol(
        s, w.address, s.stranger(), rents.rent(0, s.rng.choice(rents.EVER))
    ),
}
REPERTOIRE: Final[dict[str, Action]] = {**TRADING, **EDGES, **CHORES, **COMMITMENTS, **VENTURES}
