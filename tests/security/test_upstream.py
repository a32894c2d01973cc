"""Where a worker calls, and what an answer may do to it: nothing but fail by name."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from streamproc import limits
from streamproc.core.wire.enhanced import enhanced_page
from streamproc.core.wire.raw import raw_page
from streamproc.errors import (
    ConfigurationError,
    StreamprocError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from streamproc.settings import UPSTREAMS, Settings, load_settings
from streamproc.upstream.client.connections import make_client
from streamproc.upstream.client.decompression import check_claim, unpacked
from streamproc.upstream.client.errors import Reply, verdict_on
from streamproc.upstream.client.http import Request, Wire
from streamproc.upstream.client.rpc import reader
from tests.security.test_records import NESTED

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDED = {"STREAMPROC_KAFKA_BROKERS": "h:1", "STREAMPROC_POSTGRES_DSN": "postgresql:///"}
KEY = "canary-key"


def settings_with(**given: str) -> Settings:
    """Settings with these, named without the prefix."""
    return load_settings(
        {**NEEDED, **{f"STREAMPROC_{name}": value for name, value in given.items()}}
    )


def refused(**given: str) -> set[str]:
    """The settings that are named as wrong."""
    with pytest.raises(ConfigurationError) as caught:
        settings_with(**given)
    return {fault.field for fault in caught.value.faults}


# --- where a worker calls ---


@pytest.mark.parametrize("name", [name.upper() for name in UPSTREAMS])
@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://169.254.169.254",  # where clouds hand out credentials
        "http://metadata.internal",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "https://example.org",
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://localhost@example.org",
        "https://example.org\\@localhost",
        "https://127.0.0.1/path",
        "https://127.0.0.1:0",
        "https://127.0.0.1:99999",
        "file:///etc/passwd",
        "https://2130706433",  # 127.0.0.1 as one number
    ],
)
def test_a_base_leads_to_its_service_or_to_this_machine(name: str, url: str) -> None:
    assert refused(**{name: url}) == {f"STREAMPROC_{name}"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000", "https://127.0.0.2"]
)
def test_this_machine_may_be_named_in_clear(url: str) -> None:
    assert settings_with(HELIUS_RPC_URL=url).helius_rpc_url == url


def test_another_host_must_be_listed_and_is_then_asked_by_https_only() -> None:
    hosts = "one.example.org, Mine.example.org"
    url = "https://mine.example.org:8443"
    assert settings_with(HELIUS_RPC_URL=url, UPSTREAM_HOSTS=hosts).helius_rpc_url == url
    clear = "http://mine.example.org"
    assert refused(HELIUS_RPC_URL=clear, UPSTREAM_HOSTS=hosts) == {"STREAMPROC_HELIUS_RPC_URL"}
    below = "https://evil.mine.example.org"
    assert refused(HELIUS_RPC_URL=below, UPSTREAM_HOSTS=hosts) == {"STREAMPROC_HELIUS_RPC_URL"}


async def fetched(answer: Callable[[httpx.Request], httpx.Response]) -> StreamprocError | None:
    """What a worker makes of this answer."""
    async with make_client(transport=httpx.MockTransport(answer)) as client:
        wire = Wire(client, SecretStr(KEY))
        verdict, _ = await wire.fetch(Request("https://h/", body=b"{}"))
    return verdict.error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(status: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, headers={"Location": "https://elsewhere.example.org/"})

    error = await fetched(answer)
    assert asked == ["h"]
    assert isinstance(error, UpstreamUnavailableError)
    assert KEY not in str(error)


# --- what an answer may be ---


class Endless(httpx.AsyncByteStream):
    """A body that never ends."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - an async generator
        while True:
            self.sent += 1 << 20
            yield bytes(1 << 20)


async def test_a_body_without_end_is_cut_off() -> None:
    body = Endless()
    error = await fetched(lambda _: httpx.Response(200, stream=body))
    assert isinstance(error, UpstreamTimeoutError)
    assert body.sent <= limits.ANSWER_COMPRESSED_MAX_BYTES + (1 << 20)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamUnavailableError, match="claims"):
            check_claim(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_not_unpacked_further_than_it_said() -> None:
    lie = gzip.compress(bytes(64 << 20))[:-4] + (1000).to_bytes(4, "little")
    check_claim(lie)
    with pytest.raises(UpstreamUnavailableError, match="broken"):
        unpacked(lie)


def test_an_answer_that_is_too_large_asks_for_a_smaller_page() -> None:
    member = bytes(1 << 20) + (limits.ANSWER_MAX_BYTES + 1).to_bytes(4, "little")
    with pytest.raises(UpstreamTimeoutError):
        check_claim(member)


def test_json_of_a_real_shape_is_far_from_a_bomb() -> None:
    page = b",".join(b'{"slot":%d,"signature":"%064d"}' % (n, n * n) for n in range(50_000))
    check_claim(gzip.compress(page))


@pytest.mark.parametrize("body", NESTED)
async def test_a_deeply_nested_answer_fails_by_name(body: bytes) -> None:
    import msgspec  # noqa: PLC0415

    class Answer(msgspec.Struct):
        result: object = None

    with pytest.raises(UpstreamUnavailableError):
        reader(msgspec.json.Decoder(Answer))(body)
    with pytest.raises(UpstreamUnavailableError):
        raw_page(body, "w")
    with pytest.raises(UpstreamUnavailableError):
        enhanced_page(body, "w", {})
    assert verdict_on(Reply(500, {}, body)).error is not None
    small = body[: limits.RPC_ERROR_MAX_BYTES // 2]
    assert verdict_on(Reply(500, {}, small)).error is not None
