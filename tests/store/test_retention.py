"""What ended long ago is dropped in small batches; what runs, and what ended lately, stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from streamproc import limits
from streamproc.agents.shared.retention import drop_all
from streamproc.serde import Encoded
from streamproc.store import Decision, NewRequest, Store, WalletAnalysis, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.real

DAYS = 30


async def ended(store: Store, dsn: str, *names: str, days_ago: int) -> None:
    """Requests that ended so long ago, with a result, a balance, credits, progress and what agents kept."""
    new = [NewRequest(name, b"", "t/0/0", [], {}, 0, 1) for name in names]
    await store.record_requests(new)
    record = Encoded("t", b"k", b"v", ())
    for name in names:
        await store.snapshot_once(name, "surroundings", b"x" * 1000)
        await store.record_progress(name, 1, record)
        await store.put_balances(name, {"w": {"state": "ok"}})
        await store.settle_credits(name, reserved=0, spent=7)
        await store.settled([name])
    await store.decide([Decision(name, "completed", None, record, result=b"{}") for name in names])
    age = "UPDATE analyses SET ended_at = now() - make_interval(days => $1) WHERE request_id = ANY($2)"
    await execute(dsn, age, days_ago, names)


async def execute(dsn: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement, *values)
    await connection.close()


async def rows(dsn: str) -> dict[str, int]:
    """How many rows each table about requests has."""
    tables = (
        "analyses",
        "analysis_records",
        "analysis_results",
        "analysis_inputs",
        "analysis_credits",
        "balances",
    )
    connection = await asyncpg.connect(dsn)
    found = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608 - our own
    await connection.close()
    return found


async def test_workings_of_ended_requests_go_and_their_results_stay(
    store: Store, store_dsn: str
) -> None:
    await ended(store, store_dsn, "old", days_ago=9)
    await ended(store, store_dsn, "new", days_ago=7)
    await store.record_requests([NewRequest("runs", b"", "t/0/0", [], {}, 0, 1)])
    await store.snapshot_once("runs", "surroundings", b"x")
    assert await drop_all(store, None) == {"inputs": 1, "analyses": 0, "cancels": 0}
    assert await store.snapshot("old", "surroundings") is None
    assert await store.snapshot("new", "surroundings") is not None
    assert await store.snapshot("runs", "surroundings") is not None
    assert await store.result("old") == b"{}"


async def test_old_requests_go_with_everything_when_an_age_is_given(
    store: Store, store_dsn: str
) -> None:
    await ended(store, store_dsn, "old", days_ago=DAYS + 1)
    await ended(store, store_dsn, "new", days_ago=DAYS - 1)
    await store.record_requests([NewRequest("runs", b"", "t/0/0", [], {}, 0, 1)])
    before = await rows(store_dsn)
    await drop_all(store, DAYS)
    after = await rows(store_dsn)
    assert await store.request("old") is None
    assert await store.request("new") is not None
    assert await store.request("runs") is not None
    assert all(after[table] < before[table] for table in before)


async def test_many_rows_go_in_batches_and_two_workers_share_them(
    store: Store, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RETENTION_ROWS", 7)
    monkeypatch.setattr(limits, "RETENTION_PAUSE_S", 0.0)
    await ended(store, store_dsn, *(f"old-{number}" for number in range(40)), days_ago=DAYS + 1)
    assert await store.drop_requests(after_s=DAYS * 86_400) == 7
    async with open_store(store_dsn, pool_size=2) as other:
        gone: Sequence[dict[str, int]] = await asyncio.gather(
            drop_all(store, DAYS), drop_all(other, DAYS)
        )
    # A batch that the other worker holds may end one of them early; what it holds goes with the other.
    assert sum(each["requests"] for each in gone) == 33
    assert (await rows(store_dsn))["analyses"] == 0


async def test_analyses_of_histories_that_have_grown_go_and_the_present_one_stays(
    store: Store, store_dsn: str
) -> None:
    for slot in (5, 6):
        analysis = WalletAnalysis("w", slot, {"tokens": []}, None, {"state": "complete"})
        await store.put_analysis(analysis, options_digest="d", engine_version="v", revision=slot)
    await execute(store_dsn, "SET streamproc.entry_format = 2; UPDATE wallets SET revision = 6")
    assert await store.drop_analyses(after_s=1000) == 0
    await execute(store_dsn, "UPDATE wallet_analyses SET analyzed_at = now() - interval '9 days'")
    assert (await drop_all(store, None))["analyses"] == 1
    kept = await store.analyses({"w": 5}, options_digest="d", engine_version="v")
    assert not kept
    assert await store.analyses({"w": 6}, options_digest="d", engine_version="v")
