"""What is said again about a request is the very record that was said first: value, headers and time."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import orjson
import pytest

from streamproc import limits
from streamproc.agents.join.logic import JoinLogic
from streamproc.agents.join.reopening import Reopening
from streamproc.agents.requests import accept_request, deadline_of
from streamproc.agents.shared.answers import Answers
from streamproc.agents.shared.handlers import running
from streamproc.agents.shared.outputs import store_output, stored_output
from streamproc.agents.shared.records import outgoing
from streamproc.engine import Record
from streamproc.errors import RequestEndedError
from streamproc.events import AnalysisDue, AnalysisRequested
from streamproc.serde import Codec, Encoded
from streamproc.store import Decision, NewRequest
from streamproc.topics import read_topology

if TYPE_CHECKING:
    from streamproc.engine import Outgoing
    from streamproc.store import Store

pytestmark = pytest.mark.real

CODEC = Codec(read_topology(), "prefix-")
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WALLETS = [f"{'1' * 31}{letter}" for letter in "ABC"]
HEARD_MS = time.time_ns() // 10**9 * 1000 + 123 - 60_000  # a minute ago
BODY = {
    "request_id": "r-1",
    "wallets": [*WALLETS, WALLETS[0]],
    "min_success_ratio": 0.3,
    "since": 7,
    "excluded_mints": WALLETS[:2],
    "enrich": False,
    "tenant": "light",
}


async def first_said(store: Store) -> list[Outgoing]:
    """The fan-out of a new request."""
    record = Record(
        topic="prefix-analysis-requested",
        partition=0,
        offset=3,
        key=b"r-1",
        value=orjson.dumps(BODY),
        headers=(("traceparent", TRACE),),
        timestamp_ms=HEARD_MS,
    )
    handler = partial(accept_request, store=store, codec=CODEC, answers=Answers())
    run = running(handler, codec=CODEC, publish=lambda _: asyncio.Future())
    return [outgoing(each) for each in await run(record)]


async def test_a_rejected_request_that_comes_again_is_answered_at_a_bounded_rate(
    store: Store,
) -> None:
    answers = Answers(lambda: 0.0)
    handler = partial(accept_request, store=store, codec=CODEC, answers=answers)
    run = running(handler, codec=CODEC, publish=lambda _: asyncio.Future())
    value = orjson.dumps({**BODY, "max_pairs": 0})

    async def said(offset: int) -> list[Encoded]:
        return await run(
            Record("prefix-analysis-requested", 0, offset, b"r-1", value, (), HEARD_MS)
        )

    first = await said(3)
    assert [each.topic for each in first] == ["prefix-analysis-failed", "prefix-analysis-progress"]
    again = [await said(offset) for offset in range(4, 14)]
    assert again == [first] * limits.ANSWERS_AT_ONCE + [[]] * (10 - limits.ANSWERS_AT_ONCE)
    assert await said(3) == first  # the same record again, after a crash
    stored = await store.request("r-1")
    assert stored is not None
    assert stored.tenant == "light"


async def test_what_the_join_asks_again_is_byte_for_byte_what_was_asked_first(
    store: Store,
) -> None:
    said = await first_said(store)
    accepted, asked = said[0], said[1:]
    clock_ms = HEARD_MS + 7_654_321
    logic = JoinLogic(codec=CODEC, store=lambda: store, clock_ms=lambda: clock_ms)
    state = logic.fold(b"r-1", None, heard(accepted))
    ((state, _),) = await logic.settle([(b"r-1", state)])
    again: list[list[Outgoing]] = []
    for number in (1, 2):
        at = clock_ms // 1000 + number * limits.HEAL_AFTER_S
        due = AnalysisDue(request_id="r-1", kind="heal", at=at)
        overdue = outgoing(CODEC.encode(due, time_ms=at * 1000))
        ((state, told),) = await logic.settle([(b"r-1", logic.fold(b"r-1", state, heard(overdue)))])
        again.append(told)
    assert sorted(again[0]) == sorted(again[1]) == sorted(asked)
    assert len(asked) == len(WALLETS) + 1


async def test_an_opening_that_is_said_again_is_the_one_that_was_said_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REOPEN_AFTER_S", 0.0)
    accepted = (await first_said(store))[0]
    opened = await Reopening(codec=CODEC, store=lambda: store, clock_ms=lambda: HEARD_MS)(
        lambda _: True, lambda _: None
    )
    assert opened == [accepted]


async def test_a_request_whose_row_gives_no_opening_ends_as_internal_and_hides_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REOPEN_AFTER_S", 0.0)
    options = {"max_transactions": "nobody knows"}
    odd = NewRequest("odd", b"", "t/0/0", WALLETS, options, HEARD_MS, HEARD_MS // 1000 + 600)
    good = NewRequest("good", b"", "t/0/1", WALLETS, {}, HEARD_MS, HEARD_MS // 1000 + 600)
    await store.record_requests([odd, good])
    reopening = Reopening(codec=CODEC, store=lambda: store, clock_ms=lambda: HEARD_MS)
    said = await reopening(lambda _: True, lambda _: None)
    by_key = {key: [out for out in said if out.key == key] for key in (b"good", b"odd")}
    assert [out.topic for out in by_key[b"good"]] == ["prefix-analysis-accepted"]
    failed, last = by_key[b"odd"]
    assert orjson.loads(failed.value or b"")["code"] == "internal"
    assert orjson.loads(last.value or b"")["terminal"]
    ending = await store.ending("odd")
    assert ending is not None
    assert outgoing(ending.terminal) == failed
    assert await reopening(lambda _: True, lambda _: None) == []


def heard(out: Outgoing) -> Record:
    """The record as a reader gets it."""
    return Record(out.topic, 0, 0, out.key, out.value, out.headers, out.timestamp_ms or 0)


async def test_what_was_said_first_is_what_is_said_ever_after(store: Store) -> None:
    await first_said(store)
    first = Encoded("t", b"r-1", b"first", (("ce_id", b"1"),), 1)
    other = Encoded("t", b"r-1", b"other", (("ce_id", b"1"),), 2)
    assert await stored_output(store, "r-1", "balances") is None
    assert await store_output(store, "r-1", "balances", first) == first
    assert await store_output(store, "r-1", "balances", other) == first
    assert await store_output(store, "r-1", "balances", first) == first
    assert await stored_output(store, "r-1", "balances") == first


async def test_nobody_speaks_for_a_request_that_has_ended_or_whose_row_is_gone(
    store: Store,
) -> None:
    with pytest.raises(RequestEndedError):
        await stored_output(store, "long-gone", "balances")
    await first_said(store)
    end = Encoded("t", b"r-1", b"{}", ())
    await store.decide([Decision("r-1", "failed", "internal", end)])
    with pytest.raises(RequestEndedError):
        await stored_output(store, "r-1", "balances")


@pytest.mark.parametrize(("time_ms", "deadline_at"), [(1_000, 61), (1_001, 62), (1_999, 62)])
def test_a_deadline_is_rounded_up_to_the_second(time_ms: int, deadline_at: int) -> None:
    request = AnalysisRequested(request_id="r", wallets=WALLETS, deadline_s=60)
    assert deadline_of(request, time_ms) == deadline_at
