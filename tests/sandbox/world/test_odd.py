"""Odd transactions: a null where everybody else has something, in the raw form only."""

from __future__ import annotations

import orjson

from streamproc.sandbox.wire.raw_form import raw_form
from streamproc.sandbox.world.world import World


def test_odd_transactions_lack_their_meta_or_an_owner_and_are_in_nobodys_ledger() -> None:
    world = World(seed=3, wallets=4, transactions=20, odd=3)
    odd = [each for each in world.transactions if each.lacks]
    assert {each.lacks for each in odd} == {"meta", "owner"}
    for each in world.transactions:
        shown = orjson.loads(orjson.dumps(raw_form(each, world.chain)))
        assert (shown["meta"] is None) == (each.lacks == "meta")
        if shown["meta"] is not None:
            rows = shown["meta"]["preTokenBalances"] + shown["meta"]["postTokenBalances"]
            assert any(row["owner"] is None for row in rows) == (each.lacks == "owner")
    signatures = {each.place.signature for each in odd}
    for wallet in world.addresses:
        unreadable = world.unreadable(wallet)
        assert len(unreadable) >= 3
        assert set(unreadable) <= signatures
        assert not signatures & {entry.signature for entry in world.entries(wallet)}


def test_a_world_without_odd_ones_has_none() -> None:
    assert not any(each.lacks for each in World(seed=3, wallets=4, transactions=20).transactions)
