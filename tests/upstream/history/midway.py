"""A history that is listed in every way there is, and a service that goes wrong in the middle of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import orjson
import pytest

from streamproc import limits
from streamproc.core.ledger.ranges import gaps
from streamproc.upstream import Upstream, open_upstream, unlimited
from streamproc.upstream.history.full_listing import OWNERS_KNOWN_FROM_SLOT
from tests.upstream.history.test_history import Kept, assert_honest, numbers_of
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
    from collections.abc import AsyncIterator, Callable

    from streamproc.errors import StreamprocError

SLOTS = [
    *range(5, 17, 3),  # before it was known who owns a token account
    *(OWNERS_KNOWN_FROM_SLOT + each for each in (-1, 0, 0, 1)),
    *(SLOT + 3 * (number - number % 2) for number in range(160)),  # two of each slot
]
TRANSACTIONS = [(slot, number) for number, slot in enumerate(SLOTS, 1)]
CAP = 60
MIDDLE = (3, 6)  # calls that go wrong

Told = list[Any] | dict[str, Any]  # the body of either list


class Strategy(NamedTuple):
    """A way of listing: by which list, with how many fetchers beside the first one, and how much is wanted."""

    is_full: bool = True
    extra: int = 0
    most: int | None = None


STRATEGIES = {
    "full from one end": Strategy(),
    "full from both ends": Strategy(extra=1),
    "full by many": Strategy(extra=16),
    "full, the newest": Strategy(most=CAP),
    "enhanced": Strategy(is_full=False),
    "enhanced, the newest": Strategy(is_full=False, most=CAP),
}
EACH = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


class Midway(HistoryService):
    """Small pages, some of which are changed on their way."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(*TRANSACTIONS)
        self.is_full_supported = strategy.is_full
        self.lies: dict[int, Callable[[Told], Told]] = {}
        self.goes_away_after = 10_000  # calls, whatever was called
        self.refused_status = 200  # of the answer to a method that is not there
        self.shown = 0  # transactions, each as often as a page had it

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """The response, a moment later."""
        await asyncio.sleep(0)
        self.is_full_supported &= len(self.asked) < self.goes_away_after
        response = self(request)
        if b"-32601" in response.content and self.refused_status != httpx.codes.OK:
            response = httpx.Response(self.refused_status, text="not in this plan")
        lie = self.lies.pop(len(self.asked), None)
        page = orjson.loads(response.content) if lie is not None else {"error": None}
        if lie is not None and "error" not in page:
            told = lie(page)
            response = httpx.Response(200, content=orjson.dumps(told))
        self.shown += response.content.count(b'"fee":')
        if isinstance(response.stream, RawBody):
            return response
        return httpx.Response(
            response.status_code, headers=response.headers, stream=RawBody(response.content)
        )


def shorten_pages(patch: pytest.MonkeyPatch) -> None:
    """Make pages so small that a short history has many."""
    patch.setattr(limits, "HISTORY_PAGE", 4)
    patch.setattr(limits, "HISTORY_PAGE_MAX", 8)
    patch.setattr(limits, "HISTORY_PAGE_MIN", 1)
    patch.setattr(limits, "ENHANCED_PAGE", 8)


@asynccontextmanager
async def opened_for(service: Midway, strategy: Strategy) -> AsyncIterator[Upstream]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "EXTRA_FETCHERS", strategy.extra)
        transport = httpx.MockTransport(service.answer)
        async with open_upstream(
            settings_for(), BudgetStore(), timing=Clock().timing, transport=transport
        ) as upstream:
            yield upstream


async def walk(service: Midway, strategy: Strategy, kept: Kept) -> None:
    """A worker that has just begun brings the wallet up to date."""
    async with opened_for(service, strategy) as upstream:
        async for page in upstream.history(
            WALLET, held=kept, max_transactions=strategy.most, permit=unlimited
        ):
            kept.add(page)


def assert_whole(kept: Kept, strategy: Strategy) -> None:
    """All that is wanted is there, and nothing is counted complete that is not."""
    assert_honest(kept, TRANSACTIONS)
    if strategy.most is None:
        assert numbers_of(kept) == set(TRANSACTIONS)
        assert kept.ranges == [(0, SLOTS[-1])]
    else:
        assert set(TRANSACTIONS[-strategy.most :]) <= numbers_of(kept)


async def fails_and_goes_on(
    service: Midway, strategy: Strategy, raised: type[StreamprocError]
) -> None:
    """The failure has this name, leaves open what was not listed, and the next worker finds the rest."""
    kept = Kept()
    with pytest.raises(raised):
        await walk(service, strategy, kept)
    assert_honest(kept, TRANSACTIONS)
    assert gaps(kept.ranges, from_slot=0, to_slot=SLOTS[-1]), "nobody may take this for complete"
    service.faults, service.lies = {}, {}
    await walk(service, strategy, kept)
    assert_whole(kept, strategy)
