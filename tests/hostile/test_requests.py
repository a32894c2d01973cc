"""What ill-willed producers put on `analysis-requested`: answered or a dead letter, and nobody else suffers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.barrage import any_time
from tests.hostile.house import CANCELS, PARTITIONS, REQUESTS
from tests.hostile.raw import Raw, batch, bomb

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.house import Attacked

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

Headers = list[tuple[bytes, bytes | None]]
MANY: Headers = [(b"h%d" % number, b"x") for number in range(10_000)]
HEADERS: dict[str, Headers] = {
    "header-name-not-utf8": [(b"\xff\xfe\xc3\x28", b"x")],
    "header-name-empty": [(b"", b"x")],
    "header-name-nul": [(b"\0", b"\0")],
    "header-name-of-the-engine": [(b"x-first-seen", b"\xff"), (b"__streams.errors.topic", None)],
    "null-ce-subject": [(b"ce_subject", None)],
    "odd-ce-subject": [(b"ce_subject", b"\xff\xfe" * 1000)],
    "null-traceparent": [(b"traceparent", None)],
    "null-everything": [(b"ce_id", None), (b"content-type", None), (b"x-first-seen", None)],
    "traceparent-crlf": [(b"traceparent", b"00-\r\nX-Injected: 1\x1b[31m")],
    "headers-10000": MANY,
    "headers-10000-not-utf8": [(b"\xff%d" % number, None) for number in range(10_000)],
}


@pytest.mark.parametrize("name", HEADERS)
async def test_a_good_request_is_answered_whatever_its_headers_are(
    house: Attacked, name: str
) -> None:
    request_id = house.name()
    place = await house.send(house.good(request_id), key=request_id.encode(), headers=HEADERS[name])
    assert await house.answered(place, request_id) == "completed"
    said = [each for each in house.installation.said if each.key == request_id.encode()]
    ours = [each for each in said if each.topic not in {REQUESTS, "dead-letters"}]
    assert all(len(each.headers["traceparent"]) == 55 for each in ours)
    house.lives()


async def test_a_trace_of_a_megabyte_is_not_carried_on(house: Attacked) -> None:
    request_id = house.name()
    before = len(house.installation.said)
    headers: Headers = [(b"traceparent", b"0" * 1_000_000)]
    place = await house.send(house.good(request_id), key=request_id.encode(), headers=headers)
    assert await house.answered(place, request_id, within_s=30) == "completed"
    grown = house.installation.said[before:]
    size = sum(len(value or b"") for each in grown for value in each.headers.values())
    assert size < 3_000_000  # the request itself has one


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_requests_may_be_compressed(house: Attacked, codec: str) -> None:
    names = [house.name(1) for _ in range(3)]
    records = [
        Raw(house.good(name, excluded_mints=house.wallets * 12), name.encode()) for name in names
    ]
    await house.put(batch(records, codec=codec), partition=1)
    for name in names:
        assert (await house.installation.ending(name, 30))["status"] == "completed"


BOMBS = {
    "gzip": 400_000_000,
    "lz4": 200_000_000,
    "zstd": 400_000_000,
    "snappy": 20_000_000,
}


@pytest.mark.parametrize("codec", BOMBS)
async def test_a_bomb_costs_its_record_alone(house: Attacked, codec: str) -> None:
    data = bomb(codec, BOMBS[codec])
    if len(data) > 1_000_000:
        data = bomb(codec, 200 * 1_000_000 * 1_000_000 // len(data) // 1000)
    place = await house.put(data, partition=2)
    letter = await house.letter(place, 45)
    assert letter.headers["x-reason"] == b"unreadable"
    assert letter.value is None
    await house.serves()


async def test_many_small_records_that_are_large_together_are_read_one_after_the_other(
    house: Attacked,
) -> None:
    value = b'{"request_id": "' + b"x" * 1_000_000 + b'"}'
    places = [
        await house.put(batch([Raw(value, b"k")] * 10, codec="zstd"), partition=3)
        for _ in range(12)
    ]
    last = places[-1]._replace(offset=places[-1].offset + 9)
    await house.letter(last, 60)
    await house.serves()


async def test_a_batch_of_very_many_records_has_one_dead_letter(house: Attacked) -> None:
    place = await house.put(batch([Raw(None)] * 300_000, codec="gzip"), partition=0)
    letter = await house.letter(place, 45)
    assert int(letter.headers["x-last-offset"]) == place.offset + 299_999
    await house.serves()


ONES = b",".join([b"1"] * 4_000_000)
WRONG: dict[str, tuple[bytes, str]] = {
    "ints-8mb": (b'{"request_id":"A","wallets":[' + ONES + b"]}", "gzip"),
    "wallets-500k-wrong": (b'{"request_id":"A","wallets":[' + ONES[:999_959] + b"]}", "gzip"),
    "unknown-fields-80k": (
        b'{"request_id":"A","wallets":["a"],'
        + b",".join(b'"k%d":1' % n for n in range(80_000))
        + b"}",
        "gzip",
    ),
    "nested": (b'{"request_id":"A","x":' + b"[" * 400_000 + b"}", "gzip"),
    "id-last": (b'{"wallets":[' + ONES[:899_999] + b'],"request_id":"A"}', "none"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_large_wrong_request_is_rejected_or_a_dead_letter(
    house: Attacked, name: str
) -> None:
    value, codec = WRONG[name]
    request_id = house.name()
    value = value.replace(b'"A"', f'"{request_id}"'.encode())
    place = await house.send(value, key=request_id.encode(), codec=codec)
    assert await house.answered(place, request_id, within_s=30) == "rejected"
    (failed,) = house.installation.of("analysis-failed", request_id)
    assert len(failed.event["faults"]) <= 100
    await house.serves()


REJECTED: dict[str, str] = {
    "nan": '"min_success_ratio": NaN',
    "infinity": '"min_success_ratio": 1e400',
    "credit-budget-2p63": '"credit_budget": 9223372036854775808',
    "credit-budget-2p64": '"credit_budget": 18446744073709551616',
    "until-10p25": '"until": 10000000000000000000000000',
    "deadline-604801": '"deadline_s": 604801',
    "deadline-2p63": '"deadline_s": 9223372036854775808',
    "deadline-float": '"deadline_s": 60.0',
    "many-digits": '"since": ' + "9" * 5000,
    "surrogate": '"rank_by": "\\ud800"',
    "twice": '"enrich": true, "enrich": false',
    "tenant": '"tenant": "a b"',
    "nul": '"rank_by": "\\u0000"',
}


@pytest.mark.parametrize("name", REJECTED)
async def test_a_request_that_breaks_a_rule_is_rejected_once(house: Attacked, name: str) -> None:
    request_id = house.name()
    value = (
        house.good(request_id)[:-1].replace(b'"enrich":false,', b"")
        + f", {REJECTED[name]}}}".encode()
    )
    value = value.replace(b',"enrich":false', b"")
    place = await house.send(value, key=request_id.encode())
    assert await house.answered(place, request_id) == "rejected"
    await house.installation.ending(request_id)
    (progress,) = house.installation.of("analysis-progress", request_id)
    assert (progress.event["seq"], progress.event["stage"]) == (1, "rejected")
    assert (progress.event["percent"], progress.event["terminal"]) == (0, True)


async def test_sixty_requests_with_a_budget_past_64_bits_stop_nobody(house: Attacked) -> None:
    names = [house.name() for _ in range(60)]
    for name in names:
        await house.send(
            house.good(name)[:-1] + b', "credit_budget": 9223372036854775808}', key=name.encode()
        )
    for name in names:
        fault = (await house.installation.ending(name, 30))["faults"][0]
        assert (fault["field"], "9223372036854775807" in fault["rule"]) == ("credit_budget", True)
    await house.serves()


@pytest.mark.parametrize("field", ["credit_budget", "since", "until"])
async def test_the_largest_integer_is_no_fault(house: Attacked, field: str) -> None:
    request_id = house.name()
    place = await house.send(house.good(request_id, **{field: 2**63 - 1}), key=request_id.encode())
    assert await house.answered(place, request_id) == "completed"


@pytest.mark.parametrize(
    ("before", "status"), [(b"\xef\xbb\xbf", "completed"), (b"\0\0\0\0\7", "rejected")]
)
async def test_bytes_before_the_json(house: Attacked, before: bytes, status: str) -> None:
    request_id = house.name()
    place = await house.send(before + house.good(request_id), key=request_id.encode())
    assert await house.answered(place, request_id) == status


async def test_cloudevents_in_structured_mode_are_read(house: Attacked) -> None:
    request_id = house.name()
    envelope = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t"}
    value = json.dumps({**envelope, "data": house.request(request_id)}).encode()
    headers: Headers = [(b"content-type", b"application/cloudevents+json; charset=UTF-8")]
    place = await house.send(value, key=request_id.encode(), headers=headers)
    assert await house.answered(place, request_id) == "completed"


@pytest.mark.parametrize("key", [None, b"", b"other", b"\xff\xfe\0", b"k" * 100_000])
async def test_a_request_under_any_key_is_answered(house: Attacked, key: bytes | None) -> None:
    request_id = house.name()
    place = await house.send(house.good(request_id), key=key)
    assert await house.answered(place, request_id) in {"completed", "wrong_key"}


TIMES: dict[str, Callable[[], int]] = {
    "timestamp-us": lambda: time.time_ns() // 1000,
    "timestamp-ns": time.time_ns,
    "timestamp-max": lambda: 2**63 - 1,
    "timestamp-0": lambda: 0,
    "timestamp-s": lambda: time.time_ns() // 10**9,
    "two-hours-ahead": lambda: time.time_ns() // 10**6 + 7_200_000,
    "eight-days-ago": lambda: time.time_ns() // 10**6 - 8 * 86_400_000,
}


@pytest.mark.parametrize("name", TIMES)
async def test_a_time_off_the_scale_is_rejected(house: Attacked, name: str) -> None:
    await any_time(house, REQUESTS)
    request_id = house.name()
    place = await house.send(
        house.good(request_id), key=request_id.encode(), timestamp_ms=TIMES[name]()
    )
    assert await house.answered(place, request_id, within_s=25) == "rejected"
    (failed,) = house.installation.of("analysis-failed", request_id)
    assert failed.event["faults"][0]["field"] == "timestamp"


@pytest.mark.parametrize("number", range(PARTITIONS))
async def test_cancels_of_any_form_cost_themselves_alone(house: Attacked, number: int) -> None:
    await any_time(house, CANCELS)
    odd: list[tuple[bytes | None, dict[str, Any]]] = [
        (b'{"request_id": "x", "reason": NaN}', {}),
        (b"\0\0\0\0\7{}", {}),
        (None, {}),
        (b"{" * 50_000, {}),
        (b'{"request_id": "x", "reason": "\\ud800"}', {}),
        (b'{"request_id": "x"}', {"headers": [(b"\xff\xfe", None), (b"ce_subject", None)]}),
        (b'{"request_id": "x"}', {"key": None}),
        (b"no json", {"timestamp_ms": time.time_ns()}),
    ]
    key = house.name(number).encode()
    places = [await house.send(value, topic=CANCELS, **{"key": key, **how}) for value, how in odd]
    places.append(await house.put(bomb("zstd", 100_000_000, key), topic=CANCELS, partition=number))
    for place in places:
        await house.letter(place)
    unwanted = house.name()
    at_us = time.time_ns() // 1000
    cancel = json.dumps({"request_id": unwanted, "reason": "\0\x1b[31m"}).encode()
    await house.send(cancel, key=unwanted.encode(), topic=CANCELS, timestamp_ms=at_us)
    await house.serves()


async def test_two_contents_under_one_id_have_one_end(house: Attacked) -> None:
    name = house.name()
    first = await house.send(house.good(name), key=name.encode())
    assert await house.answered(first, name) == "completed"
    second = await house.send(house.good(name, since=7), key=name.encode())
    assert (await house.letter(second)).headers["x-reason"] == b"request_id_reused"
    wrong = await house.send(house.good(name, since=-7), key=name.encode())
    assert (await house.letter(wrong)).headers["x-reason"] == b"request_id_reused"
    assert not house.installation.of("analysis-failed", name)


async def test_a_rejection_binds_its_id(house: Attacked) -> None:
    name = house.name()
    first = await house.send(house.good(name, wallets=["x"]), key=name.encode())
    assert await house.answered(first, name) == "rejected"
    second = await house.send(house.good(name), key=name.encode())
    assert (await house.letter(second)).headers["x-reason"] == b"request_id_reused"
    await house.send(house.good(name, wallets=["x"]), key=name.encode())
    await house.installation.until(
        lambda: len(house.installation.of("analysis-failed", name)) > 1, "not answered again"
    )
    said = {
        (each.value, *each.headers.items())
        for each in house.installation.of("analysis-failed", name)
    }
    assert len(said) == 1
    assert not house.installation.of("analysis-accepted", name)
    assert not house.installation.of("analysis-completed", name)


async def test_one_wallet_alone_is_analyzed_and_has_no_pairs(house: Attacked) -> None:
    name = house.name()
    place = await house.send(house.good(name, wallets=house.wallets[:1] * 2), key=name.encode())
    assert await house.answered(place, name) == "completed"
    (done,) = house.installation.of("analysis-completed", name)
    assert (done.event["pairs"], done.event["pairs_total"], len(done.event["wallets"])) == (
        [],
        0,
        1,
    )


async def test_after_all_of_that_everybody_is_served_and_little_memory_was_taken(
    house: Attacked,
) -> None:
    await house.serves()
    assert "Traceback" not in house.installation.log(0)
