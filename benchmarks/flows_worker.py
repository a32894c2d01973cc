"""The worker of the benchmark of flows: the product's own, in which what takes time in earnest takes none.

Replaced are: bringing a wallet up to date and analyzing it, asking for balances, composing a result. Everything
between is the product: agents, engine, join, table, and every row in Postgres.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from streamproc.agents import sync
from streamproc.agents.lookups.lookups import FetchedBalances, Lookups
from streamproc.agents.results.result_builder import Composed, Composer
from streamproc.app import run_worker
from streamproc.events import AnalysisCompleted, WalletAnalyzed
from streamproc.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamproc.events import AnalysisReady, BalanceFetchRequested, WalletSyncRequested

RECORD: Final = {"state": "ok", "lamports": 1, "tokens": [], "fetched_at": 1}
SLOT: Final = 300_000_000


async def nothing_synced(event: WalletSyncRequested, **_: object) -> AsyncIterator[WalletAnalyzed]:
    """The outcome of a wallet that was up to date, at once."""
    yield WalletAnalyzed(
        request_id=event.request_id, wallet=event.wallet, outcome="analyzed", watermark_slot=SLOT
    )


async def no_balances(_: Lookups, event: BalanceFetchRequested) -> FetchedBalances:
    """A record for each wallet, at once."""
    return FetchedBalances(records=dict.fromkeys(event.wallets, RECORD), errors={})


async def empty_result(_: Composer, ready: AnalysisReady) -> Composed:
    """A result with nothing in it, at once."""
    event = AnalysisCompleted(
        request_id=ready.request_id,
        completed_at=ready.at,
        duration_ms=0,
        engine_version="0",
        inputs_digest="",
        wallets=[],
        pairs=[],
        pairs_total=0,
        set={},
        clusters=[],
        tokens={},
        missing=[],
        truncated=None,
        credits_spent=0,
        timings_ms={},
    )
    body = event.model_dump_json().encode()
    return Composed(body, zlib.compress(body, 1), b"", ready.at * 1000)


def run() -> int:
    """Run the worker with the settings in the environment until SIGTERM; the exit code."""
    with (
        patch.object(sync, "_steps", nothing_synced),
        patch.object(Lookups, "balances", no_balances),
        patch.object(Composer, "compose", empty_result),
    ):
        return run_worker(load_settings())


if __name__ == "__main__":
    sys.exit(run())
