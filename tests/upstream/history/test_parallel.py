"""Any interleaving of fetches, crashes, retries and splits ends with exactly what one pass in sequence lists."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.ledger.packed import PackedEntries
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.errors import StreamprocError
from streamproc.upstream import Upstream, open_upstream, unlimited
from streamproc.upstream.history.cursor import HistoryPage
from streamproc.upstream.history.full_listing import OWNERS_KNOWN_FROM_SLOT
from streamproc.upstream.history.gaps import Claim, Gaps, Piece
from streamproc.upstream.history.parallel import FetcherPool, ParallelListing
from tests.upstream.history.test_history import Kept, assert_honest, numbers_of
from tests.upstream.services import (
    OTHER,
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    RawBody,
    answered,
    raw,
    rpc_error,
    settings_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

FAULTS: dict[str, Callable[[], httpx.Response]] = {
    "429": lambda: httpx.Response(429),
    "500": lambda: httpx.Response(500),
    "504": lambda: httpx.Response(504),
    "cut off": lambda: httpx.Response(200, content=b'{"result":{"data":[{"slot":1,"tran'),
    "cursor lost": lambda: rpc_error(-32603, "Invalid pagination token"),
    "bad address": lambda: rpc_error(-32602),
    "unknown method": lambda: rpc_error(-32601),
    "refused key": lambda: httpx.Response(401, text="no"),
    "another wallet": lambda: answered({"data": [raw(SLOT, 1, OTHER)], "paginationToken": None}),
}


class ChaoticService(HistoryService):
    """Answers in any order; calls go wrong by chance, and pages come short."""

    def __init__(self, *transactions: tuple[int, int], rng: random.Random, rate: float) -> None:
        super().__init__(*transactions)
        self.rng = rng
        self.rate = rate
        self.in_flight = 0
        self.most_in_flight = 0
        self.orders: Counter[str | None] = Counter()
        self.empty = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """The response, after some turns of the loop."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for _ in range(self.rng.randrange(12)):
            await asyncio.sleep(0)
        self.in_flight -= 1
        if self.rng.random() < self.rate:
            response = FAULTS[self.rng.choice(sorted(FAULTS))]()
        else:
            self.page_max = self.rng.randint(1, 9)
            response = self(request)
            if request.method == "POST":
                options = orjson.loads(request.content)["params"][1]
                self.orders[options.get("sortOrder")] += 1
                self.empty += b'"data":[]' in response.content
        return httpx.Response(
            response.status_code, headers=response.headers, stream=RawBody(response.content)
        )


@contextmanager
def _small() -> Iterator[None]:
    """Pages so small that short histories are split."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "HISTORY_PAGE", 4)
        patch.setattr(limits, "HISTORY_PAGE_MAX", 8)
        patch.setattr(limits, "HISTORY_PAGE_MIN", 1)
        yield


def _opened(service: ChaoticService) -> AbstractAsyncContextManager[Upstream]:
    """An upstream that is this service."""
    transport = httpx.MockTransport(service.answer)
    return open_upstream(settings_for(), BudgetStore(), timing=Clock().timing, transport=transport)


async def _walk(upstream: Upstream, kept: Kept, pages: int | None) -> None:
    """Walk on from what is kept, at most so many pages; a failure ends it as a crash does."""
    left = pages
    with suppress(StreamprocError):
        async for page in upstream.history(WALLET, held=kept, permit=unlimited):
            kept.add(page)
            left = None if left is None else left - 1
            if left == 0:
                break
    await asyncio.sleep(0)


SLOTS = st.one_of(
    st.integers(SLOT, SLOT + 200),
    st.integers(OWNERS_KNOWN_FROM_SLOT - 20, OWNERS_KNOWN_FROM_SLOT + 20),
    st.integers(1, 50),
)


@settings(deadline=None, max_examples=150)
@example(slots=[300_000_000], first=0, breaks=[1, 1, 1], rate=0.2, seed=92_540)  # all ways refused
@given(
    slots=st.lists(SLOTS, min_size=1, max_size=120).map(sorted),
    first=st.integers(0, 120),
    breaks=st.lists(st.integers(1, 8), max_size=5),
    rate=st.sampled_from([0.0, 0.05, 0.2]),
    seed=st.integers(0, 2**32),
)
def test_any_interleaving_ends_as_one_pass_in_sequence(
    slots: list[int], first: int, breaks: list[int], rate: float, seed: int
) -> None:
    transactions = [(slot, number) for number, slot in enumerate(slots, 1)]
    rng = random.Random(seed)  # noqa: S311 - chaos, no secret

    async def run() -> None:
        service = ChaoticService(*transactions[:first], rng=rng, rate=rate)
        kept = Kept()
        async with _opened(service) as upstream:
            for pages in [*breaks, None]:
                await _walk(upstream, kept, pages)
                assert_honest(kept, service.transactions)
                service.transactions = list(transactions)
            service.rate = 0.0
        async with _opened(service) as upstream:  # one that knows of no refused method
            await _walk(upstream, kept, None)
        assert numbers_of(kept) == set(transactions)
        assert kept.ranges == [(0, slots[-1])]

    with _small():
        asyncio.run(run())


def test_a_long_history_is_listed_from_both_ends_and_by_many() -> None:
    transactions = [(SLOT + 3 * number, number) for number in range(1, 600)]

    async def run() -> ChaoticService:
        rng = random.Random(1)  # noqa: S311 - chaos, no secret
        service = ChaoticService(*transactions, rng=rng, rate=0.0)
        kept = Kept()
        async with _opened(service) as upstream:
            await _walk(upstream, kept, None)
        assert numbers_of(kept) == set(transactions)
        assert kept.ranges == [(0, transactions[-1][0])]
        return service

    with _small():
        service = asyncio.run(run())
    assert service.orders["asc"] > 3
    assert service.empty <= 3, "no gap is split where nothing can be"
    assert service.most_in_flight > 6
    assert service.most_in_flight <= limits.EXTRA_FETCHERS + 1


async def test_who_stops_in_the_middle_leaves_no_fetcher_at_work() -> None:
    """And whoever waits for the garbage collector to close generators would leave all of them."""
    transactions = [(SLOT + 3 * number, number) for number in range(1, 400)]
    with _small():
        service = ChaoticService(*transactions, rng=random.Random(1), rate=0.0)  # noqa: S311
        async with _opened(service) as upstream:
            pages = upstream.history(WALLET, permit=unlimited)
            most = 0
            async with aclosing(pages):
                async for _ in pages:
                    most = max(most, len(asyncio.all_tasks()))
                    if most > 4:
                        break
            assert most > 4
            assert asyncio.all_tasks() == {asyncio.current_task()}


@given(
    slots=st.integers(1, 400),
    listed=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50)), max_size=60),
)
def test_pieces_never_overlap_and_hold_all_that_is_open(
    slots: int, listed: list[tuple[int, int]]
) -> None:
    """Whoever closes how much of an end: what is open is what was never closed."""
    gaps = Gaps([Piece(0, slots - 1)])
    holds: list[Claim] = []
    closed: list[SlotRange] = []
    for choice, width in listed:
        claim = gaps.claim(1)
        gaps.is_bottom_known = len(holds) > 1
        holds += [claim] if claim else []
        holds = [each for each in holds if each.piece.slots]
        if not holds:
            break
        claim = holds[choice % len(holds)]
        low, high = claim.piece.low, claim.piece.high
        edge = min(high, low + width) if claim.is_ascending else max(low, high - width)
        part = SlotRange(low, edge) if claim.is_ascending else SlotRange(edge, high)
        gaps.close(part, transactions=width + 1, extent=width + 1)
        closed.append(part)
    pieces = [(piece.low, piece.high) for piece in gaps.pieces]
    assert union([*pieces, *closed]) == [(0, slots - 1)]
    assert sum(high - low + 1 for low, high in [*pieces, *union(closed)]) == slots


def test_idle_fetchers_go_to_the_longest_history() -> None:
    short, long = Gaps([Piece(0, 10)]), Gaps([Piece(0, 1000)])
    fetcher_pool = FetcherPool(most=1, histories=[short, long])
    assert fetcher_pool.is_free_for(long)
    assert not fetcher_pool.is_free_for(short)
    fetcher_pool.busy = 1
    assert not fetcher_pool.is_free_for(long)


class OneAnswer:
    """A fetcher that lists a whole piece with one page."""

    async def next(self, low: int, high: int) -> tuple[HistoryPage, int]:
        await asyncio.sleep(0)
        slots = SlotRange(low, high)
        return HistoryPage(PackedEntries(WALLET), slots, {}, "one"), high - low + 1


class OneAnswers:
    """Makes them."""

    page = 1

    def fetcher(self, *, is_ascending: bool) -> OneAnswer:
        del is_ascending
        return OneAnswer()


async def test_when_all_fetchers_have_left_and_something_is_open_another_one_begins() -> None:
    """The crew has nobody to spare: whoever has listed the first piece has to be followed by somebody."""
    gaps = Gaps([Piece(0, 9), Piece(20, 29), Piece(40, 49)])
    walk = ParallelListing(gaps, OneAnswers(), FetcherPool(most=0))
    async with asyncio.timeout(5), aclosing(walk.pages()) as pages:
        closed = [page.closed async for page in pages]
    assert sorted(filter(None, closed)) == [(0, 9), (20, 29), (40, 49)]
    assert not gaps.pieces
