"""A record is done when its outputs or its dead letter are confirmed; what is too large leaves its parts behind."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.engine.delivery.dead_letters import check_readable, dead_letter
from streamproc.engine.delivery.flow import Flow
from streamproc.engine.delivery.offsets import OffsetTracker
from streamproc.engine.delivery.refusals import OutputImpossibleError, OutputRefusedError
from streamproc.engine.delivery.stage import Stage, share_of
from streamproc.engine.records import Outgoing, Record
from streamproc.errors import DeadLetterError
from streamproc.kafka.record_batches import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ODD = DeadLetterError("odd", "it is odd")


def record(value: bytes | None = b"v", key: bytes | None = b"k", **headers: bytes | None) -> Record:
    return Record("work", 1, 7, key, value, tuple(headers.items()), 0)


def letter(of: Record, **how: Any) -> Outgoing:  # noqa: ANN401 - of dead_letter
    return dead_letter("dead", of, ODD, now_s=1.0, **how)


def test_a_letter_of_usual_size_is_whole() -> None:
    found = letter(record(b"v", a=b"1", b=None))
    assert (found.key, found.value, found.headers[:2]) == (b"k", b"v", (("a", b"1"), ("b", None)))
    assert dict(found.headers)["x-reason"] == b"odd"


def test_a_large_letter_leaves_its_value_behind_then_its_headers_then_its_key() -> None:
    large = record(b"v" * 900, b"k" * 700, h=b"h" * 800)
    bare = letter(large, most=2000)
    assert (bare.key, bare.value, dict(bare.headers)["h"]) == (large.key, None, b"h" * 800)
    assert dict(bare.headers)["x-value-bytes"] == b"900"
    digest = hashlib.sha256(b"v" * 900).hexdigest().encode()
    assert dict(bare.headers)["x-value-sha256"] == digest
    headless = dict(letter(large, most=1300).headers)
    assert "h" not in headless
    assert (headless["x-headers-left-out"], headless["x-headers-bytes"]) == (b"1", b"801")
    keyless = letter(large, most=10)
    assert (keyless.key, keyless.value, dict(keyless.headers)["x-key-bytes"]) == (
        None,
        None,
        b"700",
    )
    assert dict(keyless.headers)["__streams.errors.offset"] == b"7"


@given(
    st.none() | st.binary(max_size=300),
    st.none() | st.binary(max_size=300),
    st.dictionaries(st.text(max_size=9), st.none() | st.binary(max_size=300), max_size=4),
    st.integers(700, 2000),
)
def test_no_letter_is_larger_than_it_may_be(
    value: bytes | None, key: bytes | None, headers: dict[str, bytes | None], most: int
) -> None:
    found = letter(Record("work", 1, 7, key, value, tuple(headers.items()), 0), most=most)
    size = len(found.key or b"") + len(found.value or b"")
    size += sum(len(name) + len(content or b"") for name, content in found.headers)
    assert size <= most
    assert dict(found.headers)["x-reason"] == b"odd"


def test_a_record_that_cannot_be_read_has_a_letter_of_its_place() -> None:
    odd = record(Unreadable("it unpacks to too much", 9), None)
    with pytest.raises(DeadLetterError, match="too much") as caught:
        check_readable(odd)
    found = dead_letter("dead", odd, caught.value, now_s=1.0)
    assert found.value is None
    assert dict(found.headers)["x-last-offset"] == b"9"


def test_whose_a_record_is_is_asked_of_any_header() -> None:
    assert share_of(record(ce_subject=None)) == (b"default", b"k")
    assert share_of(record(ce_tenant=b"acme", ce_subject=b"r")) == (b"acme", b"r")
    long = share_of(record(ce_subject=b"x" * 1_000_000, ce_tenant=b"t" * 1_000_000))
    assert max(map(len, long)) <= 64
    assert share_of(record(key=None, ce_subject=None, ce_tenant=None)) == (b"default", b"")


# --- what the brokers refuse ---


class Producer:
    """Takes what it is told to take."""

    def __init__(self, refuse: Callable[[Outgoing], Exception | None]) -> None:
        self.sent: list[Outgoing] = []
        self._refuse = refuse

    def send(self, records: Sequence[Outgoing]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        error = next(filter(None, map(self._refuse, records)), None)
        if error is None:
            self.sent += records
            future.set_result(None)
        else:
            future.set_exception(error)
        return future


async def worked_off(
    refuse: Callable[[Outgoing], Exception | None], outs: Sequence[Outgoing] = ()
) -> tuple[Flow, Producer, Stage, list[str]]:
    """A stage after one record: its handler fails, or says `outs`."""
    stopped: list[str] = []
    producer: Any = Producer(refuse)
    flow = Flow(producer, "dead", stop=lambda: stopped.append(flow.stopped_for))

    async def handle(_: Record) -> Sequence[Outgoing]:
        if not outs:
            raise ODD
        return outs

    stage = Stage("work", handle, flow, limit=4, window=100)
    flow.tracker.register(stage, ["work"])
    flow.tracker.assign([("work", 1)], 1)
    flow.is_holding = False
    batch = flow.tracker.pack(("work", 1), [record()], None)
    assert batch is not None
    await stage.take(batch)
    for _ in range(50):
        await asyncio.sleep(0)
    return flow, producer, stage, stopped


async def test_a_refused_letter_goes_without_its_value() -> None:
    flow, producer, stage, stopped = await worked_off(
        lambda out: OutputRefusedError("too large") if out.value else None
    )
    (found,) = producer.sent
    assert (found.value, dict(found.headers)["x-value-bytes"]) == (None, b"1")
    assert not flow.tracker.unfinished(stage)
    assert not stopped


async def test_a_letter_that_is_refused_whatever_is_left_out_stops_the_worker_and_loses_nothing() -> (
    None
):
    flow, _, stage, stopped = await worked_off(lambda _: OutputRefusedError("too large"))
    assert flow.tracker.unfinished(stage) == 1
    assert len(stopped) == 1
    assert "the dead letter of work/1/7 is refused" in stopped[0]


@pytest.mark.parametrize("closed", ["dead", "out"])
async def test_a_topic_that_cannot_be_written_stops_the_worker_and_loses_nothing(
    closed: str,
) -> None:
    outs = [] if closed == "dead" else [Outgoing("out", b"k", b"v")]
    flow, producer, stage, stopped = await worked_off(
        lambda out: OutputImpossibleError(f"{out.topic} is gone") if out.topic == closed else None,
        outs,
    )
    assert flow.tracker.unfinished(stage) == 1
    assert stopped == [f"{closed} is gone"]
    assert not producer.sent


# --- how much is held ---


def test_a_partition_is_not_read_on_while_too_much_of_it_is_held() -> None:
    tracker: OffsetTracker[str] = OffsetTracker()
    place = ("work", 1)
    tracker.register("reader", ["work"])
    tracker.assign([place], 1)
    large = record(b"x" * (limits.PARTITION_HELD_MAX_BYTES - 10))
    assert tracker.has_room(place)
    batch = tracker.pack(place, [large], None)
    assert batch is not None
    assert not tracker.has_room(place)
    admitted = tracker.admit("reader", batch)
    assert not tracker.has_room(place)
    assert admitted is not None
    admitted.offsets.finish(7)
    assert tracker.has_room(place)


def test_offsets_without_records_are_no_lag() -> None:
    tracker: OffsetTracker[str] = OffsetTracker()
    place = ("work", 1)
    tracker.register("reader", ["work"])
    tracker.assign([place], 1)
    batch = tracker.pack(place, [record()], None)
    assert batch is not None
    assert tracker.lag(place, 0, 9, delivered=True) > 0
    admitted = tracker.admit("reader", batch)
    assert tracker.lag(place, 0, 9, delivered=True) == 0
    assert tracker.lag(place, 0, 9, delivered=False) > 0
    admitted.offsets.finish(7)  # type: ignore[union-attr]
    assert tracker.lag(place, 0, 9, delivered=False) == 0
    assert tracker.lag(place, 3, 9, delivered=False) == 3
