"""The sample flow on the real broker while nothing dies: order, poison, outages, timers, sizes."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.conftest import Flow

pytestmark = pytest.mark.real


def reasons(flow: Flow) -> dict[bytes, str]:
    """The dead letters' reasons by value."""
    return {
        record.value or b"": dict(record.headers)["x-reason"].decode()
        for record in flow.read["dead"]
    }


async def test_every_request_is_answered_once_and_everything_is_committed(flow: Flow) -> None:
    await flow.worker().ready()
    ids = await flow.ask(100, 10)
    assert not await flow.answers(ids)
    assert flow.check_progress(ids) == 0
    assert len(flow.read["answered"]) == 100
    await flow.caught_up()
    assert not flow.violations


async def test_what_cannot_be_worked_off_becomes_a_dead_letter_and_the_next_is_answered(
    flow: Flow,
) -> None:
    await flow.worker().ready()
    await flow.send("asked", "a", b"no json", headers=[("mine", b"kept"), ("x-reason", b"old")])
    await flow.send("asked", "b", None)
    await flow.send("work", "c", b'{"part": "c.1!"}')
    await flow.send("worked", "d", b"\xff\xfe")
    await flow.send("opened", None, b"{}")
    assert not await flow.answers(await flow.ask(3, 3))
    await flow.have("dead", 5)
    letters = {record.key: record for record in flow.read["dead"]}
    assert reasons(flow) == {
        b"no json": "not_json",
        b"": "not_json",
        b'{"part": "c.1!"}': "handler_failed",
        b"\xff\xfe": "not_json",
        b"{}": "no_key",
    }
    assert letters[b"b"].value is None
    headers = dict(letters[b"a"].headers)
    assert headers["mine"] == b"kept"
    assert headers["__streams.errors.topic"] == f"{flow.prefix}asked".encode()
    assert {"__streams.errors.partition", "__streams.errors.offset", "x-first-seen"} <= set(headers)
    assert [name for name, _ in letters[b"a"].headers].count("x-reason") == 1
    bug = dict(letters[b"c"].headers)
    assert bug["__streams.errors.exception"] == b"RuntimeError"
    assert b"s3cret" not in b"".join(bug.values())
    await flow.caught_up()


async def test_hooks_run_before_the_first_record_and_after_the_last(flow: Flow) -> None:
    """Also with a table to recover, for which the first hook must not wait."""
    first = flow.worker()
    assert not await flow.answers(await flow.ask(3, 3))
    await first.terminated()
    worker = flow.worker()
    ids = await flow.ask(3, 3)
    assert not await flow.answers(ids)
    await worker.terminated()
    lines = worker.log.read_text()
    opened, flowing, closed, left = (
        lines.index(text)
        for text in ("need is open", "records flow", "need is closed", "exit code 0")
    )
    assert opened < flowing < closed < left


async def test_records_of_one_key_are_worked_off_in_their_order(flow: Flow) -> None:
    await flow.worker(work_s=(0.001, 0.01)).ready()
    for number in range(300):
        await flow.send("work", "same", json.dumps({"part": f"same.{number}"}).encode())
    await flow.caught_up()
    offsets = [
        each
        for (topic, _), each in flow.finished().items()
        if topic == f"{flow.prefix}work" and each
    ]
    assert len(offsets) == 1
    assert offsets[0] == list(range(300))


async def test_a_join_that_cannot_decide_waits_and_loses_nothing(flow: Flow) -> None:
    """As long as its store is away; and it says nothing twice when the store is back."""
    outage = flow.folder / "outage"
    worker = flow.worker()
    await worker.ready()
    outage.touch()
    ids = await flow.ask(30, 5)
    await worker.says("join waits")
    await asyncio.sleep(1)
    assert not flow.answered() & set(ids)
    outage.unlink()
    assert not await flow.answers(ids)
    assert flow.check_progress(ids) == 0


async def test_a_worker_stops_in_time_while_its_store_is_away(flow: Flow) -> None:
    outage = flow.folder / "outage"
    outage.touch()
    worker = flow.worker()
    await worker.ready()
    ids = await flow.ask(10, 3)
    await worker.says("join waits")
    code, took_s = await worker.terminated()
    assert code == 0
    assert took_s < 10
    outage.unlink()
    await flow.worker().ready()
    assert not await flow.answers(ids)
    flow.check_progress(ids)


async def test_the_timer_ends_what_has_waited_too_long(flow: Flow) -> None:
    """Also a state that another worker left behind."""
    first = flow.worker()
    await first.ready()
    await flow.send("opened", "late", json.dumps({"parts": 9, "at": time.time()}).encode())
    await flow.send("worked", "late", b'{"part": "late.0"}')
    await flow.caught_up()
    assert not flow.answered()
    await first.terminated()
    await flow.worker(due_after_s=5).ready()
    assert not await flow.answers(["late"])


async def test_a_record_of_eight_megabytes_goes_through(flow: Flow) -> None:
    await flow.worker().ready()
    value = json.dumps({"id": "big", "padding": "x" * (8 * 1024 * 1024)}).encode()
    await flow.send("whole", "big", value)
    assert not await flow.answers(["big"])
    assert flow.read["answered"][0].value == value


async def test_an_output_that_the_broker_refuses_becomes_a_dead_letter(flow: Flow) -> None:
    """Its size is over the topic's limit, which only the broker knows; its neighbours go through."""
    await flow.limit("answered", 100_000)
    await flow.worker().ready()
    await flow.send("whole", "big", b"x" * 200_000)
    ids = await flow.ask(20, 3)
    assert not await flow.answers(ids)
    await flow.have("dead", 1)
    assert reasons(flow) == {b"x" * 200_000: "output_refused"}
