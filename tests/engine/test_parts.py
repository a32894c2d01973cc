"""The small parts: dead letters, failpoints, the log filter, the timer's order, what the changelog keeps."""

from __future__ import annotations

import logging
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.backoff import delay_s
from streamproc.engine import failpoints
from streamproc.engine.delivery.dead_letters import dead_letter, public_text
from streamproc.engine.health.log_rate_limit import LogRateLimit
from streamproc.engine.join import changelog
from streamproc.engine.join.due import DueTimes
from streamproc.engine.records import Outgoing, Record
from streamproc.errors import ConfigurationError, DeadLetterError

RECORD = Record("topic", 3, 7, b"key", None, (("mine", b"1"), ("x-first-seen", b"then")), 5)


def test_a_dead_letter_is_the_record_with_a_reason() -> None:
    letter = dead_letter("dead", RECORD, DeadLetterError("odd", "it is odd"), now_s=1_700_000_000)
    assert letter == Outgoing(
        "dead",
        b"key",
        None,
        (
            ("mine", b"1"),
            ("__streams.errors.topic", b"topic"),
            ("__streams.errors.partition", b"3"),
            ("__streams.errors.offset", b"7"),
            ("__streams.errors.exception", b"DeadLetterError"),
            ("__streams.errors.message", b"it is odd"),
            ("x-reason", b"odd"),
            ("x-first-seen", b"then"),
        ),
        None,
        1_700_000_000_000,
    )


def test_the_first_time_is_when_it_was_first_seen_to_fail() -> None:
    fresh = RECORD._replace(headers=())
    letter = dead_letter("dead", fresh, DeadLetterError("odd", "x"), now_s=1_700_000_000)
    assert dict(letter.headers)["x-first-seen"] == b"2023-11-14T22:13:20Z"


def test_a_foreign_error_shows_its_class_only_and_ours_is_cut() -> None:
    assert public_text(ValueError("password s3cret")) == "an unexpected error"
    assert len(public_text(DeadLetterError("odd", "x" * 9999))) == limits.ERROR_TEXT_MAX_CHARACTERS


def test_failpoints_are_read_as_written() -> None:
    assert failpoints.parse(" mid-sync=kill, before-outputs=delay:0.5,after-fan-out=raise") == {
        "mid-sync": failpoints.Action("kill"),
        "before-outputs": failpoints.Action("delay", 0.5),
        "after-fan-out": failpoints.Action("raise"),
    }
    assert failpoints.parse("") == {}


def test_every_fault_of_failpoints_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        failpoints.parse("nowhere=kill,mid-sync=explode,before-outputs=delay:soon")
    assert len(error.value.faults) == 3


async def test_an_armed_point_raises_and_an_unarmed_one_does_nothing() -> None:
    failpoints.arm({"mid-sync": failpoints.Action("raise")})
    try:
        await failpoints.reach("before-outputs")
        failpoints.reach_now("before-outputs")
        with pytest.raises(failpoints.FailpointError):
            await failpoints.reach("mid-sync")
        with pytest.raises(failpoints.FailpointError):
            failpoints.reach_now("mid-sync")
    finally:
        failpoints.arm({})


def line(name: str, template: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, template, (), None)


def test_a_flood_of_equal_lines_is_cut_and_counted() -> None:
    now = 0.0
    log_rate_limit = LogRateLimit(lambda: now)
    passed = [log_rate_limit.filter(line("aiokafka.conn", "lost %s")) for _ in range(100)]
    assert passed == [True] * limits.LOG_BURST + [False] * (100 - limits.LOG_BURST)
    assert log_rate_limit.filter(line("aiokafka.conn", "another"))
    now = limits.LOG_WINDOW_S
    later = line("aiokafka.conn", "lost %s")
    assert log_rate_limit.filter(later)
    assert f"{100 - limits.LOG_BURST} like this" in later.msg


def test_other_loggers_are_left_alone() -> None:
    log_rate_limit = LogRateLimit()
    assert all(log_rate_limit.filter(line("streamproc.agents", "said")) for _ in range(100))


@given(
    st.lists(st.tuples(st.binary(max_size=2), st.floats(0, 100)), max_size=30), st.floats(0, 100)
)
def test_keys_are_looked_at_by_their_last_time_the_earliest_first(
    schedule: list[tuple[bytes, float]], now: float
) -> None:
    times = DueTimes()
    for key, at in schedule:
        times.schedule(key, at)
    last = dict(schedule)
    taken = times.take(now)
    assert sorted(taken) == sorted(key for key, at in last.items() if at <= now)
    assert [last[key] for key in taken] == sorted(last[key] for key in taken)
    assert times.take(now) == []


def test_one_tick_looks_at_a_bounded_number_of_keys() -> None:
    times = DueTimes()
    for number in range(10):
        times.schedule(b"%d" % number, number)
    assert len(times.take(100, most=4)) == 4
    assert len(times.take(100)) == 6


outgoing = st.builds(
    Outgoing,
    st.text(max_size=5),
    st.none() | st.binary(max_size=5),
    st.none() | st.binary(max_size=5),
    st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=3).map(tuple),
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 2**41),
)


@given(st.none() | st.binary(max_size=9), st.lists(outgoing, max_size=4))
def test_what_the_changelog_keeps_comes_back_as_it_was(
    state: bytes | None, outs: list[Outgoing]
) -> None:
    kept = changelog.decode(changelog.encode(state, outs, ("topic", 1)))
    assert kept == changelog.Stored(state, tuple(outs), ("topic", 1))


def test_what_this_engine_did_not_write_does_not_decode() -> None:
    with pytest.raises(msgspec.DecodeError):
        changelog.decode(b"{}")
    packed = changelog.encode(bytes(20_000))
    assert packed[:1] == changelog._PACKED
    with pytest.raises(zlib.error, match="cut off"):
        changelog.decode(packed[:-8])
    with pytest.raises(zlib.error, match="over 134217728 bytes"):
        changelog.decode(changelog._PACKED + zlib.compress(bytes(129 << 20), 1))


def test_waits_double_up_to_the_cap() -> None:
    assert [delay_s(tries) for tries in (1, 2, 3, 1000)] == [0.1, 0.2, 0.4, limits.RETRY_CAP_S]
