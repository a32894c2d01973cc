"""What is kept first stays, one by one and many at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from streamproc.serde import Encoded
from streamproc.store import Decision, NewRequest, Store
from streamproc.store.snapshots import ProgressAndEnd

pytestmark = pytest.mark.real

NEW = NewRequest("a-1", b"", "t/0/0", ["W1", "W2"], {}, 0, 1)


def _record(value: bytes) -> Encoded:
    return Encoded("topic", b"a-1", value, (("ce_id", b"1"),), 12)


async def test_progress_is_kept_as_it_was_first_said(store: Store) -> None:
    await store.record_requests([NEW])
    for seq in (3, 1, 2):
        said = await store.record_progress("a-1", seq, _record(b"%d" % seq))
        assert said.value == b"%d" % seq
    assert await store.record_progress("a-1", 2, _record(b"other")) == _record(b"2")
    assert [each.value for each in await store.progress_from("a-1", 2)] == [b"2", b"3"]


async def test_what_is_frozen_first_stays(store: Store) -> None:
    await store.record_requests([NEW])
    assert await store.snapshot("a-1", "prices") is None
    assert await store.snapshot_once("a-1", "prices", b"1") == b"1"
    assert await store.snapshot_once("a-1", "prices", b"2") == b"1"
    assert await store.snapshot_once("a-1", "other", b"3") == b"3"
    assert await store.snapshot("a-1", "prices") == b"1"


async def test_many_that_come_at_once_get_their_own_answers(store: Store) -> None:
    """Those that name the same place in one moment, too: the first one's content is everybody's."""
    requests = [replace(NEW, request_id=f"a-{number}") for number in range(20)]
    await store.record_requests(requests)
    await store.snapshot_once("a-7", "name", b"before")
    wanted = [
        (f"a-{number % 20}", f"name{number % 3 or ''}", b"%d" % number) for number in range(90)
    ]
    answers = await asyncio.gather(*(store.snapshot_once(*each) for each in wanted))
    first: dict[tuple[str, str], bytes] = {("a-7", "name"): b"before"}
    for (request_id, name, content), answer in zip(wanted, answers, strict=True):
        assert answer == first.setdefault((request_id, name), content)
    found = await asyncio.gather(*(store.snapshot(request_id, name) for request_id, name in first))
    assert found == list(first.values())


async def test_two_stores_agree_on_what_was_first(store: Store, other_store: Store) -> None:
    await store.record_requests([replace(NEW, request_id=f"a-{number}") for number in range(50)])
    names = [f"a-{number}" for number in range(50)]
    ours, theirs = await asyncio.gather(
        asyncio.gather(*(store.snapshot_once(name, "name", b"ours") for name in names)),
        asyncio.gather(
            *(other_store.snapshot_once(name, "name", b"theirs") for name in reversed(names))
        ),
    )
    assert ours == list(reversed(theirs))


async def test_a_part_hears_of_the_end_of_its_request(store: Store) -> None:
    await store.record_requests([NEW])
    await store.snapshot_once("a-1", "wallet:W1", b"said")
    assert await store.output_state("a-1", "wallet:W1") == (False, b"said")
    assert await store.output_state("a-1", "wallet:W2") == (False, None)
    assert await store.output_state("unknown", "wallet:W1") == (True, None)
    await store.record_progress("a-1", 3, _record(b"3"))
    assert await store.progress_and_end("a-1", 2) == ProgressAndEnd([_record(b"3")], None)
    assert await store.progress_and_end("unknown", 1) == ProgressAndEnd([], None, is_recorded=False)
    ending = await store.decide_one(
        Decision("a-1", "cancelled", "cancelled", _record(b"end"), _record(b"last"))
    )
    assert await store.output_state("a-1", "wallet:W2") == (True, None)
    assert await store.progress_and_end("a-1", 4) == ProgressAndEnd([], ending)


async def test_balances_of_several_requests_are_kept_together(store: Store) -> None:
    """A failure gives way to what is found later, what was found stays."""
    await store.record_requests([NEW, replace(NEW, request_id="a-2")])
    good, bad = {"state": "ok", "lamports": 1}, {"state": "failed", "lamports": None}
    await asyncio.gather(
        store.put_balances("a-1", {"W1": good, "W2": bad}), store.put_balances("a-2", {"W1": bad})
    )
    later = {"state": "ok", "lamports": 2}
    await store.put_balances("a-1", {"W1": later, "W2": later})
    assert await store.balances("a-1") == {"W1": good, "W2": later}
    assert await store.balances("a-2") == {"W1": bad}
