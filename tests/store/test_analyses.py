from __future__ import annotations

import asyncio
import time
import zlib
from dataclasses import replace

import orjson
import pytest

from streamproc.errors import StreamprocError
from streamproc.serde import Encoded
from streamproc.store import Decision, NewRequest, Store

pytestmark = pytest.mark.real

NEW = NewRequest(
    request_id="a-1",
    digest=b"\x00" * 32,
    source="analysis-requested/0/7",
    wallets=["W1", "W2"],
    options={"deadline_s": 5, "since": None},
    requested_at_ms=1_700_000_000_123,
    deadline_at=1_700_000_006,
)


def _record(value: bytes, *, headers: tuple[tuple[str, bytes], ...] = ()) -> Encoded:
    return Encoded("topic", b"a-1", value, headers, 12)


def _decision(status: str, value: bytes = b"{}", request_id: str = "a-1") -> Decision:
    return Decision(request_id, status, status, _record(value), _record(value + b" "))


async def test_the_clock_is_the_databases(store: Store) -> None:
    assert abs(await store.now_ms() - time.time() * 1000) < 60_000


async def test_a_request_is_recorded_once_and_read_back_whole(store: Store) -> None:
    (first,) = await store.record_requests([NEW])
    (again,) = await store.record_requests([replace(NEW, source="analysis-requested/0/9")])
    assert first.state == again.state == "running"
    assert first.source == again.source == NEW.source
    stored = await store.request("a-1")
    assert stored is not None
    assert (stored.wallets, stored.options) == (NEW.wallets, NEW.options)
    assert (stored.status, stored.digest) == ("running", NEW.digest)
    assert await store.request("a-2") is None


async def test_the_same_id_with_other_content_is_a_conflict(store: Store) -> None:
    other = replace(NEW, digest=b"\x01" * 32, source="analysis-requested/0/8")
    answers = await store.record_requests([NEW, other, NEW])
    assert [each.state for each in answers] == ["running", "conflict", "running"]


async def test_requests_recorded_at_the_same_time_are_all_answered(store: Store) -> None:
    new = [replace(NEW, request_id=f"r{number % 70}") for number in range(100)]
    answers = await asyncio.gather(*map(store.record_request, new))
    assert {each.state for each in answers} == {"running"}
    statuses = await store.status_of([f"r{number}" for number in range(80)])
    assert statuses == {f"r{number}": "running" for number in range(70)}


async def test_one_bad_request_spoils_no_other(store: Store) -> None:
    new = [replace(NEW, request_id=each) for each in ("good", "nul\x00", "fine")]
    answers = await asyncio.gather(*map(store.record_request, new), return_exceptions=True)
    assert [isinstance(each, StreamprocError) for each in answers] == [False, True, False]
    assert set(await store.status_of(["good", "fine"])) == {"good", "fine"}


async def test_the_first_decision_stands_and_both_get_its_records(store: Store) -> None:
    await store.record_requests([NEW])
    assert await store.ending("a-1") is None
    (won,) = await store.decide([_decision("cancelled", b"first")])
    (lost,) = await store.decide([_decision("failed", b"second")])
    assert won == lost == await store.ending("a-1")
    assert (won.status, won.terminal.value) == ("cancelled", b"first")
    assert won.progress is not None
    assert won.progress.value == b"first "
    (answer,) = await store.record_requests([NEW])
    assert answer.state == "ended"
    assert await store.status_of(["a-1"]) == {"a-1": "cancelled"}


async def test_of_many_decisions_at_once_exactly_one_stands(store: Store) -> None:
    ids = [f"r{number}" for number in range(5)]
    await store.record_requests([replace(NEW, request_id=each) for each in ids])
    batches = [
        [_decision("failed", f"{who}".encode(), each) for each in ids[:: 1 if who % 2 else -1]]
        for who in range(8)
    ]
    answers = await asyncio.gather(*map(store.decide, batches))
    for each in ids:
        values = {
            end.terminal.value for batch in answers for end in batch if end.request_id == each
        }
        assert len(values) == 1


async def test_records_come_back_byte_for_byte(store: Store) -> None:
    await store.record_requests([NEW])
    value = bytes(range(256)) * 40
    headers = (("traceparent", b"\xff\x00"), ("ce_id", "ä".encode()), ("ce_id", b""))
    terminal = Encoded("t", b"\x00k", value, headers, None)
    (ending,) = await store.decide([Decision("a-1", "completed", None, terminal)])
    assert ending.terminal == terminal
    assert ending.progress is None


async def test_a_result_larger_than_a_record_is_kept_whole(store: Store) -> None:
    await store.record_requests([NEW])
    whole = orjson.dumps({"pairs": list(range(2_000_000))})
    await store.decide([replace(_decision("completed"), result=whole)])
    assert await store.result("a-1") == whole
    assert await store.result("a-2") is None


async def test_a_result_may_come_packed_with_every_pair_beside_it(store: Store) -> None:
    await store.record_requests([NEW])
    packed = zlib.compress(b'{"pairs":[]}')
    await store.decide([replace(_decision("completed"), packed_result=packed, pairs=b"columns")])
    assert await store.result("a-1") == b'{"pairs":[]}'
    assert await store.pair_columns("a-1") == b"columns"
    assert await store.pair_columns("a-2") is None


async def test_a_decision_about_an_unknown_request_is_answered_with_itself(store: Store) -> None:
    wish = _decision("failed", b"mine", "unknown")
    (ending,) = await store.decide([wish])
    assert (ending.terminal, ending.progress) == (wish.terminal, wish.progress)
    assert await store.ending("unknown") is None


async def test_a_lost_decision_keeps_no_result(store: Store) -> None:
    await store.record_requests([NEW])
    await store.decide([_decision("cancelled")])
    await store.decide([replace(_decision("completed"), result=b"{}")])
    assert await store.result("a-1") is None


async def test_progress_that_belongs_to_a_wish_is_kept_only_when_it_is_granted(
    store: Store,
) -> None:
    await store.record_requests([NEW])
    wish = replace(_decision("completed"), before=((4, _record(b"4")),))
    late = replace(_decision("failed"), before=((5, _record(b"5")),))
    (won, lost) = await asyncio.gather(store.decide_one(wish), store.decide_one(late))
    assert won == lost
    assert won.terminal == wish.terminal
    assert [each.value for each in await store.progress_from("a-1", 1)] == [b"4"]


async def test_an_end_is_news_once_with_how_long_it_took_and_what_it_spent(store: Store) -> None:
    await store.record_requests([NEW])
    await store.reserve_credits("a-1", 10, None)
    await store.settle_credits("a-1", reserved=10, spent=7)
    first, same = await store.decide([_decision("failed"), _decision("completed")])
    again = await store.decide_one(_decision("failed"))
    assert [each.is_news for each in (first, same, again)] == [True, False, False]
    assert first.credits_spent == 7
    assert first.duration_s is not None
    assert 0 <= first.duration_s < 60
    assert again.duration_s is None


async def test_the_end_of_a_request_that_nobody_recorded_is_no_news(store: Store) -> None:
    assert not (await store.decide_one(_decision("failed"))).is_news
