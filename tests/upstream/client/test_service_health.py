"""A pause of the upstream is waited for and told; the log hears of each change of its condition once."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import TYPE_CHECKING

import httpx
import pytest

from streamproc import limits
from streamproc.errors import UpstreamUnavailableError
from streamproc.upstream import RequestPermit, unlimited
from streamproc.upstream.client.permits import RateLimit
from streamproc.upstream.client.service_health import ServiceHealth
from tests.upstream.services import (
    OTHER,
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    answered,
    opened,
    rpc_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproc.upstream import Permit, Upstream

LOGGER = "streamproc.upstream.client.service_health"
TRANSACTIONS = [(SLOT + number, number) for number in range(1, 30)]
PAUSES: dict[str, tuple[Callable[[], httpx.Response], str]] = {
    "503": (lambda: httpx.Response(503, text="away"), "answers 503"),
    "502": (lambda: httpx.Response(502, html="<h1>away</h1>"), "answers 502"),
    "504": (lambda: httpx.Response(504), "answers 504"),
    "520": (lambda: httpx.Response(520), "answers 520"),
    "a node that is behind": (lambda: rpc_error(-32005), "answers -32005"),
    "no connection": (lambda: _raised(httpx.ConnectError("")), "cannot be reached"),
    "no answer": (lambda: _raised(httpx.ReadTimeout("")), "does not answer in time"),
}


def _raised(error: Exception) -> httpx.Response:
    raise error


def _patient(budget_store: BudgetStore, clock: Clock, waits_s: float) -> Permit:
    rate = RateLimit(
        budget_store, keys={"rpc": "k", "enhanced": "k"}, rates={"rpc": 1e9}, timing=clock.timing
    )
    return RequestPermit(rate, budget_store, "r", None, lambda: False, clock.now_s + waits_s)


class Paused(HistoryService):
    """A history behind a service that is away for a while."""

    def __init__(self, clock: Clock, away: Callable[[], httpx.Response], until_s: float) -> None:
        super().__init__(*TRANSACTIONS)
        self.clock, self.away, self.until_s = clock, away, until_s
        self.tries_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.tries_s.append(self.clock.now_s)
        return self.away() if self.clock.now_s < self.until_s else super().__call__(request)


async def _listed(upstream: Upstream, permit: Permit) -> int:
    pages = [page async for page in upstream.history(WALLET, permit=permit)]
    return len({signature for page in pages for signature in page.entries.signatures})


@pytest.mark.parametrize(("away", "words"), PAUSES.values(), ids=PAUSES)
async def test_a_pause_is_waited_for_with_growing_pauses_and_told(
    away: Callable[[], httpx.Response], words: str, budget_store: BudgetStore
) -> None:
    told: list[str | None] = []

    class Telling(Clock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            told.append(upstream.pause())

    clock = Telling()
    service = Paused(clock, away, clock.now_s + 40)
    async with opened(service, budget_store, clock) as upstream:
        assert await _listed(upstream, _patient(budget_store, clock, 60)) == len(TRANSACTIONS)
        assert upstream.pause() is None
    assert 5 < len(service.tries_s) < 40
    said = [each for each in told if each]
    assert said[-1].startswith(f"upstream {words} since ")
    assert int(said[-1].split()[-2]) >= 39


async def test_the_wait_ends_with_the_permit_and_the_failure_is_named(
    budget_store: BudgetStore, clock: Clock
) -> None:
    began_s = clock.now_s
    service = Paused(clock, PAUSES["503"][0], began_s + 1e9)
    async with opened(service, budget_store, clock) as upstream:
        with pytest.raises(UpstreamUnavailableError, match="HTTP 503"):
            await _listed(upstream, _patient(budget_store, clock, 100))
    assert 90 < service.tries_s[-1] - began_s <= 100 + limits.BACKOFF_CAP_S
    gaps_s = [later - earlier for earlier, later in pairwise(service.tries_s)]
    assert gaps_s[:4] == sorted(gaps_s[:4])
    assert max(gaps_s) <= limits.BACKOFF_CAP_S


@pytest.mark.parametrize("failure", [PAUSES["503"][0], lambda: httpx.Response(200, text="no JSON")])
async def test_a_question_that_fails_while_others_are_answered_is_not_waited_for(
    failure: Callable[[], httpx.Response], budget_store: BudgetStore, clock: Clock
) -> None:
    service = HistoryService(*TRANSACTIONS)

    def serve(request: httpx.Request) -> httpx.Response:
        return failure() if OTHER in request.content.decode() else service(request)

    class Busy(Clock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            await _listed(upstream, unlimited)

    busy = Busy()
    async with opened(serve, budget_store, busy) as upstream:
        with pytest.raises(UpstreamUnavailableError):
            async for _ in upstream.history(OTHER, permit=_patient(budget_store, busy, 1e6)):
                pass
    assert len([pause_s for pause_s in busy.slept if pause_s]) <= limits.UPSTREAM_TRIES + 1


async def test_the_log_has_one_line_for_each_change(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service = HistoryService(*TRANSACTIONS)
    service.faults = {
        1: lambda: httpx.Response(429),
        2: lambda: httpx.Response(429),
        3: lambda: httpx.Response(503, text="secret words"),
        4: lambda: httpx.Response(503),
    }
    with caplog.at_level(logging.INFO, LOGGER):
        async with opened(service, clock=clock) as upstream:
            await _listed(upstream, unlimited)
    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert [line.split(" getTr")[0] for line in lines] == [
        "upstream 127.0.0.1 answers 429 to",
        "upstream 127.0.0.1 answers 503 to",
        "upstream 127.0.0.1 recovered:",
    ]


async def test_a_refused_key_is_one_line_however_many_ask(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        async with opened(lambda _: httpx.Response(401), clock=clock) as upstream:
            for _ in range(20):
                with pytest.raises(Exception, match="refuses the key"):
                    await upstream.accounts([WALLET], permit=unlimited)
    assert len([record for record in caplog.records if record.name == LOGGER]) == 1


def test_what_comes_and_goes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    conditions = ServiceHealth(lambda: now_s)
    with caplog.at_level(logging.INFO, LOGGER):
        for _ in range(1000):
            conditions.troubled("host", "method", "429")
            now_s += 0.05
            conditions.answered("host", "method")
            now_s += 0.05
    assert 2 <= len(caplog.records) <= 2 * (100 / limits.CONDITION_LOG_S + 1)


def test_trouble_with_one_method_is_not_over_when_another_is_answered() -> None:
    now_s = 0.0
    conditions = ServiceHealth(lambda: now_s)
    conditions.troubled("host", "pages", "503")
    now_s = limits.PAUSE_TOLD_AFTER_S
    conditions.answered("host", "accounts")
    conditions.answered("elsewhere", "pages")
    assert conditions.pause() == f"upstream answers 503 since {now_s:.0f} s"
    conditions.answered("host", "pages")
    assert conditions.pause() is None


async def test_no_cookie_is_kept_or_sent(clock: Clock) -> None:
    sent: list[str | None] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie"))
        return httpx.Response(
            200,
            headers={"Set-Cookie": "sid=x; Path=/"},
            content=answered({"value": [None]}).content,
        )

    async with opened(serve, clock=clock) as upstream:
        for _ in range(3):
            await upstream.accounts([WALLET], permit=unlimited)
    assert sent == [None] * 3
