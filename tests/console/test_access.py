"""Who is answered, what is refused, and what every answer carries."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from streamproc.console.access import guards
from streamproc.errors import ConfigurationError
from streamproc.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.console.conftest import House

TOKEN = "a-token-of-some-length"  # noqa: S105 - of tests alone
MODULES = pytest.mark.asyncio(loop_scope="module")  # the loop of the fixtures that all share
PATHS = ("/analyses", "/analyses/r-0", "/analyses/r-0/result", "/analyses/r-0/events", "/events")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(shared_house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A console that asks for a token."""
    async with shared_house.console(console_token=TOKEN) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(shared_house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A console that asks for none."""
    async with shared_house.console() as client:
        yield client


def basic(user: str, password: str) -> str:
    """A header of Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.real
@MODULES
@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
async def test_without_the_token_nothing_is_said(guarded: httpx.AsyncClient, path: str) -> None:
    wrong = ["", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", "Bearer", "Basic =="]
    for given in (*wrong, basic(TOKEN, ""), basic("", TOKEN + "x"), "Bearer é"):
        headers = [(b"Authorization", given.encode())] if given else []
        answer = await guarded.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert TOKEN not in answer.text


@pytest.mark.real
@MODULES
async def test_with_the_token_everything_is_answered(guarded: httpx.AsyncClient) -> None:
    for given in (f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("", TOKEN), basic("anyone", TOKEN)):
        answer = await guarded.get("/analyses", headers={"Authorization": given})
        assert answer.status_code == 200


@pytest.mark.real
@MODULES
async def test_another_name_for_this_machine_is_refused(console: httpx.AsyncClient) -> None:
    for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io"):
        answer = await console.get("/analyses", headers={"Host": host})
        assert (answer.status_code, answer.json()["faults"][0]["value"]) == (421, host)
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8090", "[::1]:8090", "[::1]"):
        assert (await console.get("/analyses", headers={"Host": host})).status_code == 200


@pytest.mark.real
@MODULES
async def test_nothing_but_reading_is_allowed(console: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for path in PATHS:
            answer = await console.request(method, path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await console.head("/analyses")).status_code == 200


@pytest.mark.real
@MODULES
async def test_every_answer_is_guarded_by_headers(console: httpx.AsyncClient) -> None:
    for path in ("/analyses", "/nowhere<script>", "/analyses/r-0", "/analyses?limit=x"):
        answer = await console.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] == "streamproc"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.real
@MODULES
async def test_headers_beyond_all_bounds_are_refused(console: httpx.AsyncClient) -> None:
    for size in (9000, 20_000):
        answer = await console.get("/analyses", headers={"X-Odd": "a" * size})
        assert answer.status_code == 431
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.real
@MODULES
async def test_what_is_no_http_is_answered_without_being_quoted(console: httpx.AsyncClient) -> None:
    url = urlsplit(str(console.base_url))
    for sent in (
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"\xff\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(sent)
        async with asyncio.timeout(30):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        assert b"application/problem+json" in answer
        assert b"script" not in answer


def test_beyond_this_machine_a_token_must_be_set() -> None:
    given = {"STREAMPROC_KAFKA_BROKERS": "b:1", "STREAMPROC_POSTGRES_DSN": "postgresql:///none"}
    open_to_all = {**given, "STREAMPROC_CONSOLE_BIND": "0.0.0.0:8090"}
    with pytest.raises(ConfigurationError, match="STREAMPROC_CONSOLE_TOKEN"):
        guards(load_settings(open_to_all))
    assert guards(load_settings({**open_to_all, "STREAMPROC_CONSOLE_TOKEN": TOKEN}))
    with pytest.raises(ConfigurationError, match="STREAMPROC_CONSOLE_TOKEN") as wrong:
        load_settings({**given, "STREAMPROC_CONSOLE_TOKEN": "short-one"})
    assert "short-one" not in str(wrong.value)
