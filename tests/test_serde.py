"""Records: the headers of CloudEvents, an identity that repeats share, and decoding that never crashes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import (
    AnalysisCancelRequested,
    AnalysisDue,
    AnalysisProgressed,
    AnalysisRequested,
    Event,
    Options,
    WalletAnalyzed,
    WalletProgressed,
    WalletSyncRequested,
)
from streamproc.serde import (
    NAMESPACE,
    Codec,
    ce_id,
    ce_id_of,
    decode,
    decode_internal,
    header,
    new_trace,
    trace_of,
)
from streamproc.topics import read_topology

WALLET = str(Pubkey(b"\x01" * 32))
CODEC = Codec(read_topology(), "test-")


def sync(**changes: object) -> WalletSyncRequested:
    """A sync of one wallet."""
    fields: dict[str, Any] = {
        "request_id": "r",
        "wallet": WALLET,
        "options": Options(),
        "requested_at_ms": 1,
        "deadline_at": 2,
    }
    return WalletSyncRequested(**fields | changes)


def progress(**changes: object) -> AnalysisProgressed:
    """A progress record."""
    fields: dict[str, Any] = {
        "request_id": "r",
        "seq": 1,
        "stage": "syncing",
        "percent": 7.5,
        "wallets_total": 2,
        "wallets_done": 0,
        "wallets_failed": 0,
        "balances_done": False,
        "message": "",
        "terminal": False,
        "at": 1,
    }
    return AnalysisProgressed(**fields | changes)


def test_a_record_has_the_headers_of_cloudevents() -> None:
    record = CODEC.encode(sync(), time_ms=1_700_000_000_123)
    headers = dict(record.headers)
    uuid.UUID(headers.pop("ce_id").decode())
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": b"/streamproc",
        "ce_type": b"WalletSyncRequested",
        "ce_dataschema": b"urn:streamproc:WalletSyncRequested:1",
        "ce_time": b"2023-11-14T22:13:20.123Z",
        "ce_subject": b"r",
        "content-type": b"application/json",
    }
    assert (record.topic, record.key) == ("test-wallet-sync", WALLET.encode())
    assert record.timestamp_ms == 1_700_000_000_123


def test_a_trace_is_continued_only_when_there_is_one() -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced = CODEC.encode(sync(), time_ms=0, traceparent=trace)
    assert header(traced.headers, "traceparent") == trace
    assert header(CODEC.encode(sync(), time_ms=0).headers, "traceparent") is None


def test_keys_follow_the_declaration() -> None:
    assert CODEC.encode(progress(), time_ms=0).key == b"r"
    assert CODEC.encode(sync(), time_ms=0).key == WALLET.encode()


def test_the_same_event_at_the_same_time_is_the_same_record() -> None:
    assert CODEC.encode(progress(), time_ms=5) == CODEC.encode(progress(), time_ms=5)


def test_a_ready_made_value_gives_the_same_record_as_its_event() -> None:
    event = progress()
    record = CODEC.encode(event, time_ms=5)
    ready = CODEC.encode_value(
        AnalysisProgressed, record.value, ce_id(event), request_id="r", time_ms=5
    )
    assert ready == record


def test_asking_again_keeps_the_identity() -> None:
    assert ce_id(sync()) == ce_id(sync(attempt=7))


@given(
    st.lists(st.text(st.characters(codec="utf-8")), max_size=3),
    st.text(st.characters(codec="utf-8")),
)
def test_an_identity_is_the_name_based_uuid_of_what_the_event_means(
    more: list[str], request_id: str
) -> None:
    name = "\x1f".join(["AnalysisDue", request_id, *more])
    assert ce_id_of(AnalysisDue, request_id, *more) == str(uuid.uuid5(NAMESPACE, name))


def due(kind: str, at: int) -> AnalysisDue:
    return AnalysisDue.model_validate({"request_id": "r", "kind": kind, "at": at})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sync(), sync(wallet=str(Pubkey(b"\x02" * 32)))),
        (sync(), sync(request_id="other")),
        (progress(), progress(seq=2)),
        (
            WalletAnalyzed(request_id="r", wallet=WALLET, outcome="analyzed"),
            WalletProgressed(request_id="r", wallet=WALLET, transactions=0, fraction=None),
        ),
        (
            WalletProgressed(request_id="r", wallet=WALLET, transactions=1, fraction=0.1),
            WalletProgressed(request_id="r", wallet=WALLET, transactions=2, fraction=0.1),
        ),
        (due("heal", 7), due("expire", 7)),
        (due("heal", 7), due("heal", 8)),
    ],
)
def test_what_means_something_else_has_another_identity(one: Event, other: Event) -> None:
    assert ce_id(one) != ce_id(other)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "not_json"),
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"request_id": "r"', "not_json"),
        (b'{"request_id": "\xc3"}', "not_json"),
        (b" " * (limits.EVENT_MAX_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_json_is_a_dead_letter_with_a_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(DeadLetterError) as caught:
        decode(AnalysisRequested, value)
    assert caught.value.reason == reason


def test_a_value_of_exactly_the_size_limit_is_read() -> None:
    fitting = progress().model_dump_json().encode().ljust(limits.EVENT_MAX_BYTES)
    assert decode_internal(AnalysisProgressed, fitting) == progress()
    with pytest.raises(DeadLetterError, match=str(limits.EVENT_MAX_BYTES + 1)):
        decode_internal(AnalysisProgressed, fitting + b" ")


@pytest.mark.parametrize("value", [b"[]", b"3", b'"text"', b"null", b"true"])
def test_json_that_is_no_object_is_refused_as_a_whole(value: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode(AnalysisRequested, value)
    assert [fault.field for fault in caught.value.faults] == ["value"]


def test_what_agents_say_wrong_is_a_dead_letter() -> None:
    with pytest.raises(DeadLetterError) as caught:
        decode_internal(AnalysisProgressed, b'{"request_id": "r"}')
    assert caught.value.reason == "invalid"


def test_a_long_wrong_value_is_quoted_in_part() -> None:
    value = b'{"request_id": "r", "reason": "' + b"x" * 10_000 + b'"}'
    with pytest.raises(InvalidInputError) as caught:
        decode(AnalysisCancelRequested, value)
    assert len(caught.value.faults[0].value) <= limits.FAULT_VALUE_MAX_CHARACTERS + 3


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused_by_name(value: bytes) -> None:
    with pytest.raises((DeadLetterError, InvalidInputError)):
        decode(AnalysisRequested, value)


W3C = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"0" * 1_000_000,
        b"00-\r\nX-Injected: 1\x1b[31m",
        W3C + b"\n",
        W3C + b"-more",
        W3C.upper(),
        b"ff" + W3C[2:],
        b"00-" + b"0" * 32 + W3C[35:],
        W3C[:36] + b"0" * 16 + W3C[52:],
        W3C.replace(b"4b", "\uff14b".encode(), 1),
    ],
)
def test_a_trace_counts_in_the_w3c_form_alone(value: bytes | None) -> None:
    assert trace_of([("traceparent", value)]) is None
    assert trace_of([("a", None), ("traceparent", W3C), ("traceparent", value)]) == W3C


@given(st.text(), st.integers(0, 1 << 31), st.integers(0, 1 << 63))
def test_a_new_trace_has_the_w3c_form_and_is_the_same_each_time(
    topic: str, partition: int, offset: int
) -> None:
    trace = new_trace(topic=topic, partition=partition, offset=offset)
    assert trace_of([("traceparent", trace)]) == trace
    assert new_trace(topic=topic, partition=partition, offset=offset) == trace


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_no_time_of_a_record_is_too_odd_to_be_written(time_ms: int) -> None:
    assert header(CODEC.encode(progress(), time_ms=time_ms).headers, "ce_time")


def test_source_and_type_are_the_installations_choice() -> None:
    codec = replace(CODEC, source="/wallets", type_prefix="com.example.")
    headers = codec.encode(progress(), time_ms=0).headers
    assert header(headers, "ce_source") == b"/wallets"
    assert header(headers, "ce_type") == b"com.example.AnalysisProgressed"
    assert header(headers, "ce_dataschema") == b"urn:streamproc:AnalysisProgressed:1"


@given(st.integers(0, 4_000_000_000_000))
def test_the_time_header_is_the_records_time_to_the_millisecond(time_ms: int) -> None:
    record = CODEC.encode(progress(), time_ms=time_ms)
    text = (header(record.headers, "ce_time") or b"").decode()
    assert round(datetime.fromisoformat(text).timestamp() * 1000) == time_ms
