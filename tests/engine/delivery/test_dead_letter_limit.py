"""Too many dead letters in a row stop a worker; what strangers send does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.engine.delivery.dead_letter_limit import DeadLetterLimit
from streamproc.engine.records import Record

if TYPE_CHECKING:
    from tests.engine.conftest import Flow, Worker

MOST = 5
BUG = b'{"part": "x.1!"}'


def record(topic: str, *headers: tuple[str, bytes]) -> Record:
    return Record(topic, 0, 0, b"k", b"v", headers, 0)


@given(st.lists(st.booleans()))
def test_only_letters_without_a_good_record_between_them_count(outcomes: list[bool]) -> None:
    budget, in_a_row = DeadLetterLimit(MOST), 0
    for is_good in outcomes:
        if is_good:
            budget.renew("work")
            in_a_row = 0
        else:
            in_a_row += 1
            assert budget.spends(record("work"), "invalid") is (in_a_row > MOST)


def test_each_topic_has_a_budget_of_its_own() -> None:
    budget = DeadLetterLimit(1)
    assert not budget.spends(record("a"), "invalid")
    assert not budget.spends(record("b"), "invalid")
    budget.renew("b")
    assert budget.spends(record("a"), "invalid")


@pytest.mark.parametrize("reason", ["not_json", "invalid_request", "wrong_key", "too_large"])
def test_what_strangers_may_send_spends_nothing(reason: str) -> None:
    budget = DeadLetterLimit(1, outside=["asked"])
    assert not any(budget.spends(record("asked"), reason) for _ in range(100))
    assert [budget.spends(record("work"), reason) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("reason", ["handler_failed", "output_refused", "unreadable"])
@pytest.mark.parametrize("topic", ["asked", "work"])
def test_what_a_strangers_request_leads_to_further_in_spends_nothing(
    topic: str, reason: str
) -> None:
    budget = DeadLetterLimit(1, outside=["asked"])
    assert not any(budget.spends(record(topic), reason) for _ in range(100))


def test_a_replayed_letter_spends_nothing() -> None:
    again = record("work", ("x-first-seen", b"2026-01-01T00:00:00Z"))
    budget = DeadLetterLimit(1)
    assert not any(budget.spends(again, "invalid") for _ in range(100))


def test_a_budget_of_zero_has_no_end() -> None:
    budget = DeadLetterLimit(0)
    assert not any(budget.spends(record("work"), "invalid") for _ in range(1000))


def budgeted(flow: Flow, **options: object) -> Worker:
    """A worker of the flow that takes five dead letters in a row."""
    return flow.worker(options={"dead_letter_budget": MOST, **options})


async def stopped(flow: Flow, worker: Worker, topic: str) -> None:
    """It ends by itself, says why, and leaves the record that was one too many and all behind it."""
    assert await worker.ended() == 1
    assert worker.said(f"too many dead letters in a row of {flow.prefix}{topic}")
    assert worker.said("exit code 1") or worker.said("this worker stopped")
    await flow.have("dead", MOST)
    await asyncio.sleep(0.5)
    assert len(flow.read["dead"]) == MOST
    assert await flow.lag() == 3
    assert not flow.violations


@pytest.mark.real
async def test_requests_that_a_handler_always_fails_on_stop_nobody(flow: Flow) -> None:
    await budgeted(flow).ready()
    for _ in range(10 * MOST):
        await flow.send("work", "one-key", BUG)
    await flow.have("dead", 10 * MOST)
    assert not await flow.answers(await flow.ask(3, 3))
    await flow.caught_up()


@pytest.mark.real
async def test_records_between_agents_that_the_join_cannot_read_stop_the_worker(
    flow: Flow,
) -> None:
    worker = budgeted(flow)
    await worker.ready()
    for _ in range(MOST + 3):
        await flow.send("worked", "one-key", b"\xff\xfe")
    await stopped(flow, worker, "worked")


@pytest.mark.real
async def test_a_stream_of_nonsense_from_outside_stops_nobody(flow: Flow) -> None:
    await budgeted(flow, outside=[f"{flow.prefix}asked"]).ready()
    for number in range(10 * MOST):
        await flow.send("asked", f"k{number}", b"no json")
    await flow.have("dead", 10 * MOST)
    assert not await flow.answers(await flow.ask(3, 3))
    await flow.caught_up()


@pytest.mark.real
async def test_a_worker_that_has_no_budget_left_can_be_started_with_none(flow: Flow) -> None:
    worker = budgeted(flow)
    for _ in range(MOST + 3):
        await flow.send("worked", "one-key", b"no json")
    await flow.producer.flush()
    assert await worker.ended() == 1
    await flow.worker(options={"dead_letter_budget": 0}).ready()
    await flow.have("dead", MOST + 3)
    await flow.caught_up()
    assert not flow.violations
