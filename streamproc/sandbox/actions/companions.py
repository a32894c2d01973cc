"""Trades with something beside them: other signers, a relayer, closed or freed accounts, withheld fees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproc.sandbox.actions import labels
from streamproc.sandbox.actions.pockets import empty_accounts, take_surplus
from streamproc.sandbox.actions.settling import settle
from streamproc.sandbox.actions.trades import capped, pay_wsol, take_wsol
from streamproc.sandbox.chain import known
from streamproc.sandbox.chain.chain import ImpossibleError
from streamproc.sandbox.chain.intent import Intent, MeantTrade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.sandbox.actions.scene import Scene
    from streamproc.sandbox.chain.chain import Transaction
    from streamproc.sandbox.chain.draft import Draft
    from streamproc.sandbox.chain.market import Coin


def buy_in_bundle(
    scene: Scene, payer: str, buyers: Sequence[str], coin: Coin, lamports: Sequence[int]
) -> Transaction:
    """Let several buy a coin on its curve at once: everybody funds its own account, one of them pays the fee."""

    def act(draft: Draft) -> None:
        draft.sign(*buyers)
        for buyer, price in zip(buyers, lamports, strict=True):
            units = capped(scene.chain, coin.curve_vault, coin.units_for(price, scene.now))
            account = draft.open(buyer, coin.mint, funder=buyer)
            got = draft.transfer(coin.curve_vault, account, units)
            draft.pay(buyer, coin.curve, price)
            _intend_buy(scene, draft, buyer, coin, units=got, lamports=price)
        if payer not in buyers:
            scene.intend(draft, payer, Intent("other"))

    return scene.play(payer, labels.CURVE, act)


def buy_relayed_with_own_rent(
    scene: Scene, payer: str, buyer: str, coin: Coin, lamports: int
) -> Transaction:
    """Buy on a curve while somebody else pays the fee and nothing more."""
    return buy_in_bundle(scene, payer, [buyer], coin, [lamports])


def sell_and_close(
    scene: Scene, trader: str, coin: Coin, units: int, lamports: int, *, most: int
) -> Transaction:
    """Sell to a pool, and close some empty accounts on the way: their rents are no proceeds."""

    def act(draft: Draft) -> None:
        own = scene.chain.associated_account(trader, coin.mint)
        empty = [address for address in empty_accounts(scene, trader) if address != own][:most]
        if not empty:
            raise ImpossibleError("no empty account")
        rent = sum(scene.chain.lamports[address] for address in empty)
        _sell(scene, draft, trader, coin, units=units, lamports=lamports)
        for address in empty:
            draft.close(address, to=trader)
        settle(scene, draft, trader, _sale(coin, units, lamports, rent))

    return scene.play(trader, labels.AMM, act)


def sell_and_free(scene: Scene, trader: str, coin: Coin, units: int, lamports: int) -> Transaction:
    """Sell to a pool, and free what an old account keeps above today's minimum on the way."""

    def act(draft: Draft) -> None:
        surplus = take_surplus(scene, draft, trader, but=coin.mint)
        _sell(scene, draft, trader, coin, units=units, lamports=lamports)
        settle(scene, draft, trader, _sale(coin, units, lamports, surplus))

    return scene.play(trader, labels.AMM, act)


def _sell(
    scene: Scene, draft: Draft, trader: str, coin: Coin, *, units: int, lamports: int
) -> None:
    own = scene.chain.associated_account(trader, coin.mint)
    draft.transfer(own, coin.pool.token_vault, units)
    take_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)


def _sale(coin: Coin, units: int, lamports: int, returned: int) -> Intent:
    """Return a sale beside which so much rent came back."""
    trade = MeantTrade(coin.mint, "sell", units, {known.WSOL: lamports})
    return Intent("sell", {coin.mint: -units}, lamports, -returned, (trade,))


def _intend_buy(
    scene: Scene, draft: Draft, buyer: str, coin: Coin, *, units: int, lamports: int
) -> None:
    trade = MeantTrade(coin.mint, "buy", units, {known.WSOL: -lamports})
    scene.intend(draft, buyer, Intent("buy", {coin.mint: units}, -lamports, trades=(trade,)))


def buy_taxed(scene: Scene, trader: str, lamports: int) -> Transaction:
    """Buy a coin that withholds a part of every transfer: what arrives is what was bought."""

    def act(draft: Draft) -> None:
        coin = scene.market.taxed
        units = capped(scene.chain, coin.pool.token_vault, coin.units_for(lamports, scene.now))
        pay_wsol(scene, draft, trader, coin.pool.quote_vault, lamports)
        own = draft.open(trader, coin.mint, funder=trader)
        got = draft.transfer(coin.pool.token_vault, own, units)
        _intend_buy(scene, draft, trader, coin, units=got, lamports=lamports)

    return scene.play(trader, labels.AMM, act)


def sell_taxed(scene: Scene, trader: str, units: int, lamports: int) -> Transaction:
    """Sell a coin that withholds a part of every transfer: what leaves is what was sold."""

    def act(draft: Draft) -> None:
        coin = scene.market.taxed
        _sell(scene, draft, trader, coin, units=units, lamports=lamports)
        settle(scene, draft, trader, _sale(coin, units, lamports, 0))

    return scene.play(trader, labels.AMM, act)


def send_taxed(scene: Scene, giver: str, taker: str, units: int) -> Transaction:
    """Send a coin that withholds a part of every transfer: less arrives than leaves, and nothing is burnt."""

    def act(draft: Draft) -> None:
        mint = scene.market.taxed.mint
        target = draft.open(taker, mint, funder=giver)
        got = draft.transfer(scene.chain.associated_account(giver, mint), target, units)
        rent = draft.rent_for.get(taker, 0)
        draft.mention(taker)
        scene.intend(draft, giver, Intent("transfer_out", {mint: -units}, rent=rent))
        scene.intend(draft, taker, Intent("transfer_in", {mint: got}, rent=-rent))

    return scene.play(giver, labels.TOKEN_TRANSFER, act)
