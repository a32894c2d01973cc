"""Wallets of recorded real transactions are analyzed through real Kafka, with equal numbers in both wire forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.sandbox.faults import Fault
from streamproc.sandbox.recorded import RecordedArchive
from tests.flow.conftest import served
from tests.flow.rules import check_end, lasting

if TYPE_CHECKING:
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

RECORDED = Path(__file__).parents[3] / "shared/data/real-transactions"
FULL = "getTransactionsForAddress"
WALLETS = 8


@pytest.fixture(scope="module")
def archive() -> RecordedArchive:
    """The recorded transactions, where there are any."""
    if not RECORDED.is_dir():
        pytest.skip(f"no recorded transactions at {RECORDED}")
    return RecordedArchive(RECORDED)


async def test_an_analysis_of_recorded_wallets_completes_with_equal_numbers_in_both_forms(
    archive: RecordedArchive, open_installation: Opener
) -> None:
    wallets = list(archive.wallets[:WALLETS])
    results = []
    for faults in ([], [Fault("-32601", method=FULL)]):
        with served(archive) as sandbox:
            sandbox.set_faults(*faults)
            async with open_installation(sandbox) as installation:
                await installation.ready_worker()
                await installation.request("real", wallets, max_tokens_per_wallet=10_000)
                await installation.ending("real")
                results.append(check_end(installation.said, "real"))
                used = "history" if faults else FULL
                assert sandbox.counters.credits_by_method[used] > 0
                assert not installation.of("dead-letters")
    full, enhanced = map(lasting, results)
    assert full["status"] == "completed"
    check_facts(full, archive)
    # What the enhanced form can only estimate it says so, and the digest of the inputs covers what it says.
    for each in (full, enhanced):
        del each["inputs_digest"]
        for wallet in each["wallets"]:
            del wallet["coverage"]["estimated_entries"]
    for name, value in full.items():
        assert enhanced[name] == value, name


def check_facts(result: dict[str, Any], archive: RecordedArchive) -> None:
    """Every recorded transaction of every wallet was read, and some of them were trades."""
    for wallet in result["wallets"]:
        assert wallet["outcome"] == "analyzed"
        recorded = archive.history(wallet["wallet"], "balanceChanged")
        coverage = wallet["coverage"]
        assert (coverage["state"], coverage["estimated_entries"]) == ("complete", 0)
        assert coverage["transactions"] == len(recorded)
        assert coverage["failed_transactions"] == sum(each.failed for each in recorded)
        assert coverage["last_slot"] == recorded[-1].slot
    assert sum(wallet["pnl"]["trades"] for wallet in result["wallets"]) > 0
    assert result["pairs_total"] == WALLETS * (WALLETS - 1) // 2
