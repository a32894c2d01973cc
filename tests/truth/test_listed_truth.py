"""What plain RPC lists of a generated world is its truth too, to the last figure, also what only the raw form shows."""

from __future__ import annotations

import pytest

from streamproc.core.ledger.custody import resolved
from streamproc.core.ledger.entries import Page, canonical_order
from streamproc.sandbox.truth.pnl import true_pnl
from streamproc.sandbox.truth.scores import terms_of
from streamproc.sandbox.world.world import World
from tests.truth.against import compare_records
from tests.truth.test_world_truth import differences, product_pnl
from tests.upstream.history.test_history import Kept
from tests.upstream.history.test_rpc_listing import provided, walk


@pytest.mark.parametrize("only_raw", [False, True])
async def test_every_entry_and_figure_listed_by_standard_methods_is_the_truth(
    *, only_raw: bool
) -> None:
    world = World(seed=12, wallets=4, transactions=(30, 90), only_raw=only_raw)
    async with provided(world) as (upstream, _, _):
        for wallet in world.addresses:
            kept = Kept()
            await walk(upstream, wallet, kept)
            entries = canonical_order(kept.entries.values())
            wrong = differences(resolved(entries, wallet), world.entries(wallet))
            assert not wrong, next(iter(wrong.items()))
            page = Page(tuple(entries), world.chain.decimals)
            found = product_pnl(world, wallet, page, None, None)
            compare_records(found, true_pnl(world.entries(wallet), terms_of(world)))
