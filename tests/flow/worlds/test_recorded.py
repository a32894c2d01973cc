"""Wallets of recorded real transactions are analyzed through real Kafka, with equal numbers in both wire forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc.sandbox.service.faults import Fault
from streamproc.sandbox.wire.recorded_archive import RecordedArchive
from tests.flow.conftest import served
from tests.flow.rules import check_end, lasting

if TYPE_CHECKING:
    from tests.flow.conftest import Opener

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

RECORDED = Path(__file__).parents[4] / "shared/data/real-transactions"
FULL = "getTransactionsForAddress"
WALLETS = 8
# Of 165 to 182 bytes; all recordings are older than September 2026.
TOKEN_RENTS = {(128 + size) * 6_960 for size in range(165, 183)}


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
    doubts = {each: doubtful(archive, each) for each in wallets}
    for wallet in enhanced["wallets"]:
        assert wallet["coverage"].pop("estimated_entries") == doubts[wallet["wallet"]]
    for wallet in full["wallets"]:
        assert wallet["coverage"].pop("estimated_entries") == 0
    # The digest is of what was read, and so of what the enhanced form says that it can only estimate.
    digests = {each.pop("inputs_digest") for each in (full, enhanced)}
    assert len(digests) == 1 + any(doubts.values())
    for name, value in full.items():
        assert enhanced[name] == value, name


def doubtful(archive: RecordedArchive, wallet: str) -> int:
    """How many transactions of the wallet move an account that nobody names by what a token account keeps."""
    records = [
        orjson.loads(archive.enhanced(each)) for each in archive.history(wallet, "balanceChanged")
    ]
    return sum(
        record["transactionError"] is None
        and any(
            abs(account["nativeBalanceChange"]) in TOKEN_RENTS
            for account in record["accountData"]
            if account["account"] not in {wallet, record["feePayer"]}
            and not account["tokenBalanceChanges"]
        )
        for record in records
    )


def check_facts(result: dict[str, Any], archive: RecordedArchive) -> None:
    """Every recorded transaction of every wallet was read, and some of them were trades."""
    for wallet in result["wallets"]:
        assert wallet["outcome"] == "analyzed"
        recorded = archive.history(wallet["wallet"], "balanceChanged")
        coverage = wallet["coverage"]
        assert coverage["state"] == "complete"
        assert coverage["transactions"] == len(recorded)
        assert coverage["failed_transactions"] == sum(each.failed for each in recorded)
        assert coverage["last_slot"] == recorded[-1].slot
    assert sum(wallet["pnl"]["trades"] for wallet in result["wallets"]) > 0
    assert result["pairs_total"] == WALLETS * (WALLETS - 1) // 2
