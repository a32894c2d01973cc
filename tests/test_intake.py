"""Records from outside: one parser and one answer, whatever was put into the bytes."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from streamproc import limits
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import AnalysisCancelRequested, AnalysisRequested
from streamproc.faults import OTHERWISE
from streamproc.intake import (
    OutsideFaultsError,
    decode_outside,
    enveloped_trace,
    scanned_request_id,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from streamproc.serde import ReceivedHeaders

WALLETS = [str(Pubkey(bytes([n]) * 32)) for n in range(1, 4)]
REQUEST: dict[str, Any] = {"request_id": "A", "wallets": WALLETS}
GOOD = json.dumps(REQUEST).encode()
STRUCTURED = (
    ("Content-Type", b"x"),
    ("content-type", b"Application/CloudEvents+JSON; charset=utf-8"),
)
LIBRARY_WORDS = ("Input should", "Extra inputs", "valid integer", "Field required", "pydantic")


def refused(value: bytes, headers: ReceivedHeaders = ()) -> OutsideFaultsError:
    """How a record is refused whose sender can be answered."""
    with pytest.raises(OutsideFaultsError) as caught:
        decode_outside(AnalysisRequested, value, headers)
    assert caught.value.request_id == "A"
    assert not any(words in str(caught.value) for words in LIBRARY_WORDS)
    return caught.value


def letter(value: bytes | None, headers: ReceivedHeaders = ()) -> DeadLetterError:
    """Why a record becomes a dead letter."""
    with pytest.raises(DeadLetterError) as caught:
        decode_outside(AnalysisRequested, value, headers)
    assert not any(words in str(caught.value) for words in LIBRARY_WORDS)
    return caught.value


def outcome(model: type[BaseModel], value: bytes) -> InvalidInputError | DeadLetterError | None:
    """How a record is refused, None when it is not."""
    try:
        decode_outside(model, value)
    except (InvalidInputError, DeadLetterError) as error:
        return error
    return None


def changed(**fields: object) -> bytes:
    """A good request with other fields beside it."""
    return json.dumps({**REQUEST, **fields}).encode()


def raw(field: str, text: str) -> bytes:
    """A good request with a field whose JSON is written out."""
    return GOOD[:-1] + f', "{field}": {text}}}'.encode()


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode_outside(AnalysisRequested, b"\xef\xbb\xbf" + GOOD).request_id == "A"


@pytest.mark.parametrize(
    "frame", [b"\0\0\0\0\7", b"\0" + b"\0" * 7 + b"\7", b"\3\0" + b"\1" * 16, b"\1"]
)
def test_a_registrys_frame_is_named(frame: bytes) -> None:
    (fault,) = refused(frame + GOOD).faults
    assert "frame of a schema registry" in fault.rule
    assert "frame" in str(letter(frame + b'{"wallets": []}'))
    assert "frame" in str(letter(frame + b"{no json"))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
@pytest.mark.parametrize("field", ["min_success_ratio", "deadline_s", "since", "unknown"])
def test_what_is_no_finite_number_is_answered(field: str, text: str) -> None:
    assert [fault.field for fault in refused(raw(field, text)).faults] == [field]


@pytest.mark.parametrize("field", ["credit_budget", "since", "until", "deadline_s", "max_pairs"])
@pytest.mark.parametrize(
    "digits", [str(2**63), str(2**64), str(10**25), str(10**30), "1" + "0" * 5000]
)
def test_integers_past_64_bits_are_answered_with_their_bound(field: str, digits: str) -> None:
    (fault,) = refused(raw(field, digits)).faults
    assert (fault.field, fault.rule.startswith("must be at most ")) == (field, True)


@pytest.mark.parametrize("field", ["credit_budget", "since", "until"])
def test_the_largest_integer_is_taken(field: str) -> None:
    request = decode_outside(AnalysisRequested, changed(**{field: 2**63 - 1}))
    assert getattr(request, field) == 2**63 - 1


@pytest.mark.parametrize("value", [60.0, True, "60", None, [60], {"s": 60}])
def test_what_is_no_integer_is_answered(value: object) -> None:
    (fault,) = refused(changed(deadline_s=value)).faults
    assert fault.rule == "must be an integer"


def test_a_name_that_stands_twice_is_answered() -> None:
    (fault,) = refused(GOOD[:-1] + b', "rank_by": "idf", "rank_by": "idf"}').faults
    assert fault == ("rank_by", "twice", "must stand once")


def test_two_request_ids_are_nobodys() -> None:
    assert letter(GOOD[:-1] + b', "request_id": "B"}').reason == "invalid_request"


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udfff\\ud800"'])
def test_lone_surrogates_are_answered(text: str) -> None:
    assert [each.field for each in refused(raw("rank_by", text)).faults] == ["rank_by"]
    assert refused(raw("wallets", f"[{text}]")).faults
    name = refused(GOOD[:-1] + b", " + text.encode() + b": 1}").faults[0].field
    name.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_another_encoding_is_answered(encoding: str) -> None:
    (fault,) = refused(GOOD.decode().encode(encoding)).faults
    assert "UTF-8" in fault.rule


def test_a_byte_that_is_no_utf8_is_answered() -> None:
    found = refused(GOOD[:-1] + b', "rank_by": "\xff"}').faults
    assert [fault.field for fault in found] == ["value", "rank_by"]


@pytest.mark.parametrize("close", [b"]" * 100_000 + b"}", b""])
def test_what_is_nested_too_deeply_is_answered_where_the_id_comes_first(close: bytes) -> None:
    (fault,) = refused(GOOD[:-1] + b', "x": ' + b"[" * 100_000 + close).faults
    assert "nested" in fault.rule


def test_what_is_too_large_is_answered_unparsed() -> None:
    ones = b",".join([b"1"] * 4_000_000)
    (fault,) = refused(b'{"request_id": "A", "wallets": [' + ones + b"]}").faults
    assert fault.field == "value"
    assert letter(b'{"wallets": [' + ones + b'], "x": {"request_id": "A"}}').reason == "too_large"
    assert letter(b"0" * 2_000_000).reason == "too_large"


def test_hundreds_of_thousands_of_faults_are_told_as_a_hundred_and_their_number() -> None:
    wrong = b",".join([b"1"] * 500_000)
    assert len(refused(b'{"request_id":"A","wallets":[' + wrong + b"]}").faults) == 1
    fields = b",".join(b'"k%d":1' % number for number in range(80_000))
    error = refused(b'{"request_id":"A","wallets":["a"],' + fields + b"}")
    assert len(error.faults) == 80_001
    assert "79901 more" in str(error)
    assert len(str(error)) < 20_000


@pytest.mark.parametrize(
    "value", [b"", b" ", b"{", b"no json", b"\x00", GOOD[:-1], GOOD + b"x", b"'A'"]
)
def test_what_is_no_json_is_a_dead_letter(value: bytes) -> None:
    assert letter(value).reason == "not_json"


@pytest.mark.parametrize(
    "value", [b"[]", b"1", b"null", b'"A"', b"{}", b'{"request_id": 7}', b'{"request_id": "a/b"}']
)
def test_json_that_names_no_usable_id_is_a_dead_letter(value: bytes) -> None:
    assert letter(value).reason == "invalid_request"


def test_no_value_is_a_dead_letter() -> None:
    assert letter(None).reason == "tombstone"


@pytest.mark.parametrize("length", [1, 64])
def test_ids_and_tenants_of_up_to_64_letters_are_taken(length: int) -> None:
    name = ("Az0._-" * 11)[:length]
    request = decode_outside(AnalysisRequested, changed(request_id=name, tenant=name))
    assert (request.request_id, request.tenant) == (name, name)


@pytest.mark.parametrize("tenant", ["", "x" * 65, "a b", "é", 7, None])
def test_a_tenant_of_other_letters_is_answered(tenant: object) -> None:
    assert [each.field for each in refused(changed(tenant=tenant)).faults] == ["tenant"]


def test_the_default_tenant_is_default() -> None:
    assert decode_outside(AnalysisRequested, GOOD).tenant == "default"


def test_one_wallet_is_enough() -> None:
    assert decode_outside(AnalysisRequested, changed(wallets=WALLETS[:1] * 5)).wallets


# --- CloudEvents in structured mode ---


def envelope(**fields: object) -> bytes:
    """A request in a CloudEvents envelope."""
    whole = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": REQUEST}
    return json.dumps({k: v for k, v in (whole | fields).items() if v is not None}).encode()


def test_a_request_in_an_envelope_is_read() -> None:
    assert decode_outside(AnalysisRequested, envelope(), STRUCTURED).wallets == WALLETS
    packed = envelope(data=None, data_base64=b64encode(GOOD).decode())
    assert decode_outside(AnalysisRequested, packed, STRUCTURED).wallets == WALLETS


def test_a_wrong_request_in_an_envelope_is_answered() -> None:
    wrong = envelope(data={**REQUEST, "deadline_s": 0}, specversion="0.3")
    assert [each.field for each in refused(wrong, STRUCTURED).faults] == [
        "specversion",
        "deadline_s",
    ]


@pytest.mark.parametrize("data", [None, "text", [], 7])
def test_an_envelope_without_a_request_is_a_dead_letter(data: object) -> None:
    assert "data" in str(letter(envelope(data=data), STRUCTURED))


def test_a_batch_of_events_is_refused_in_words() -> None:
    batched = (("content-type", b"application/cloudevents-batch+json"),)
    assert "batch" in str(letter(b"[" + envelope() + b"]", batched)) or letter(b"[]", batched)


@pytest.mark.parametrize("content_type", [None, b"", b"\xff\xfe", b"text/plain", b"x" * 100_000])
def test_any_other_content_type_is_binary_mode(content_type: bytes | None) -> None:
    assert decode_outside(AnalysisRequested, GOOD, (("content-type", content_type),)).wallets


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_trace_of_an_envelope_is_found() -> None:
    found = enveloped_trace(envelope(traceparent=TRACE), STRUCTURED)
    assert found == TRACE.encode()
    assert enveloped_trace(b"\xef\xbb\xbf" + envelope(traceparent=TRACE), STRUCTURED) == found


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        envelope(),
        envelope(traceparent="00-\r\nX-Injected: 1"),
        envelope(traceparent=7),
        envelope(traceparent="0" * 1_000_000),
        envelope(data={**REQUEST, "traceparent": TRACE}),
    ],
)
def test_what_is_no_trace_of_an_envelope_is_none(value: bytes | None) -> None:
    assert enveloped_trace(value, STRUCTURED) is None


def test_a_record_that_is_no_envelope_has_its_trace_in_headers_only() -> None:
    assert enveloped_trace(envelope(traceparent=TRACE), ()) is None


# --- texts without an end, names that stand twice ---

# Each of its quotes could begin a text.
UNCLOSED = b'"' + rb"\"" * (limits.REQUEST_MAX_BYTES // 2 - 20)


def test_a_text_without_an_end_is_looked_through_once() -> None:
    assert enveloped_trace(b'{"traceparent":1,' + UNCLOSED, STRUCTURED) is None
    assert letter(b'{"traceparent":1,' + UNCLOSED, STRUCTURED).reason == "not_json"
    long = b"{" + UNCLOSED + b" " * 100 + b',"request_id":"A"'
    assert len(long) > limits.REQUEST_MAX_BYTES
    assert letter(long).reason == "too_large"


@pytest.mark.parametrize("end", [b"", b'"', b"\\", b'\\"', b"\\\\", b'\\\\"', b'":{'])
def test_what_stands_before_a_text_without_an_end_is_found(end: bytes) -> None:
    assert scanned_request_id(b'{"request_id": "A", "' + end) == "A"
    assert scanned_request_id(b'{"x": "' + end) is None


def test_a_name_that_stands_twice_in_an_envelopes_request_is_refused() -> None:
    twice = envelope().replace(b'"wallets":', b'"wallets": ["x"], "wallets":')
    assert [fault.field for fault in refused(twice, STRUCTURED).faults] == ["wallets"]
    inner = envelope(data={**REQUEST, "wallets": WALLETS, "x": {"a": 1}}).replace(
        b'"a": 1', b'"a": 1, "a": 2'
    )
    assert [fault.field for fault in refused(inner, STRUCTURED).faults] == ["x"]


def test_two_ids_or_two_requests_in_an_envelope_are_answered_to_nobody() -> None:
    ids = envelope().replace(b'"request_id":', b'"request_id": "B", "request_id":')
    assert "request_id" in str(letter(ids, STRUCTURED))
    requests = envelope().replace(b'"data":', b'"data": {"request_id": "B"}, "data":')
    assert "data" in str(letter(requests, STRUCTURED))


@pytest.mark.parametrize("name", ["value", "data"])
def test_json_with_a_field_too_many_is_json(name: str) -> None:
    assert letter(json.dumps({name: 1}).encode()).reason == "invalid_request"


# --- whose it is ---


def test_of_a_refused_request_is_known_whose_it_is() -> None:
    def tenant_of(value: bytes, headers: ReceivedHeaders = ()) -> str | None:
        return refused(value, headers).tenant

    wrong = {**REQUEST, "max_pairs": 0}
    assert tenant_of(json.dumps({**wrong, "tenant": "acme"}).encode()) == "acme"
    assert tenant_of(envelope(data={**wrong, "tenant": "acme"}), STRUCTURED) == "acme"
    assert tenant_of(json.dumps(wrong).encode()) is None
    for odd in ("", "a b", None, 7, "x" * 65):
        assert tenant_of(json.dumps({**wrong, "tenant": odd}).encode()) is None
    twice = json.dumps({**wrong, "tenant": "acme"}).replace('"tenant"', '"tenant": "a", "tenant"')
    assert tenant_of(twice.encode()) is None


# --- whatever comes ---

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
any_json = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(AnalysisRequested.model_fields)), any_json))
def test_any_json_in_any_field_is_read_or_answered_in_our_words(fields: dict[str, Any]) -> None:
    value = json.dumps({"request_id": "A", "wallets": WALLETS, **fields}).encode()
    found = outcome(AnalysisRequested, value)
    if isinstance(found, DeadLetterError):
        assert fields["request_id"] != "A"
    elif found is not None:
        assert found.faults
        assert not any(OTHERWISE in fault.rule for fault in found.faults)
        assert not any(words in str(found) for words in LIBRARY_WORDS)
        str(found).encode("ascii")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(value: bytes) -> None:
    for model in (AnalysisRequested, AnalysisCancelRequested):
        with pytest.raises((DeadLetterError, InvalidInputError)):
            decode_outside(model, value)
    scanned_request_id(value)


@pytest.mark.parametrize("model", [AnalysisRequested, AnalysisCancelRequested])
def test_every_fault_that_a_request_can_have_has_words_of_its_own(model: type[BaseModel]) -> None:
    odd: list[object] = [None, True, -1, 0.5, 2**70, float("nan"), "", "x" * 10_000, [], {}, ["x"]]
    for name in model.model_fields:
        for value in odd:
            found = outcome(model, json.dumps({**REQUEST, name: value}).encode())
            if isinstance(found, InvalidInputError):
                assert not any(OTHERWISE in fault.rule for fault in found.faults), (name, value)
            elif found is not None:
                assert name == "request_id"


def test_the_most_faults_are_named_and_the_text_stays_short() -> None:
    error = refused(
        json.dumps({**REQUEST, **{f"k{n}" * 50: "v" * 500 for n in range(500)}}).encode()
    )
    assert "and 400 more" in str(error)
    assert all(len(each.value) <= limits.FAULT_VALUE_MAX_CHARACTERS + 3 for each in error.faults)
    assert all(len(each.field) <= limits.FAULT_VALUE_MAX_CHARACTERS + 3 for each in error.faults)
