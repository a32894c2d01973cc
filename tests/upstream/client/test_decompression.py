"""Large answers are read by somebody else, small ones here, and it makes no difference to what comes of them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import orjson
import pytest

from streamproc import limits
from streamproc.agents.shared.process_pool import process_pool
from streamproc.errors import UpstreamTimeoutError, UpstreamUnavailableError
from streamproc.upstream import open_upstream, unlimited
from streamproc.upstream.client.decompression import check_claim, read_packed
from tests.upstream.services import (
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    RawBody,
    settings_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.core.ledger.entries import Entry
    from streamproc.upstream import Run

T = TypeVar("T")


def _compressed(response: httpx.Response) -> httpx.Response:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    body = gzip.compress(response.content)
    return httpx.Response(response.status_code, headers=headers, stream=RawBody(body))


async def _entries(service: HistoryService, run: Run) -> list[Entry]:
    transport = httpx.MockTransport(lambda request: _compressed(service(request)))
    found: list[Entry] = []
    async with open_upstream(
        settings_for(), BudgetStore(), run=run, timing=Clock().timing, transport=transport
    ) as upstream:
        async for page in upstream.history(WALLET, permit=unlimited):
            found += page.entries
    return found


async def test_only_large_answers_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INLINE_BODY_BYTES", 2000)
    handed: list[int] = []

    async def run(work: Callable[..., T], /, *values: Any) -> T:  # noqa: ANN401 - any function's
        handed.append(len(values[0]))
        return work(*values)

    service = HistoryService(*[(SLOT + number, number) for number in range(1, 450)])
    entries = await _entries(service, run)
    assert len({entry.signature for entry in entries}) == 449
    assert handed, "the page of 449 transactions was handed on"
    assert min(handed) >= 2000
    assert len(handed) < len(service.asked), "the empty one was not"


async def test_a_process_reads_the_same_entries_and_raises_the_same_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "INLINE_BODY_BYTES", 0)
    transactions = [(SLOT + number, number) for number in range(1, 50)]
    async with process_pool(1) as pool:
        assert await _entries(HistoryService(*transactions), pool.run) == await _entries(
            HistoryService(*transactions),
            _here,
        )
        with pytest.raises(UpstreamUnavailableError, match="compression is broken"):
            await pool.run(read_packed, b"no gzip member at all", orjson.loads)


async def _here(work: Callable[..., T], /, *values: Any) -> T:  # noqa: ANN401 - any function's
    return work(*values)


def test_a_member_that_claims_too_much_is_not_begun() -> None:
    with pytest.raises(UpstreamTimeoutError):
        check_claim(b"\x00" * 20 + (limits.ANSWER_MAX_BYTES + 1).to_bytes(4, "little"))
