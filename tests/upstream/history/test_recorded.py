"""The clients find all of the real transactions that were recorded, in both lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamproc.core.ledger.ranges import union
from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.service.server import serve
from streamproc.sandbox.wire.recorded_archive import RecordedArchive
from streamproc.upstream import open_upstream, unlimited
from tests.upstream.services import BudgetStore, Clock, settings_for

RECORDED = Path(__file__).parents[4] / "shared/data/real-transactions"


@pytest.fixture(scope="module")
def archive() -> RecordedArchive:
    """What was recorded, if it lies beside this checkout."""
    if not RECORDED.exists():
        pytest.skip("recorded transactions are not beside this checkout")
    return RecordedArchive(RECORDED)


@pytest.mark.parametrize("is_full", [True, False], ids=["full", "enhanced"])
async def test_every_recorded_wallet_is_found_whole(
    archive: RecordedArchive, budget_store: BudgetStore, clock: Clock, *, is_full: bool
) -> None:
    faults = [] if is_full else [Fault("-32601", method="getTransactionsForAddress")]
    async with (
        serve(archive, faults=faults) as sandbox,
        open_upstream(settings_for(sandbox.url), budget_store, timing=clock.timing) as upstream,
    ):
        for wallet in archive.wallets:
            pages = [page async for page in upstream.history(wallet, permit=unlimited)]
            found = {entry.signature for page in pages for entry in page.entries}
            known = archive.history(wallet, "balanceChanged")
            assert found == {record.signature for record in known}
            closed = union(page.closed for page in pages if page.closed)
            assert [low for low, _ in closed] == [0]
