"""The sync and the balances agent themselves: what they say of each way in which their work can end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamproc.agents.balances import fetch_balances
from streamproc.agents.shared.cancellation import Cancellations
from streamproc.agents.sync import sync_wallet
from streamproc.core.ledger.packed import PackedEntries
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import (
    CreditBudgetExceededError,
    RequestEndedError,
    StoreUnavailableError,
    StrategyUnsupportedError,
    UpstreamKeyRejectedError,
    UpstreamRejectedError,
    UpstreamUnavailableError,
)
from streamproc.events import (
    BalanceFetchRequested,
    Options,
    PublicError,
    WalletProgressed,
    WalletSyncRequested,
)
from streamproc.fair_limiter import FairLimiter
from streamproc.serde import Codec, Encoded
from streamproc.store import Decision, NewRequest
from streamproc.topics import read_topology
from streamproc.upstream.history.cursor import HistoryPage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from streamproc.store import Store

pytestmark = pytest.mark.real

CODEC = Codec(read_topology())
WALLET, OTHER = "1" * 31 + "A", "1" * 31 + "B"
NOW_MS = 1_700_000_000_000
SYNC = WalletSyncRequested(
    request_id="r", wallet=WALLET, options=Options(), requested_at_ms=NOW_MS, deadline_at=NOW_MS
)
FETCH = BalanceFetchRequested(
    request_id="r", wallets=[WALLET, OTHER], options=Options(), deadline_at=NOW_MS
)


class Found:
    """What the upstream had of a request's balances."""

    def __init__(self, records: dict[str, Any], errors: dict[str, PublicError]) -> None:
        self.records = records
        self.errors = errors


class Upstream:
    """Answers what the test says, and counts how often it was asked."""

    def __init__(self) -> None:
        self.pages: list[HistoryPage] = []
        self.error: Exception | None = None  # after the pages
        self.excluded: PublicError | None = None
        self.found = Found({}, {})
        self.asked = 0

    async def why_excluded(
        self, _event: WalletSyncRequested, *, is_known: bool
    ) -> PublicError | None:
        del is_known
        self.asked += 1
        return self.excluded

    async def history(
        self, _event: WalletSyncRequested, _ranges: Sequence[SlotRange]
    ) -> AsyncGenerator[HistoryPage, None]:
        for page in self.pages:
            yield page
        if self.error is not None:
            raise self.error

    async def balances(self, _event: BalanceFetchRequested) -> Found:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.found


class Analyst:
    """Finds nothing to analyze."""

    def __init__(self) -> None:
        self.slots: list[int] = []
        self.new: list[bool] = []  # of each, whether no analysis is worth looking for

    async def analyze(
        self, _request_id: str, _wallet: str, slot: int, _options: Options, *, is_new: bool
    ) -> Any:  # noqa: ANN401
        self.new.append(is_new)
        self.slots.append(slot)
        return Analyzed(slot)


class Analyzed:
    """An analysis of an empty history."""

    def __init__(self, slot: int) -> None:
        self.watermark_slot = slot
        self.pnl = {"trades": 0, "tokens_traded": 0}
        self.coverage = {
            "state": "complete",
            "transactions": 0,
            "failed_transactions": 0,
            "estimated_entries": 0,
            "unreadable": 0,
            "first_slot": None,
            "last_slot": None,
            "first_time": None,
            "last_time": None,
            "gaps": [],
        }


class Bench:
    """Both agents on a real store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.upstream = Upstream()
        self.analyst = Analyst()
        self.cancellations = Cancellations(store)
        self.clock_ms = NOW_MS

    def _now_ms(self) -> int:
        self.clock_ms += 1_000
        return self.clock_ms

    async def synced(self, event: WalletSyncRequested = SYNC) -> tuple[list[Any], Encoded]:
        """The progress that the sync agent told, and its record."""
        upstream: Any = self.upstream
        analyst: Any = self.analyst
        steps = [
            step
            async for step in sync_wallet(
                event,
                store=self.store,
                lookups=upstream,
                analyst=analyst,
                cancellations=self.cancellations,
                limiter=FairLimiter(1),
                codec=CODEC,
                clock_ms=self._now_ms,
            )
        ]
        record = steps.pop()
        assert isinstance(record, Encoded)
        return steps, record

    async def fetched(self) -> Encoded:
        """The balances agent's record."""
        upstream: Any = self.upstream
        (record,) = [
            step
            async for step in fetch_balances(
                FETCH,
                store=self.store,
                lookups=upstream,
                cancellations=self.cancellations,
                codec=CODEC,
                clock_ms=self._now_ms,
            )
        ]
        assert isinstance(record, Encoded)
        return record


@pytest.fixture
async def bench(store: Store) -> Bench:
    """A request that runs."""
    await store.record_requests(
        [NewRequest("r", b"", "t/0/0", [WALLET, OTHER], {}, NOW_MS, NOW_MS // 1000 + 600)]
    )
    return Bench(store)


def page(low: int, high: int) -> HistoryPage:
    return HistoryPage(PackedEntries(WALLET), SlotRange(low, high), {}, "full")


def said(record: Encoded) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(record.value)
    return found


async def test_pages_are_stored_and_told_and_the_wallet_is_analyzed_up_to_the_newest_slot(
    bench: Bench,
) -> None:
    bench.upstream.pages = [page(60, 99), page(0, 59)]
    progress, record = await bench.synced()
    assert [type(each) for each in progress] == [WalletProgressed]
    assert (said(record)["outcome"], said(record)["watermark_slot"]) == ("analyzed", 99)
    assert bench.analyst.slots == [99]
    assert [tuple(each)[:2] for each in await bench.store.ranges(WALLET)] == [(0, 99)]


async def test_what_was_said_is_said_again_and_nobody_is_asked(bench: Bench) -> None:
    bench.upstream.pages = [page(0, 9)]
    _, first = await bench.synced()
    asked = bench.upstream.asked
    bench.upstream.error = UpstreamRejectedError("no")
    progress, again = await bench.synced()
    assert (progress, again) == ([], first)
    assert bench.upstream.asked == asked


async def test_a_wallet_that_was_synced_since_the_request_came_is_not_listed_again(
    bench: Bench,
) -> None:
    bench.upstream.pages = [page(0, 9)]
    await bench.synced()
    bench.upstream.error = UpstreamRejectedError("nobody should ask")
    fresh = SYNC.model_copy(update={"request_id": "r2"})
    await bench.store.record_requests([NewRequest("r2", b"", "t/0/1", [WALLET], {}, NOW_MS, 1)])
    assert said((await bench.synced(fresh))[1])["outcome"] == "analyzed"
    assert bench.analyst.new == [True, False]


@pytest.mark.parametrize(
    ("error", "code", "is_fatal"),
    [
        (UpstreamRejectedError("no"), "upstream_rejected", False),
        (UpstreamUnavailableError("no"), "upstream_unavailable", False),
        (StrategyUnsupportedError("no"), "upstream_unavailable", False),
        (UpstreamKeyRejectedError("no"), "upstream_key_rejected", True),
        (RuntimeError("a bug with a s3cret"), "internal", False),
    ],
    ids=str,
)
async def test_each_error_of_a_history_is_an_outcome_and_pages_before_it_stay(
    bench: Bench, error: Exception, code: str, *, is_fatal: bool
) -> None:
    bench.upstream.pages, bench.upstream.error = [page(50, 99)], error
    outcome = said((await bench.synced())[1])
    assert (outcome["outcome"], outcome["error"]["code"]) == ("failed", code)
    assert outcome["fatal"] is is_fatal
    assert "s3cret" not in outcome["error"]["message"]
    assert [tuple(each)[:2] for each in await bench.store.ranges(WALLET)] == [(50, 99)]


async def test_a_spent_budget_ends_a_history_and_not_its_wallet(bench: Bench) -> None:
    bench.upstream.pages = [page(50, 99)]
    bench.upstream.error = CreditBudgetExceededError("spent")
    assert said((await bench.synced())[1])["outcome"] == "analyzed"


async def test_an_address_that_is_no_wallet_is_excluded_with_its_reason(bench: Bench) -> None:
    bench.upstream.excluded = PublicError(code="excluded", message="no wallet: a program")
    outcome = said((await bench.synced())[1])
    assert (outcome["outcome"], outcome["error"]["code"]) == ("excluded", "excluded")
    assert bench.analyst.slots == []


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RequestEndedError("ended")])
async def test_what_is_only_away_or_over_is_no_outcome(bench: Bench, error: Exception) -> None:
    bench.upstream.error = error
    for work in (bench.synced, bench.fetched):
        with pytest.raises(type(error)):
            await work()
    assert (await bench.store.output_state("r", f"wallet:{WALLET}")).content is None
    assert (await bench.store.output_state("r", "balances")).content is None


async def test_nothing_is_said_of_a_request_that_has_ended(bench: Bench) -> None:
    await bench.store.decide([Decision("r", "cancelled", None, Encoded("t", b"r", b"{}", ()))])
    for work in (bench.synced, bench.fetched):
        with pytest.raises(RequestEndedError):
            await work()
    assert bench.upstream.asked == 0


async def test_a_wallet_whose_request_ends_while_it_waits_for_its_turn_is_not_asked_about(
    bench: Bench,
) -> None:
    with ended(bench.cancellations, "r"), pytest.raises(RequestEndedError):
        await bench.synced()
    assert bench.upstream.asked == 0


@contextmanager
def ended(cancellations: Cancellations, request_id: str) -> Iterator[None]:
    """The watch knows that the request has ended, the store does not tell yet."""
    with cancellations.watching(request_id):
        cancellations._ended.add(request_id)
        yield


async def test_balances_are_stored_and_each_wallet_has_its_state(bench: Bench) -> None:
    good, bad = {"state": "ok", "lamports": 1}, {"state": "failed", "lamports": None}
    error = PublicError(code="upstream_rejected", message="no")
    bench.upstream.found = Found({WALLET: good, OTHER: bad}, {OTHER: error})
    first = await bench.fetched()
    assert said(first)["wallets"] == {WALLET: "ok", OTHER: "failed"}
    assert said(first)["errors"][OTHER]["code"] == "upstream_rejected"
    assert await bench.store.balances("r") == {WALLET: good, OTHER: bad}
    bench.upstream.error = RuntimeError("nobody should ask")
    assert await bench.fetched() == first
    assert bench.upstream.asked == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamKeyRejectedError("no"), "upstream_key_rejected"),
        (UpstreamUnavailableError("no"), "balances_failed"),
        (RuntimeError("a bug with a s3cret"), "internal"),
    ],
    ids=str,
)
async def test_an_error_about_all_balances_ends_the_request(
    bench: Bench, error: Exception, code: str
) -> None:
    bench.upstream.error = error
    fatal = said(await bench.fetched())["fatal"]
    assert fatal["code"] == code
    assert "s3cret" not in fatal["message"]
