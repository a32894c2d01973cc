"""What only the raw form shows as it is: accounts that change hands, lamports freed or put into own accounts."""

from __future__ import annotations

from functools import cache

import orjson
import pytest

from streamproc.core.ledger.entries import Page
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.scores import terms_of
from streamproc.sandbox.wire.enhanced_form import enhanced_form
from streamproc.sandbox.wire.raw_form import raw_form
from streamproc.sandbox.world.world import World
from tests.truth.against import compare_records
from tests.truth.test_world_truth import differences, history, product_pnl, seen_by

SEEDS = (4, 5)


@cache
def world(seed: int, odd: int = 0) -> World:
    return World(seed=seed, wallets=6, transactions=(50, 120), only_raw=True, odd=odd)


def raw_of(world: World, wallet: str) -> Page:
    signatures = [*world.unreadable(wallet), *(e.signature for e in world.entries(wallet))]
    seen = [each for each in world.transactions if each.place.signature in set(signatures)]
    data = [raw_form(each, world.chain) for each in seen]
    page = raw_page(orjson.dumps({"result": {"data": data, "paginationToken": None}}), wallet)
    assert isinstance(page, Page)
    return page


@pytest.mark.parametrize("seed", SEEDS)
def test_every_entry_and_figure_of_the_raw_form_equals_the_truth(seed: int) -> None:
    for wallet in world(seed).addresses:
        page = raw_of(world(seed), wallet)
        wrong = differences(history(page, wallet), world(seed).entries(wallet))
        assert not wrong, next(iter(wrong.items()))
        found = product_pnl(world(seed), wallet, page, None, None)
        compare_records(found, true_pnl(world(seed).entries(wallet), terms_of(world(seed))))


@pytest.mark.parametrize("seed", SEEDS)
def test_where_the_enhanced_form_says_something_else_it_is_estimated_or_shows_no_change(
    seed: int,
) -> None:
    chain, by_signature = (
        world(seed).chain,
        {each.place.signature: each for each in world(seed).transactions},
    )
    for wallet in world(seed).addresses:
        records = [enhanced_form(each, chain) for each in seen_by(world(seed), wallet)[::-1]]
        page = enhanced_page(orjson.dumps(records), wallet, {})
        found = {entry.signature: entry for entry in page.entries}
        wrong = differences(history(page, wallet), world(seed).entries(wallet))
        for signature in wrong:
            heirs = any(row.heir for row in by_signature[signature].rows)
            topped_up = world_topped_up(world(seed), signature)
            assert found[signature].estimated or heirs or topped_up, wrong[signature]


def world_topped_up(world: World, signature: str) -> bool:
    """Whether a transaction sends an odd sum to a token account whose amount stays: to that form, to anybody."""
    (found,) = [each for each in world.transactions if each.place.signature == signature]
    return any(amount == 1_234_567 for _, _, amount in found.native_transfers)


def test_odd_transactions_cost_themselves_and_nothing_else() -> None:
    spoiled = world(6, odd=3)
    for wallet in spoiled.addresses:
        page = raw_of(spoiled, wallet)
        assert sorted(each.signature or "" for each in page.unreadable) == sorted(
            spoiled.unreadable(wallet)
        )
        entries = [entry.signature for entry in page.entries]
        assert sorted(entries) == sorted(e.signature for e in spoiled.entries(wallet))
