"""The events are the contract: what is refused, what is ignored, and that nothing changes on the way."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from solders.pubkey import Pubkey

from streamproc import events, limits
from streamproc.errors import DeadLetterError, InvalidInputError
from streamproc.events import (
    AnalysisProgressed,
    AnalysisRequested,
    Event,
    Options,
    WalletSyncRequested,
)
from streamproc.intake import decode_outside, validated
from streamproc.serde import decode_internal

WALLETS = [str(Pubkey(bytes([n]) * 32)) for n in range(1, 4)]
addresses = st.binary(min_size=32, max_size=32).map(lambda raw: str(Pubkey(raw)))
request_ids = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
MODELS = [
    value
    for value in vars(events).values()
    if isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel
]


def requested(**changes: object) -> bytes:
    """A request's JSON with some fields changed."""
    return orjson.dumps({"request_id": "r", "wallets": WALLETS} | changes)


def faulty_fields(value: bytes) -> list[str]:
    """The fields that a request's faults name."""
    with pytest.raises(InvalidInputError) as caught:
        validated(AnalysisRequested, orjson.loads(value))
    return [fault.field for fault in caught.value.faults]


def test_only_id_and_wallets_are_needed_and_the_defaults_are_the_contracts() -> None:
    request = decode_outside(AnalysisRequested, requested())
    assert request.options().model_dump() == {
        "max_transactions": None,
        "since": None,
        "until": None,
        "min_success_ratio": 1.0,
        "deadline_s": 1800,
        "max_age_s": 0,
        "excluded_mints": None,
        "include_oversized": False,
        "rank_by": "idf",
        "enrich": True,
        "credit_budget": None,
        "max_pairs": 5000,
        "max_tokens_per_wallet": 50,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "a/b"}, "request_id"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"request_id": "x\n"}, "request_id"),
        ({"request_id": 7}, "request_id"),
        ({"wallets": []}, "wallets"),
        ({"wallets": WALLETS[0]}, "wallets"),
        ({"wallets": [*WALLETS, "0OIl"]}, "wallets.3"),
        ({"wallets": [*WALLETS, None]}, "wallets.3"),
        ({"deadline_s": -1}, "deadline_s"),
        ({"deadline_s": 1.5}, "deadline_s"),
        ({"deadline_s": "60"}, "deadline_s"),
        ({"deadline_s": limits.DEADLINE_MAX_S + 1}, "deadline_s"),
        ({"max_transactions": 0}, "max_transactions"),
        ({"since": -1}, "since"),
        ({"since": 10, "until": 9}, "until"),
        ({"min_success_ratio": 1.01}, "min_success_ratio"),
        ({"min_success_ratio": True}, "min_success_ratio"),
        ({"rank_by": "best"}, "rank_by"),
        ({"enrich": 1}, "enrich"),
        ({"max_pairs": 0}, "max_pairs"),
        ({"excluded_mints": ["x"]}, "excluded_mints.0"),
        ({"credit_budget": -1}, "credit_budget"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_request_that_breaks_a_rule_names_the_field(
    changes: dict[str, object], field: str
) -> None:
    assert faulty_fields(requested(**changes)) == [field]


def test_all_faults_of_a_request_come_at_once() -> None:
    fields = faulty_fields(requested(wallets=["x", *WALLETS], deadline_s=0, rank_by="?", new=1))
    assert sorted(fields) == ["deadline_s", "new", "rank_by", "wallets.0"]


@pytest.mark.parametrize("count", [limits.WALLETS_MIN, limits.WALLETS_MAX])
def test_one_to_a_thousand_wallets_are_taken(count: int) -> None:
    wallets = [str(Pubkey(n.to_bytes(32, "big"))) for n in range(1, count + 1)]
    assert decode_outside(AnalysisRequested, requested(wallets=wallets)).wallets == wallets


def test_a_thousand_and_one_are_too_many() -> None:
    wallets = [str(Pubkey(n.to_bytes(32, "big"))) for n in range(limits.WALLETS_MAX + 1)]
    assert faulty_fields(requested(wallets=wallets)) == ["wallets"]


def test_repeats_count_once() -> None:
    wallets = [*WALLETS, *WALLETS]
    assert decode_outside(AnalysisRequested, requested(wallets=wallets)).wallets == wallets


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_an_address_is_base58_of_exactly_32_bytes(size: int) -> None:
    assert faulty_fields(requested(wallets=[*WALLETS, _base58(b"\x07" * size)])) == ["wallets.3"]


@given(request_ids, st.lists(addresses, min_size=2, max_size=8, unique=True))
def test_a_valid_request_survives_the_way_there_and_back(
    request_id: str, wallets: list[str]
) -> None:
    request = AnalysisRequested(request_id=request_id, wallets=wallets)
    assert decode_outside(AnalysisRequested, request.model_dump_json().encode()) == request


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
    )
)
def test_any_json_as_wallets_is_refused_as_input_never_as_a_crash(value: object) -> None:
    assert all(field.startswith("wallets") for field in faulty_fields(requested(wallets=value)))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_event_cannot_be_changed(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen") is True


def test_between_agents_unknown_fields_are_ignored() -> None:
    progress = AnalysisProgressed(
        request_id="r",
        seq=1,
        stage="accepted",
        percent=5,
        wallets_total=2,
        wallets_done=0,
        wallets_failed=0,
        balances_done=False,
        message="",
        terminal=False,
        at=1,
    )
    newer = progress.model_dump_json().replace("{", '{"added_later": 1, ', 1)
    assert decode_internal(AnalysisProgressed, newer.encode()) == progress


def test_a_window_of_one_second_is_a_window() -> None:
    assert decode_outside(AnalysisRequested, requested(since=7, until=7)).until == 7
    assert faulty_fields(requested(since=8, until=7)) == ["until"]


def test_a_request_of_exactly_the_size_limit_is_read() -> None:
    fitting = requested().ljust(limits.REQUEST_MAX_BYTES)
    assert decode_outside(AnalysisRequested, fitting).wallets
    with pytest.raises(InvalidInputError, match=str(limits.REQUEST_MAX_BYTES + 1)):
        decode_outside(AnalysisRequested, fitting + b" ")


def test_an_option_of_a_later_version_is_refused_from_outside_and_carried_on_between_agents() -> (
    None
):
    assert faulty_fields(requested(added_later=[1])) == ["added_later"]
    options = Options.model_validate_json(b'{"max_pairs": 7, "added_later": [1]}')
    sync = WalletSyncRequested(
        request_id="r", wallet=WALLETS[0], options=options, requested_at_ms=1, deadline_at=2
    )
    carried = decode_internal(WalletSyncRequested, sync.model_dump_json().encode())
    assert orjson.loads(carried.model_dump_json())["options"] == {
        "max_pairs": 7,
        "added_later": [1],
    }


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_no_event_carries_nan_or_infinity(figure: float) -> None:
    with pytest.raises(ValidationError):
        Options(min_success_ratio=figure)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_no_nan_comes_in_from_outside(text: str) -> None:
    value = requested(min_success_ratio=0.5).replace(b"0.5", text.encode())
    with pytest.raises((DeadLetterError, InvalidInputError)):
        decode_outside(AnalysisRequested, value)


@pytest.mark.parametrize(
    "event", [each for each in MODELS if issubclass(each, Event)], ids=lambda model: model.__name__
)
def test_every_event_names_its_request_first(event: type[Event]) -> None:
    assert next(iter(event.model_fields)) == "request_id"


def _base58(raw: bytes) -> str:
    """Base58 of any number of bytes, by the definition."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return text
