"""Batches of records are read within bounds, and one record that cannot be read hides no other."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.kafka.record_batches import Batches, Records, Unreadable
from streamproc.kafka.unpacking import UnreadableError, unpacked
from tests.hostile.raw import CODECS, IS_CONTROL, IS_TRANSACTIONAL, Raw, batch, bomb, framed, packed

PACKED = [name for name in CODECS if name != "none"]
GOOD = Raw(b"value", b"key", [(b"name", b"value"), (b"null", None)])


def read(data: bytes, first_offset: int = 0) -> list[Any]:
    """The records as aiokafka's fetcher gets them."""
    place = TopicPartition("t", 0)
    return list(Records(place, Batches(data), None, first_offset, None, None, True, 1))


@pytest.mark.parametrize("codec", CODECS)
def test_good_records_come_as_they_are(codec: str) -> None:
    found = read(batch([GOOD, Raw(None)], codec=codec, timestamp_ms=7))
    assert [(each.offset, each.key, each.value, each.timestamp) for each in found] == [
        (0, b"key", b"value", 7),
        (1, None, None, 7),
    ]
    assert list(found[0].headers) == [("name", b"value"), ("null", None)]


@pytest.mark.parametrize("codec", CODECS)
def test_a_name_that_is_no_utf8_comes_with_escapes_and_hides_nobody(codec: str) -> None:
    odd = Raw(b"odd", b"k", [(b"\xff\xc3(", b"x"), (b"", b"")])
    found = read(batch([GOOD, odd, GOOD], codec=codec))
    assert [each.value for each in found] == [b"value", b"odd", b"value"]
    assert list(found[1].headers) == [("\\xff\\xc3(", b"x"), ("", b"")]


@pytest.mark.parametrize("codec", PACKED)
def test_a_bomb_takes_no_memory_and_is_stepped_over(codec: str) -> None:
    data = bomb(codec, 3 * limits.BATCH_UNPACKED_MAX_BYTES) + batch([GOOD], base_offset=1)
    tracemalloc.start()
    try:
        odd, good = read(data)
        assert tracemalloc.get_traced_memory()[1] < 3 * limits.BATCH_UNPACKED_MAX_BYTES
    finally:
        tracemalloc.stop()
    assert isinstance(odd.value, Unreadable)
    assert "unpacks to" in odd.value.why
    assert good.value == b"value"


@pytest.mark.parametrize("codec", PACKED)
def test_a_batch_that_is_being_read_takes_its_own_size_and_no_more(codec: str) -> None:
    """Each partition holds one while its records wait; those of a flood pack to a thirtieth and better."""
    size = 1000 * 500
    data = batch([Raw(b"r" * 490, b"key")] * 1000, codec=codec)
    tracemalloc.start()
    try:
        records = Records(TopicPartition("t", 0), Batches(data), None, 0, None, None, True, 1)
        assert next(records).value == b"r" * 490
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now < 1.2 * size
    assert peak < 8 * size


@pytest.mark.parametrize("codec", PACKED)
def test_what_is_no_such_format_is_stepped_over_record_by_record(codec: str) -> None:
    for body in (b"", b"\0" * 50, packed(b"x" * 500, codec)[:-9]):
        found = read(framed(body, 3, codec))
        assert [each.offset for each in found] == list(range(len(found)))
        assert (found[-1].value.last_offset or found[-1].offset) == 2
        assert all(isinstance(each.value, Unreadable) for each in found)


def test_an_unknown_codec_is_stepped_over() -> None:
    (found,) = read(framed(b"x", 1, attributes=5))
    assert "unknown way" in found.value.why


def test_a_batch_of_too_many_records_is_one_unreadable_one() -> None:
    count = limits.BATCH_MAX_RECORDS + 1
    (found,) = read(batch([Raw(None)] * count, codec="zstd"))
    assert (found.offset, found.value.last_offset) == (0, count - 1)


def test_a_fetch_is_read_in_portions_that_go_on_where_the_last_one_ended() -> None:
    large = Raw(b"x" * 1_000_000)
    data = batch([large] * 15, codec="zstd")
    first = read(data)
    assert 1 < len(first) < 15
    second = read(data, first[-1].offset + 1)
    assert [each.offset for each in first + second] == list(range(15))


def test_a_record_larger_than_a_fetch_comes_whole() -> None:
    large = Raw(b"x" * (limits.FETCH_UNPACKED_MAX_BYTES + 1_000_000))
    assert len(read(batch([large, GOOD], codec="lz4"))) == 1


def test_marks_of_transactions_are_no_records_and_aborted_ones_neither() -> None:
    aborted = batch([GOOD], attributes=IS_TRANSACTIONAL)
    mark = batch([Raw(b"\0" * 6, b"\0\0\0\0")], attributes=IS_TRANSACTIONAL | IS_CONTROL)
    place = TopicPartition("t", 0)
    records = Records(place, Batches(aborted + mark), [(-1, 0)], 0, None, None, True, 1)
    assert list(records) == []
    assert len(read(aborted)) == 1


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 4), st.sampled_from(sorted(CODECS)))
def test_any_bytes_in_a_batch_are_read_or_stepped_over(body: bytes, count: int, codec: str) -> None:
    found = read(framed(body, count, codec) + batch([GOOD], base_offset=count))
    assert found[-1].value == b"value"
    found = read(framed(packed(body, codec), count, codec) + batch([GOOD], base_offset=count))
    assert found[-1].value == b"value"


@given(st.binary(max_size=300), st.integers(1, 4))
def test_any_bytes_unpack_or_are_refused(data: bytes, codec: int) -> None:
    try:
        assert len(unpacked(codec, data, 1000)) <= 1000
    except UnreadableError as error:
        assert str(error)  # noqa: PT017 - either is right


@given(
    st.lists(
        st.tuples(
            st.none() | st.binary(max_size=20),
            st.none() | st.binary(max_size=20),
            st.lists(
                st.tuples(st.binary(max_size=9), st.none() | st.binary(max_size=9)), max_size=4
            ),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(sorted(CODECS)),
)
def test_whatever_a_producer_writes_is_read(
    records: list[tuple[bytes | None, bytes | None, list[tuple[bytes, bytes | None]]]], codec: str
) -> None:
    found = read(batch([Raw(*each) for each in records], codec=codec))
    assert [(each.value, each.key) for each in found] == [each[:2] for each in records]
    for each, (_, _, headers) in zip(found, records, strict=True):
        names = [(name.decode("utf-8", "backslashreplace"), value) for name, value in headers]
        assert list(each.headers) == names
