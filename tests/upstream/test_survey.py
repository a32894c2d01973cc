"""What `doctor --upstream` says of each kind of answer: what works, what is absent, what this release does not know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from streamproc.sandbox.service.server import serve
from streamproc.sandbox.world.world import World
from streamproc.upstream.survey import Finding, survey
from tests.upstream.services import BASE, KEY, RawBody, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable

# As they were recorded, cut to what is read.
RECORDED: dict[str, Any] = {
    "getHealth": {"jsonrpc": "2.0", "id": 1, "result": "ok"},
    "getTransactionsForAddress": {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "data": [
                {"slot": 450_000_001, "version": 1},
                {"slot": 450_000_000, "version": "legacy"},
            ],
            "paginationToken": "450000000:17",
        },
    },
    "getSignaturesForAddress": {
        "jsonrpc": "2.0",
        "id": 1,
        "result": [{"signature": "5h6xBEauJ3PK6SWCZ1PGjBvj8vDdWG3KpwATGy1ARAXF", "slot": 1}],
    },
    "getTransaction": {"jsonrpc": "2.0", "id": 1, "result": {"slot": 1, "version": 0}},
    "getAssetBatch": {"jsonrpc": "2.0", "id": 1, "result": [{"id": "x"}]},
    "enhanced": [],
}
ABSENT = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}
TOO_NEW = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32015, "message": "version (9)"}}


def _rent(per_byte: int) -> Callable[[dict[str, Any]], Any]:
    return lambda call: {"jsonrpc": "2.0", "id": 1, "result": (128 + call["params"][0]) * per_byte}


async def found_by(
    changes: dict[str, Any] | None = None, *, per_byte: int = 5080, **given: object
) -> dict[str, Finding]:
    """The findings by what was looked at; `changes` are other answers: JSON, or a status."""
    answers = {**RECORDED, "getMinimumBalanceForRentExemption": _rent(per_byte), **(changes or {})}

    def answer(request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content) if request.content else {"method": "enhanced"}
        said = answers[call["method"]]
        if isinstance(said, int):
            return httpx.Response(said, stream=RawBody(str(request.url).encode()))
        shown = said(call) if callable(said) else said
        return httpx.Response(200, stream=RawBody(json.dumps(shown).encode()))

    transport = httpx.MockTransport(answer)
    findings = await survey(settings_for(BASE, **given), transport=transport)
    assert KEY not in str(findings)
    return {each.what: each for each in findings}


async def test_all_is_well() -> None:
    found = await found_by()
    assert {each.state for each in found.values()} == {"ok"}
    assert found["transaction version"].found.startswith("1 at most")
    assert found["rent"].found == "5080 lamports a byte"


@pytest.mark.parametrize("per_byte", [2575, 1322, 696, 7000])
async def test_a_rent_that_is_not_known_is_a_failed_line(per_byte: int) -> None:
    rent = (await found_by(per_byte=per_byte))["rent"]
    assert (rent.state, str(per_byte) in rent.found) == ("failed", True)
    assert "newer release" in rent.found


@pytest.mark.parametrize("version", [2, 7, "v2", None])
async def test_a_version_that_is_not_read_is_a_failed_line(version: object) -> None:
    page = {"result": {"data": [{"version": version}]}}
    found = await found_by({"getTransactionsForAddress": page})
    assert found["transaction version"].state == "failed"
    assert "newer release" in found["transaction version"].found


@pytest.mark.parametrize("absent", [ABSENT, 403, 501])
async def test_what_an_endpoint_does_not_have_is_skipped_unless_it_is_what_is_set(
    absent: object,
) -> None:
    changes = {"getTransactionsForAddress": absent, "enhanced": absent}
    found = await found_by(changes)
    assert found["histories: getTransactionsForAddress"].state == "skipped"
    assert found["histories: enhanced API"].state == "skipped"
    assert found["histories: standard methods"].state == "ok"
    assert found["transaction version"].found.startswith("0 at most")
    found = await found_by(changes, history_source="gtfa")
    assert found["histories: getTransactionsForAddress"].state == "failed"


async def test_transactions_too_new_are_told_as_such() -> None:
    found = await found_by({"getTransactionsForAddress": TOO_NEW, "getTransaction": TOO_NEW})
    assert "newer reader" in found["histories: getTransactionsForAddress"].found


@pytest.mark.parametrize(("status", "words"), [(401, "refuses the key"), (503, "HTTP 503")])
async def test_an_upstream_that_does_not_answer_is_one_line(status: int, words: str) -> None:
    found = await found_by({"getHealth": status})
    assert list(found) == ["upstream"]
    assert found["upstream"].state == "failed"
    assert words in found["upstream"].found


@pytest.mark.parametrize("odd", [7, [], {}, {"result": None}, {"result": "x"}])
async def test_odd_answers_are_lines_too(odd: object) -> None:
    names = [*RECORDED, "getMinimumBalanceForRentExemption"]
    found = await found_by({name: lambda _: odd for name in names if name != "getHealth"})
    assert len(found) == 7


@pytest.mark.parametrize("standard_only", [False, True])
async def test_the_sandbox_is_found_well(*, standard_only: bool) -> None:
    async with serve(World(seed=1, wallets=1), standard_only=standard_only) as sandbox:
        source = "rpc" if standard_only else "auto"
        findings = await survey(settings_for(sandbox.url, history_source=source))
    assert {each.state for each in findings} <= {"ok", "skipped"}, findings
