"""`list` names the requests, the newest first, and how far each one is."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from streamproc.cli.shared.records import codec_for, now_ms
from streamproc.events import AnalysisFailed, AnalysisProgressed
from streamproc.store import Decision, NewRequest, open_store

if TYPE_CHECKING:
    from streamproc.store import Store
    from tests.cli.conftest import Installation

pytestmark = pytest.mark.real

NEW = NewRequest("r-0", b"d", "t/0/0", ["a", "b"], {}, 0, 2_000_000_000)


def progress(
    request_id: str, seq: int, percent: float, stage: str = "syncing"
) -> AnalysisProgressed:
    """A progress record."""
    content = {
        "request_id": request_id,
        "seq": seq,
        "stage": stage,
        "percent": percent,
        "message": "m",
    }
    counts = dict.fromkeys(("wallets_total", "wallets_done", "wallets_failed"), 0)
    more = {"balances_done": False, "terminal": stage != "syncing", "at": 1_700_000_000}
    return AnalysisProgressed.model_validate({**content, **counts, **more})


@pytest.fixture
def filled(installation: Installation, store_dsn: str) -> Installation:
    """One request that runs and has come to 42 percent, one that nobody has heard of, one that failed."""
    installation.environment["STREAMPROC_POSTGRES_DSN"] = store_dsn
    codec = codec_for(installation.settings)
    failed = AnalysisFailed(
        request_id="r-1",
        status="failed",
        code="wallets_failed",
        message="m",
        wallets_failed=[],
        faults=[],
        at=1,
    )
    decision = Decision(
        "r-1",
        "failed",
        "wallets_failed",
        codec.encode(failed, time_ms=1),
        codec.encode(progress("r-1", 3, 17, "failed"), time_ms=1),
    )

    async def fill(store: Store) -> None:
        for number, tenant in enumerate(["default", "desk", "desk"]):
            new = replace(NEW, request_id=f"r-{number}", tenant=tenant, requested_at_ms=now_ms())
            await store.record_request(new)
        await store.decide([decision])

    async def stored() -> None:
        async with open_store(store_dsn, pool_size=1) as store:
            await fill(store)

    asyncio.run(stored())
    installation.say(progress("r-2", 1, 5), progress("r-2", 2, 42), progress("other", 1, 99))
    return installation


def listed(installation: Installation, *options: str) -> list[dict[str, Any]]:
    """What `list` tells a program."""
    done = installation.run("list", "--output", "json", *options)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_request_is_listed_the_newest_first(filled: Installation) -> None:
    found = listed(filled)
    assert [each["request_id"] for each in found] == ["r-2", "r-1", "r-0"]
    assert [each["status"] for each in found] == ["running", "failed", "running"]
    assert [each["code"] for each in found] == [None, "wallets_failed", None]
    assert [each["percent"] for each in found] == [42, 17, None]
    assert [each["tenant"] for each in found] == ["desk", "desk", "default"]
    assert all(0 <= each["age_s"] < 300 for each in found)
    assert {each["wallets"] for each in found} == {2}


def test_filters_narrow_it_down(filled: Installation) -> None:
    assert [each["request_id"] for each in listed(filled, "--status", "running")] == ["r-2", "r-0"]
    assert [each["request_id"] for each in listed(filled, "--tenant", "desk")] == ["r-2", "r-1"]
    assert [each["request_id"] for each in listed(filled, "--limit", "1")] == ["r-2"]
    assert listed(filled, "--status", "completed") == []


def test_people_see_a_table(filled: Installation) -> None:
    shown = filled.run("list")
    assert shown.returncode == 0
    rows = {line.split()[0]: line for line in shown.stdout.splitlines() if line.startswith("r-")}
    assert "42 %" in rows["r-2"]
    assert "failed (wallets_failed)" in rows["r-1"]


def test_a_status_that_does_not_exist_is_a_misuse(filled: Installation) -> None:
    done = filled.run("list", "--status", "odd")
    assert done.returncode == 2
    assert "running" in done.stderr


def test_without_kafka_the_list_is_there_and_says_what_is_missing(filled: Installation) -> None:
    filled.environment["STREAMPROC_KAFKA_BROKERS"] = "127.0.0.1:1"
    done = filled.run("list", "--output", "json")
    assert done.returncode == 0
    assert {each["request_id"]: each["percent"] for each in json.loads(done.stdout)}["r-2"] is None
    assert "no progress of running requests" in done.stderr
