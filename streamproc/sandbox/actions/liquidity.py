"""Liquidity added and removed, for pool tokens and as positions without any, each with what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.settling import settle
from streamproc.sandbox.actions.trades import capped, pay_wsol, take_wsol
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.intent import Intent

if TYPE_CHECKING:
    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin


def pool_token(scene: Scene, coin: Coin) -> str:
    """Return the mint of the pool's own token, made known on first use."""
    mint = scene.chain.book.named(f"pool-token/{coin.mint}")
    if mint not in scene.chain.decimals:
        scene.chain.add_mint(mint, 9)
    return mint


def add_for_pool_tokens(
    scene: Scene, owner: str, coin: Coin, units: int, lamports: int
) -> Transaction:
    """Give a token and SOL, get newly minted pool tokens."""

    def act(draft: Draft) -> None:
        minted = pool_token(scene, coin)
        draft.transfer(
            scene.chain.associated_account(owner, coin.mint), coin.pool.token_vault, units
        )
        pay_wsol(scene, draft, owner, coin.pool.quote_vault, lamports)
        draft.mint_to(draft.open(owner, minted, funder=owner), lamports)
        deltas = {coin.mint: -units, minted: lamports}
        settle(scene, draft, owner, Intent("liquidity", deltas, -lamports))

    return scene.play(owner, labels.LIQUIDITY, act)


def remove_for_pool_tokens(scene: Scene, owner: str, coin: Coin) -> Transaction:
    """Burn all pool tokens, get a token and SOL back."""

    def act(draft: Draft) -> None:
        burnt = pool_token(scene, coin)
        held = scene.chain.amount(owner, burnt)
        if not held:
            raise ImpossibleError("no pool tokens")
        lamports = held * 9 // 10 | 1
        units = capped(scene.chain, coin.pool.token_vault, coin.units_for(lamports, scene.now))
        draft.burn(scene.chain.associated_account(owner, burnt), held)
        draft.transfer(coin.pool.token_vault, draft.open(owner, coin.mint, funder=owner), units)
        take_wsol(scene, draft, owner, coin.pool.quote_vault, lamports)
        deltas = {burnt: -held, coin.mint: units}
        settle(scene, draft, owner, Intent("liquidity", deltas, lamports))

    return scene.play(owner, labels.LIQUIDITY, act)


def add_to_position(scene: Scene, owner: str, coin: Coin, units: int, lamports: int) -> Transaction:
    """Give a token and SOL to a pool that hands nothing back."""

    def act(draft: Draft) -> None:
        draft.transfer(
            scene.chain.associated_account(owner, coin.mint), coin.pool.token_vault, units
        )
        pay_wsol(scene, draft, owner, coin.pool.quote_vault, lamports)
        settle(scene, draft, owner, Intent("liquidity", {coin.mint: -units}, -lamports))

    return scene.play(owner, labels.LIQUIDITY, act)


def remove_from_position(scene: Scene, owner: str, coin: Coin, lamports: int) -> Transaction:
    """Take a token and SOL out of a pool, for nothing in return."""

    def act(draft: Draft) -> None:
        units = capped(scene.chain, coin.pool.token_vault, coin.units_for(lamports, scene.now))
        draft.transfer(coin.pool.token_vault, draft.open(owner, coin.mint, funder=owner), units)
        take_wsol(scene, draft, owner, coin.pool.quote_vault, lamports)
        settle(scene, draft, owner, Intent("liquidity", {coin.mint: units}, lamports))

    return scene.play(owner, labels.LIQUIDITY, act)


def stake(scene: Scene, owner: str, lamports: int) -> Transaction:
    """Put SOL into a new stake account: it leaves the wallet."""

    def act(draft: Draft) -> None:
        draft.pay(owner, scene.fresh("stake"), lamports)
        settle(scene, draft, owner, Intent("transfer_out", sol=-lamports))

    return scene.play(owner, labels.STAKING, act)
