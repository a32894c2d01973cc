"""Records of every odd kind, drawn by hypothesis: bytes, headers, keys, codecs, sizes, times, JSON.

`@ID@` in a value stands for the request id that the record is given when it is sent.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.hostile.raw import CODECS, Raw

ID = b"@ID@"
NOW = 0  # a time relative to now
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
FIELDS = (
    "request_id",
    "wallets",
    "tenant",
    "since",
    "until",
    "deadline_s",
    "max_age_s",
    "min_success_ratio",
    "excluded_mints",
    "credit_budget",
    "max_pairs",
    "max_transactions",
    "max_tokens_per_wallet",
    "rank_by",
    "enrich",
    "include_oversized",
    "nobody_knows",
    "",
)


class Draw(NamedTuple):
    """A batch of records, all on one partition; `time` is absolute, or relative to now when `is_relative`."""

    records: tuple[Raw, ...]
    codec: str
    time: int
    is_relative: bool
    is_cancel: bool

    def timestamp_ms(self) -> int:
        """The batch's record time."""
        return time.time_ns() // 10**6 + self.time if self.is_relative else self.time


def repeated(pieces: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """A piece, very many times."""
    return st.builds(lambda piece, times: piece * times, pieces, st.integers(0, most))


odd_texts = st.one_of(
    st.sampled_from(
        [
            "NaN",
            "-Infinity",
            "1e400",
            "-0",
            "1.0",
            "true",
            "null",
            "{}",
            "[]",
            "[[]]",
            '"\\ud800"',
            '"\\u0000"',
            '"\\u001b[31m"',
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "01",
            "'x'",
            "",
            "\u202e",
        ]
    ),
    st.integers().map(str),
    st.integers(1, 6000).map(lambda digits: "7" * digits),
    st.integers(1, 5000).map(lambda depth: "[" * depth + "]" * depth),
    st.integers(1, 60_000).map(lambda count: "[" + ",".join(["1"] * count) + "]"),
    st.floats().map(repr),
    st.text(max_size=30).map(lambda text: f'"{text}"'),
)
members = st.lists(st.tuples(st.sampled_from(FIELDS), odd_texts), max_size=3)


def request(more: list[tuple[str, str]], *, is_first: bool) -> bytes:
    """A good request with members before or behind it, which may stand there twice."""
    good = b'"request_id": "@ID@", "wallets": @WALLETS@, "max_age_s": 3600, "enrich": false'
    odd = [f'"{name}": {text}'.encode("utf-8", "surrogatepass") for name, text in more]
    return b"{" + b", ".join([*odd, good] if is_first else [good, *odd]) + b"}"


requests = st.builds(request, members, is_first=st.booleans())
mangled = st.one_of(
    requests,
    st.builds(lambda value, cut: value[:-cut], requests, st.integers(1, 40)),
    st.builds(lambda before, value: before + value, st.binary(max_size=20), requests),
    st.builds(
        lambda before, value: before + value,
        st.sampled_from([b"\xef\xbb\xbf", b"\0\0\0\0\7", b"\3\0" + b"\1" * 16, b" \n\t", b"\0"]),
        requests,
    ),
    st.builds(
        lambda value, at, byte: value[:at] + byte + value[at:],
        requests,
        st.integers(0, 120),
        st.binary(min_size=1, max_size=3),
    ),
    st.builds(
        lambda value, encoding: value.decode("utf-8", "replace").encode(encoding),
        requests,
        st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-32-le"]),
    ),
    st.builds(
        lambda value: (
            b'{"specversion": "1.0", "id": "1", "source": "/", "type": "t", "data": ' + value + b"}"
        ),
        requests,
    ),
)
values = st.one_of(
    mangled,
    mangled,
    st.none(),
    st.binary(max_size=80),
    repeated(st.sampled_from([b"0", b"[", b'{"a":', b"\xff", b'"x",', b"\0"]), 900_000),
    repeated(st.sampled_from([b"0", b" ", b"\0\1"]), 9_000_000),
    st.builds(lambda value, blanks: value + b" " * blanks, requests, st.integers(0, 2_000_000)),
)
names = st.one_of(
    st.sampled_from(
        [
            b"traceparent",
            b"ce_subject",
            b"ce_id",
            b"content-type",
            b"x-first-seen",
            b"x-reason",
            b"__streams.errors.topic",
            b"",
        ]
    ),
    st.binary(max_size=12),
)
contents = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.sampled_from([b"application/cloudevents+json", b"application/cloudevents-batch+json"]),
    repeated(st.binary(min_size=1, max_size=2), 100_000),
)
headers = st.one_of(
    st.just([]),
    st.lists(st.tuples(names, contents), max_size=5),
    st.builds(
        lambda header, times: [header] * times, st.tuples(names, st.none()), st.integers(0, 5000)
    ),
)
keys = st.one_of(st.just(ID), st.just(ID), st.none(), st.binary(max_size=40))
records = st.builds(Raw, values, keys, headers)
times = st.one_of(
    st.just((NOW, True)),
    st.just((NOW, True)),
    st.sampled_from([(-8 * DAY, True), (2 * HOUR, True), (-HOUR, True), (30 * 60 * SECOND, True)]),
    st.integers(-1, 2**63 - 1).map(lambda at: (at, False)),
)
draws = st.builds(
    lambda records, codec, at, is_cancel: Draw(tuple(records), codec, at[0], at[1], is_cancel),
    st.lists(records, min_size=1, max_size=4),
    st.sampled_from(sorted(CODECS)),
    times,
    st.sampled_from([False, False, False, True]),
)


def drawn(count: int, number: int) -> list[Draw]:
    """So many draws of this seed."""
    found: list[Draw] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(number)
    @given(draws)
    def collect(draw: Draw) -> None:
        found.append(draw)

    collect()
    return found[:count]
