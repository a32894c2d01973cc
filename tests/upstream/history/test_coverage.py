"""Whatever is held of a history, and however much of it was wanted before: only what is missing is asked for."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.core.ledger.entries import Page
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.core.wire.raw import raw_page
from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.world.world import World
from streamproc.store import StoredPage, open_store
from streamproc.upstream import open_upstream, unlimited
from tests.upstream.history.midway import (
    CAP,
    EACH,
    SLOTS,
    STRATEGIES,
    TRANSACTIONS,
    Midway,
    Strategy,
    assert_whole,
    shorten_pages,
    walk,
)
from tests.upstream.history.test_history import Kept, assert_honest, numbers_of
from tests.upstream.services import WALLET, BudgetStore, Clock, raw, settings_for

WHOLE = [each for each in STRATEGIES.values() if each.most is None]


@EACH
@pytest.mark.usefixtures("small_pages")
async def test_a_raised_cap_and_then_none_go_on_below_what_is_held(strategy: Strategy) -> None:
    kept, asked = Kept(), 0
    for most in (CAP // 2, CAP, None):
        service = Midway(strategy)
        await walk(service, strategy._replace(most=most), kept)
        asked += service.shown
        assert_honest(kept, TRANSACTIONS)
        wanted = TRANSACTIONS if most is None else TRANSACTIONS[-most:]
        assert set(wanted) <= numbers_of(kept)
        calls = len(service.asked)
        again = Midway(strategy)
        await walk(again, strategy._replace(most=most), kept)
        assert len(again.asked) <= 3 < calls, "nothing is missing any more"
    assert kept.ranges == [(0, SLOTS[-1])]
    # Twice: the borders of what was held, and what a capped walk held of a slot that it did not close.
    assert asked <= len(TRANSACTIONS) + 40


@settings(deadline=None, max_examples=80)
@given(
    held=st.lists(st.tuples(st.integers(0, 170), st.integers(0, 60)), max_size=5),
    known=st.integers(0, len(TRANSACTIONS)),
    strategy=st.sampled_from(WHOLE),
)
def test_a_wallet_that_nobody_asked_about_for_years_goes_on_from_whatever_is_held(
    held: list[tuple[int, int]], known: int, strategy: Strategy
) -> None:
    """Some ranges of the older part are held, with all that is in them; the newer part came meanwhile."""
    older = TRANSACTIONS[:known]
    spans = [
        (older[start][0], older[min(start + length, known - 1)][0])
        for start, length in held
        if start < known
    ]
    ranges = union(spans)
    inside = _inside(older, ranges)
    kept, service = _held(inside, ranges), Midway(strategy)
    with pytest.MonkeyPatch.context() as patch:
        shorten_pages(patch)
        asyncio.run(walk(service, strategy, kept))
    assert_whole(kept, strategy)
    if strategy.is_full:
        # Again: the last slots of ranges, and those that a page did not list wholly when another fetcher came near.
        missing = len(TRANSACTIONS) - len(inside)
        assert service.shown <= missing + 4 * len(ranges) + 2 * len(service.asked)


def _inside(transactions: list[tuple[int, int]], ranges: list[SlotRange]) -> list[tuple[int, int]]:
    """The transactions of these slots."""
    return [each for each in transactions if any(low <= each[0] <= high for low, high in ranges)]


def _held(transactions: list[tuple[int, int]], ranges: list[SlotRange]) -> Kept:
    """What a store has of them."""
    body = orjson.dumps({"result": {"data": [raw(*each) for each in transactions]}})
    page = raw_page(body, WALLET)
    assert isinstance(page, Page)
    return Kept({entry.signature: entry for entry in page.entries}, ranges)


@pytest.mark.real
async def test_a_transaction_of_two_wallets_listed_in_every_way_is_stored_once_for_each(
    store_dsn: str,
) -> None:
    world = World(seed=6, wallets=6, transactions=(30, 60))
    truth = {
        wallet: [each.signature for each in world.entries(wallet)] for wallet in world.addresses
    }
    everybody = [signature for signatures in truth.values() for signature in signatures]
    assert len(set(everybody)) < len(everybody), "some have a transaction in common"
    async with serve(world) as sandbox, open_store(store_dsn, pool_size=2) as store:
        for faults in ([], [Fault("-32601", method="getTransactionsForAddress")], []):
            sandbox.set_faults(*faults)
            settings_ = settings_for(sandbox.url)
            async with open_upstream(settings_, BudgetStore(), timing=Clock().timing) as upstream:
                for wallet in world.addresses:
                    async for page in upstream.history(wallet, permit=unlimited):
                        kept = StoredPage(page.entries, page.closed, page.strategy)
                        await store.add_page(wallet, kept)
        for wallet, signatures in truth.items():
            entries = await store.entries(wallet)
            assert [each.signature for each in entries] == signatures
            assert await store.count_entries(wallet) == len(signatures)
