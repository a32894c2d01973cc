"""The list of requests and one of them: what the store and the topics say, and every fault of a question by name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from streamproc.errors import StoreUnavailableError
from streamproc.store import open_store
from tests.console.conftest import ENDS_WITHIN_S, NEW, House, progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(shared_house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A console over the three requests, which no test changes."""
    await fill(shared_house)
    async with shared_house.console() as client:
        yield client


async def fill(house: House) -> None:
    """One request that runs and is at 42 percent, one never heard of, and one that failed."""
    await house.record("r-0")
    await house.record("r-1", tenant="desk")
    await house.record("r-2", tenant="desk")
    await house.fail("r-1", progress("r-1", 3, end="failed"))
    await house.say(progress("r-2", 1, 5), progress("r-2", 2, 42), progress("other", 1, 99))


async def listed(console: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    """What the list says."""
    answer = await console.get(f"/analyses{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["analyses"]
    return found


async def faults(console: httpx.AsyncClient, path: str, status: int) -> list[tuple[str, str]]:
    """Field and value of each fault in the problem that a path is answered with."""
    answer = await console.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status
    assert content["detail"]
    assert all(each["rule"] for each in content["faults"])
    return [(each["field"], each["value"]) for each in content["faults"]]


async def test_requests_are_listed_the_newest_first_with_how_far_they_are(
    console: httpx.AsyncClient,
) -> None:
    found = await listed(console)
    assert [each["request_id"] for each in found] == ["r-2", "r-1", "r-0"]
    assert [each["status"] for each in found] == ["running", "failed", "running"]
    assert [each["percent"] for each in found] == [42, 100, None]
    assert found[1]["links"]["self"] == "/analyses/r-1"


async def test_the_list_is_filtered(console: httpx.AsyncClient) -> None:
    assert [each["request_id"] for each in await listed(console, "?tenant=desk")] == ["r-2", "r-1"]
    assert [each["request_id"] for each in await listed(console, "?status=failed")] == ["r-1"]
    assert [each["request_id"] for each in await listed(console, "?limit=1")] == ["r-2"]
    assert await listed(console, "?status=completed") == []


async def test_the_list_is_read_page_by_page_without_gap_or_repeat(house: House) -> None:
    await fill(house)
    async with house.console() as console:
        first = (await console.get("/analyses?limit=2")).json()
        await house.record("r-3")
        second = (await console.get(first["next"])).json()
        pages = [[each["request_id"] for each in page["analyses"]] for page in (first, second)]
        assert (pages, second["next"]) == ([["r-2", "r-1"], ["r-0"]], None)
        desk = (await console.get("/analyses?limit=1&tenant=desk")).json()
        assert [each["request_id"] for each in await listed(console, desk["next"][9:])] == ["r-1"]
        assert await faults(console, "/analyses?cursor=r-1", 400) == [("cursor", "r-1")]


async def test_without_the_extra_parquet_is_no_form(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamproc.console.parameters.can_write_parquet", lambda: False)
    found = await faults(console, "/analyses/r-1/result?format=parquet", 406)
    assert found == [("format", "parquet")]


async def test_all_faults_of_a_filter_are_named_at_once(console: httpx.AsyncClient) -> None:
    found = await faults(console, "/analyses?status=odd&tenant=%00&limit=0&sort=up", 400)
    assert sorted(found) == [
        ("limit", "0"),
        ("sort", "up"),
        ("status", "odd"),
        ("tenant", "\\x00"),
    ]
    assert await faults(console, "/analyses?limit=1&limit=2", 400) == [("limit", "1")]
    assert await faults(console, "/analyses?limit=1001", 400) == [("limit", "1001")]


async def test_a_request_is_shown_with_its_progress_and_options(console: httpx.AsyncClient) -> None:
    content = (await console.get("/analyses/r-2")).json()
    assert content["status"] == "running"
    assert content["options"] == NEW.options
    assert content["wallets"] == NEW.wallets
    assert (content["progress"]["seq"], content["progress"]["percent"]) == (2, 42)
    assert content["failure"] is None
    assert (await console.get("/analyses/r-0")).json()["progress"] is None


async def test_a_request_that_failed_shows_its_terminal_record(console: httpx.AsyncClient) -> None:
    content = (await console.get("/analyses/r-1")).json()
    assert (content["code"], content["failure"]["message"]) == ("wallets_failed", "m <script>")
    assert content["progress"]["terminal"]
    assert "result_json" not in content["links"]


async def test_a_request_without_a_result_has_none_in_any_form(console: httpx.AsyncClient) -> None:
    for form in ("json", "csv", "html", "parquet"):
        assert await faults(console, f"/analyses/r-1/result?format={form}", 409) == [("id", "r-1")]
    assert await faults(console, "/analyses/nobody/result", 404) == [("id", "nobody")]
    found = await faults(console, "/analyses/r-1/result?format=html&rows=odd", 400)
    assert found == [("rows", "odd")]
    assert await faults(console, "/analyses/r-1/result?rows=tokens", 400) == [("rows", "tokens")]
    assert await faults(console, "/analyses/r-1/result?format=xml", 400) == [("format", "xml")]


@pytest.mark.parametrize("below", ["", "/result", "/events"])
async def test_what_can_be_no_id_is_refused_and_harmless(
    console: httpx.AsyncClient, below: str
) -> None:
    for odd, shown in {
        "a/b": "a/b",
        "\x00": "\\x00",
        "a" * 65: "a" * 65,
        "../r-1": "../r-1",
        "é\u202e": "é\\u202e",
        "<script>": "<script>",
        "r-1\n": "r-1\\n",
    }.items():
        found = await faults(console, f"/analyses/{quote(odd, safe='')}{below}", 400)
        assert found == [("id", shown)]
    assert await faults(console, f"/analyses/nobody{below}", 404) == [("id", "nobody")]
    long = await console.get(f"/analyses/{'a' * 10_000}{below}")
    assert (long.status_code, long.json()["faults"][0]["field"]) == (414, "path")


async def test_the_store_refuses_to_write_for_the_console(house: House) -> None:
    dsn = house.settings.postgres_dsn.get_secret_value()
    async with open_store(dsn, pool_size=1, read_only=True) as store:
        with pytest.raises(StoreUnavailableError, match="read-only"):
            await store.record_request(NEW)
        assert await store.request("r-0") is None


async def test_postgres_away_is_said_and_passes(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamproc.store.listing import Listing  # noqa: PLC0415 - patched here alone

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Listing, "listed", away)
        answer = await console.get("/analyses")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "gone" not in answer.text
    async with asyncio.timeout(ENDS_WITHIN_S):
        assert len(await listed(console)) == 3
