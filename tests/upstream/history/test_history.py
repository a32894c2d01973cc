"""Pages close exactly the slots that they list, whatever the pages look like and wherever a walk breaks off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamproc import limits
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.errors import (
    CreditBudgetExceededError,
    StrategyUnsupportedError,
    UpstreamInconsistentError,
)
from streamproc.upstream import HistoryPage, Upstream, unlimited
from streamproc.upstream.history.full_listing import OWNERS_KNOWN_FROM_SLOT
from tests.upstream.services import (
    OTHER,
    SLOT,
    WALLET,
    BudgetStore,
    Clock,
    HistoryService,
    answered,
    enhanced,
    opened,
    raw,
    rpc_error,
    signature,
)

if TYPE_CHECKING:
    from streamproc.core.ledger.entries import Entry

BOTH = pytest.mark.parametrize("is_full", [True, False], ids=["full", "enhanced"])


@dataclass
class Kept:
    """What a store would hold: entries by signature, and closed slots."""

    entries: dict[str, Entry] = field(default_factory=dict)
    ranges: list[SlotRange] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)

    def add(self, page: HistoryPage) -> None:
        self.entries |= {entry.signature: entry for entry in page.entries}
        self.accounts |= set(page.token_accounts)
        if page.closed is not None:
            self.ranges = union([*self.ranges, page.closed])

    async def count(self, slots: SlotRange) -> int:
        return len(self._within(slots))

    async def oldest_signature(self, slots: SlotRange) -> str | None:
        within = sorted(self._within(slots), key=lambda entry: (entry.slot, entry.index))
        return within[0].signature if within else None

    async def token_accounts(self) -> tuple[str, ...]:
        return tuple(self.accounts)

    def _within(self, slots: SlotRange) -> list[Entry]:
        low, high = slots
        return [entry for entry in self.entries.values() if low <= entry.slot <= high]


async def _walk(
    upstream: Upstream, kept: Kept, *, pages: int | None = None, most: int | None = None
) -> list[HistoryPage]:
    """Walk on from what is kept, at most so many pages."""
    walked = []
    async for page in upstream.history(WALLET, held=kept, max_transactions=most, permit=unlimited):
        kept.add(page)
        walked.append(page)
        if len(walked) == pages:
            break
    return walked


def numbers_of(kept: Kept) -> set[tuple[int, int]]:
    """What is kept, as (slot, number)."""
    by_signature = {signature(number): number for number in range(2000)}
    return {(entry.slot, by_signature[entry.signature]) for entry in kept.entries.values()}


SLOTS = st.one_of(
    st.integers(SLOT, SLOT + 12),
    st.integers(OWNERS_KNOWN_FROM_SLOT - 3, OWNERS_KNOWN_FROM_SLOT + 3),
    st.integers(1, 5),
)


# A slot that grew while it was the tip, and a walk that broke off just above it, below the cut of the filters.
@example(
    slots=[OWNERS_KNOWN_FROM_SLOT + each for each in (-3, -3, -1, -1, 10)],
    breaks=[1, 1],
    first=3,
    page=2,
    is_full=True,
)
@example(slots=[SLOT, SLOT, SLOT, SLOT + 2], breaks=[2, 1], first=1, page=2, is_full=False)
@example(slots=[9, 9, *[SLOT] * 6], breaks=[2, 1], first=1, page=7, is_full=False)
@settings(deadline=None)
@given(
    slots=st.lists(SLOTS, min_size=1, max_size=40).map(sorted),
    breaks=st.lists(st.integers(1, 3), max_size=4),
    first=st.integers(0, 40),
    page=st.integers(1, 7),
    is_full=st.booleans(),
)
def test_walks_that_break_off_anywhere_end_with_everything_and_honest_ranges(
    slots: list[int], breaks: list[int], first: int, page: int, *, is_full: bool
) -> None:
    transactions = [(slot, number) for number, slot in enumerate(slots, 1)]

    async def run() -> None:
        kept, service = Kept(), HistoryService(*transactions[:first])
        service.page_max, service.is_full_supported = page, is_full
        async with opened(service) as upstream:
            for pages in [*breaks, None]:
                await _walk(upstream, kept, pages=pages)
                assert_honest(kept, service.transactions)
                service.transactions = list(transactions)
            await _walk(upstream, kept)
        assert numbers_of(kept) == set(transactions)
        assert kept.ranges == [(0, slots[-1])]
        in_order = sorted(kept.entries.values(), key=lambda entry: (entry.slot, entry.index))
        assert [entry.signature for entry in in_order] == [signature(n) for _, n in transactions]

    asyncio.run(run())


def assert_honest(kept: Kept, transactions: list[tuple[int, int]]) -> None:
    """Every transaction of a closed slot is kept; a range's last slot may grow and is asked for again the next time."""
    known = numbers_of(kept)
    for low, high in kept.ranges:
        assert {each for each in transactions if low <= each[0] < high} <= known


@settings(deadline=None)
@given(
    slots=st.lists(st.integers(SLOT, SLOT + 12), min_size=1, max_size=40).map(sorted),
    mosts=st.lists(st.integers(1, 45), min_size=1, max_size=3),
    first=st.integers(0, 40),
    page=st.integers(1, 7),
    is_full=st.booleans(),
)
def test_a_capped_walk_finds_the_newest_ones(
    slots: list[int], mosts: list[int], first: int, page: int, *, is_full: bool
) -> None:
    transactions = [(slot, number) for number, slot in enumerate(slots, 1)]

    async def run() -> None:
        kept, service = Kept(), HistoryService(*transactions[:first])
        service.page_max, service.is_full_supported = page, is_full
        async with opened(service) as upstream:
            for most in mosts:
                await _walk(upstream, kept, most=most)
                assert set(service.transactions[-most:]) <= numbers_of(kept)
                assert kept.ranges, "something is closed, so that a tip is known"
                assert_honest(kept, service.transactions)
                service.transactions = list(transactions)

    asyncio.run(run())


async def test_a_capped_walk_asks_for_no_more_than_it_needs(clock: Clock) -> None:
    service = HistoryService(*[(SLOT + number, number) for number in range(1, 1000)])
    async with opened(service, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept, most=100)
        assert [asked["limit"] for asked in service.asked] == [100]
        await _walk(upstream, kept, most=100)
        assert len(service.asked) == 2, "the second time only what is new is asked for"


@BOTH
async def test_an_empty_history_is_complete(clock: Clock, *, is_full: bool) -> None:
    service = HistoryService()
    service.is_full_supported = is_full
    async with opened(service, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept)
    assert (kept.entries, kept.ranges) == ({}, [(0, 0)])


async def test_all_kinds_of_transactions_are_asked_for(clock: Clock) -> None:
    service = HistoryService((SLOT, 1))
    async with opened(service, clock=clock) as upstream:
        await _walk(upstream, Kept())
    new, old = (asked["filters"] for asked in service.asked)
    assert new == {
        "slot": {"gte": OWNERS_KNOWN_FROM_SLOT},
        "status": "any",
        "tokenAccounts": "balanceChanged",
    }
    assert old == {
        "slot": {"gte": 0, "lte": OWNERS_KNOWN_FROM_SLOT - 1},
        "status": "any",
        "tokenAccounts": "none",
    }
    assert service.asked[0]["commitment"] == "finalized"


async def test_the_enhanced_list_is_asked_for_token_transfers_and_never_for_types(
    clock: Clock,
) -> None:
    service = HistoryService((SLOT, 1))
    service.is_full_supported = False
    async with opened(service, clock=clock) as upstream:
        await _walk(upstream, Kept())
    listed = service.asked[1:]
    assert [each.get("before-signature") for each in listed] == [None, signature(1)]
    for asked in listed:
        assert asked["token-accounts"] == "balanceChanged"
        assert "type" not in asked


async def test_what_is_held_is_not_asked_for_again_but_its_last_slot_is(clock: Clock) -> None:
    service = HistoryService(*[(SLOT + number, number) for number in range(1, 1300)])
    async with opened(service, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept)
        service.asked.clear()
        service.transactions += [(SLOT + 1299, 1300), (SLOT + 1400, 1301)]
        await _walk(upstream, kept)
    assert [asked["filters"]["slot"] for asked in service.asked] == [{"gte": SLOT + 1299}]
    assert numbers_of(kept) == set(service.transactions)
    assert kept.ranges == [(0, SLOT + 1400)]


def _page(data: list[object], token: str | None = None) -> httpx.Response:
    return answered({"data": data, "paginationToken": token})


LIES = {
    "another wallet's data": lambda n: _page([raw(SLOT, n, OTHER)], None),
    "a token that comes twice": lambda n: _page([raw(SLOT + 1000 - n, n)], "same"),
    "tokens that lead nowhere": lambda n: _page([], f"token {n}"),
    "the same page for ever": lambda n: _page([raw(SLOT, 1)], f"token {n}"),
    "slots in no order": lambda n: _page([raw(SLOT, n), raw(SLOT + 1, n + 1)], None),
    "slots that were not asked for": lambda n: _page([raw(5, n)], None),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_lie_of_the_upstream_is_noticed(lie: object, clock: Clock) -> None:
    asked = 0

    def serve(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        assert callable(lie)
        found = lie(asked)
        assert isinstance(found, httpx.Response)
        return found

    async with opened(serve, clock=clock) as upstream:
        with pytest.raises(UpstreamInconsistentError):
            await _walk(upstream, Kept())
    assert asked <= limits.HISTORY_IDLE_PAGES_MAX + 2


async def test_empty_pages_with_a_token_end_nothing(clock: Clock) -> None:
    service = HistoryService((SLOT, 1), (SLOT + 1, 2))

    def serve(request: httpx.Request) -> httpx.Response:
        if len(service.asked) in {0, 2}:
            service.asked.append({})
            return _page([], f"{SLOT + 9}:{len(service.asked)}")
        return service(request)

    async with opened(serve, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept)
    assert numbers_of(kept) == {(SLOT, 1), (SLOT + 1, 2)}
    assert kept.ranges == [(0, SLOT + 1)]


@pytest.mark.parametrize(
    "page", [[enhanced(SLOT, 1, OTHER)], [enhanced(SLOT, 1)]], ids=["other", "cursor ignored"]
)
async def test_a_lie_of_the_enhanced_list_is_noticed(page: list[object], clock: Clock) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"error": {"code": -32601, "message": "no"}})
        return httpx.Response(200, json=page)

    async with opened(serve, clock=clock) as upstream:
        with pytest.raises(UpstreamInconsistentError):
            await _walk(upstream, Kept())


async def test_a_cursor_that_the_enhanced_list_does_not_know_starts_it_from_the_top(
    clock: Clock,
) -> None:
    service = HistoryService(*[(SLOT + number, number) for number in range(1, 350)])
    service.is_full_supported = False
    service.faults = {4: lambda: httpx.Response(404, json={"error": "cursor not found"})}
    async with opened(service, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept)
    assert numbers_of(kept) == set(service.transactions)
    assert kept.ranges == [(0, SLOT + 349)]


async def test_records_without_a_slot_are_kept_and_close_nothing_else(clock: Clock) -> None:
    slotless = {**enhanced(SLOT, 1), "slot": None}

    def serve(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"error": {"code": -32601, "message": "no"}})
        return httpx.Response(
            200, json=[] if "before-signature" in request.url.params else [slotless]
        )

    async with opened(serve, clock=clock) as upstream:
        kept = Kept()
        await _walk(upstream, kept)
    assert len(kept.entries) == 1
    assert kept.ranges == [(0, 0)]


async def test_decimals_that_trimmed_records_leave_out_are_asked_for(clock: Clock) -> None:
    trimmed = {
        **enhanced(SLOT, 1),
        "accountData": [],
        "tokenTransfers": [
            {"mint": OTHER, "tokenAmount": 1.5, "fromUserAccount": "x", "toUserAccount": WALLET}
        ],
    }

    def serve(request: httpx.Request) -> httpx.Response:
        if b"getAssetBatch" in request.content:
            return answered([{"id": OTHER, "token_info": {"decimals": 4}}])
        if request.method == "POST":
            return rpc_error(-32601)
        return httpx.Response(
            200, json=[] if "before-signature" in request.url.params else [trimmed]
        )

    async with opened(serve, clock=clock) as upstream:
        kept = Kept()
        pages = await _walk(upstream, kept)
    assert kept.entries[signature(1)].deltas == ((OTHER, 15_000),)
    assert pages[0].decimals == {OTHER: 4}


async def test_when_no_strategy_is_left_the_error_says_so(clock: Clock) -> None:
    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"error": {"code": -32601, "message": "no"}})

    async with opened(serve, clock=clock) as upstream:
        with pytest.raises(StrategyUnsupportedError):
            await _walk(upstream, Kept())


async def test_a_small_rest_of_credits_buys_smaller_pages(
    clock: Clock, budget_store: BudgetStore
) -> None:
    service = HistoryService(*[(SLOT + number, number) for number in range(1, 900)])
    async with opened(service, budget_store, clock) as upstream:
        permit = upstream.permit("a-1", credit_budget=75, is_ended=lambda: False)
        entries = 0
        with pytest.raises(CreditBudgetExceededError):  # noqa: PT012 - the pages before it are looked at
            async for page in upstream.history(WALLET, permit=permit):
                entries += len(page.entries)
    assert entries > 600
    assert 60 <= budget_store.spent <= 75
