"""Positions in a pool's range, shown by a token of their own that nobody trades; each with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import settle
from streamproc.sandbox.actions.trades import capped, pay_wsol, take_wsol
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.intent import Intent

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin

DATA_BYTES: Final = 216


@dataclass(frozen=True, slots=True)
class Position:
    """An open position: whose it is, the pool's coin, its token and the account with its data."""

    wallet: str
    coin: Coin
    mint: str
    data: str


def open_position(
    scene: Scene, wallet: str, coin: Coin, *, units: int = 0, lamports: int = 0
) -> Position:
    """Give a coin or SOL, or both, to a pool; get the position's token. One alone lies beyond the price."""
    position = Position(wallet, coin, scene.fresh("position"), scene.fresh("position data"))

    def act(draft: Draft) -> None:
        scene.chain.add_mint(position.mint, 0)
        rent = draft.record(wallet, position.mint, known.MINT_BYTES)
        rent += draft.record(wallet, position.data, DATA_BYTES)
        draft.mint_to(draft.open(wallet, position.mint, funder=wallet), 1)
        deltas = {position.mint: 1}
        if units:
            source = scene.chain.associated_account(wallet, coin.mint)
            draft.transfer(source, coin.pool.token_vault, units)
            deltas[coin.mint] = -units
        if lamports:
            pay_wsol(scene, draft, wallet, coin.pool.quote_vault, lamports)
        settle(scene, draft, wallet, Intent("liquidity", deltas, -lamports - rent))

    scene.play(wallet, labels.POSITION, act)
    scene.positions.append(position)
    return position


def close(scene: Scene, position: Position, *, units: int = 0, lamports: int = 0) -> Transaction:
    """Burn the position's token and take out what the pool gives for it: a coin, SOL or both."""
    wallet, coin = position.wallet, position.coin

    def act(draft: Draft) -> None:
        account = scene.chain.associated_account(wallet, position.mint)
        draft.burn(account, 1)
        draft.close(account, to=wallet)
        draft.mention(position.mint)
        kept = draft.release(position.data, to=wallet)
        deltas = {position.mint: -1}
        if units:
            got = capped(scene.chain, coin.pool.token_vault, units)
            draft.transfer(coin.pool.token_vault, draft.open(wallet, coin.mint, funder=wallet), got)
            deltas[coin.mint] = got
        if lamports:
            take_wsol(scene, draft, wallet, coin.pool.quote_vault, lamports)
        settle(scene, draft, wallet, Intent("liquidity", deltas, lamports + kept))

    done = scene.play(wallet, labels.POSITION, act)
    scene.positions.remove(position)
    return done
