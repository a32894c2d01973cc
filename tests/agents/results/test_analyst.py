"""An analysis is made again when something has changed, and only then."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import pytest
from msgspec import structs
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc import limits
from streamproc.agents.results.analyst import Analyst
from streamproc.agents.results.price_history import PriceHistory
from streamproc.core.chain.solana import USDC
from streamproc.core.chain.tokens import TokenMetadata, TokenPrice
from streamproc.core.formats import Formats
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import TransientError
from streamproc.events import AnalysisReady, Options, ReadyWallet, WalletSyncRequested
from streamproc.store import NewRequest, Store, StoredPage, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
WALLET = str(Pubkey.from_bytes(b"\x07" * 32))
MINT = str(Pubkey.from_bytes(b"\x08" * 32))
TIP = 1000

pytestmark = pytest.mark.real


class Counted:
    """A pool that counts, and a market where SOL costs more each time."""

    def __init__(self) -> None:
        self.made = 0
        self.asked = 0

    async def run(self, work: Callable[..., T], *values: Any) -> T:  # noqa: ANN401 - any function's
        self.made += 1
        return work(*values)

    async def prices(self, _request_id: str, mints: Iterable[str]) -> dict[str, TokenPrice]:
        self.asked += 1
        return {mint: TokenPrice(mint, 100.0 + self.asked, 5.0) for mint in mints}

    async def metadata(self, _request_id: str, _mints: Iterable[str]) -> dict[str, TokenMetadata]:
        return {}


@pytest.fixture(autouse=True)
def in_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short a history is."""
    monkeypatch.setattr(limits, "INLINE_ENTRIES", -1)


def _entry(number: int, *, paid: str | None = None) -> Entry:
    deltas = ((MINT, 5),) if paid is None else ((paid, -50_000_000), (MINT, 5))
    return Entry(
        signature=str(Signature.from_bytes(number.to_bytes(64, "big"))),
        slot=number,
        index=0,
        time=1_700_000_000 + number,
        failed=False,
        estimated=False,
        fee_payer=WALLET,
        network_fee=5000,
        sol_delta=-5000 if paid else -1_000_000_000,
        tips=0,
        rent=0,
        kind=Kind.BUY,
        deltas=tuple(sorted(deltas)),
        routed_quote=None,
        counterparty=None,
    )


async def _known(store: Store, *entries: Entry, low: int = 0) -> None:
    page = StoredPage(entries, SlotRange(low, TIP), "full", decimals={MINT: 6})
    await store.add_page(WALLET, page)


def _ready() -> AnalysisReady:
    """A request for the one wallet, whose analysis was said to be there."""
    said = ReadyWallet(outcome="analyzed", watermark_slot=TIP, balances="ok")
    return AnalysisReady(
        request_id="r-1",
        wallets={WALLET: said},
        options=Options(enrich=False),
        requested_at_ms=0,
        deadline_at=10,
        next_seq=3,
        wallets_done=1,
        wallets_failed=0,
        at=1,
    )


async def _trades(analyst: Analyst, options: Options | None = None) -> int:
    made = await analyst.analyze("r-1", WALLET, TIP, options or Options(enrich=False))
    found: int = made.pnl["trades"]
    return found


async def test_nothing_new_is_not_analyzed_again(store: Store) -> None:
    counted = Counted()
    analyst = Analyst(store=store, tokens=counted, pool=counted)
    await _known(store, _entry(1), _entry(2))
    assert await _trades(analyst) == 2
    await _known(store, _entry(2), low=2)  # the last slot comes again
    assert await _trades(analyst) == 2
    assert counted.made == 1
    assert await _trades(analyst, Options(enrich=False, max_transactions=1)) == 1
    assert counted.made == 2, "another scope is another analysis"


async def test_whatever_is_new_below_the_same_tip_is_analyzed(store: Store) -> None:
    counted = Counted()
    analyst = Analyst(store=store, tokens=counted, pool=counted)
    await _known(store, _entry(5), low=4)
    first = await analyst.analyze("r-1", WALLET, TIP, Options(enrich=False))
    await store.add_page(WALLET, StoredPage([], SlotRange(0, 2), "full"))
    closed = await analyst.analyze("r-1", WALLET, TIP, Options(enrich=False))
    assert (first.coverage["gaps"], closed.coverage["gaps"]) == ([[0, 3]], [[3, 3]])
    await store.add_page(WALLET, StoredPage([_entry(3)], SlotRange(3, 3), "full"))
    assert await _trades(analyst) == 2
    exact = structs.replace(_entry(5), index=7)
    await store.add_page(WALLET, StoredPage([exact], None, "full"))  # known already: no change
    assert counted.made == 3
    assert await _trades(analyst) == 2
    assert counted.made == 3


async def test_what_an_older_worker_synced_for_a_request_is_listed_anew(
    store: Store, store_dsn: str
) -> None:
    """The request was handed over before an upgrade: nothing old stands in its result, and nothing is left out."""
    counted, asked = Counted(), []

    async def list_anew(event: WalletSyncRequested) -> None:
        asked.append(event.wallet)
        await _known(store, _entry(1), _entry(2))

    async with open_store(store_dsn, pool_size=1, formats=Formats(1, 1)) as older:
        await _known(older, _entry(1))
        await older.mark_synced(WALLET, watermark_slot=TIP, at_ms=1)
    analyst = Analyst(store=store, tokens=counted, pool=counted, list_anew=list_anew)
    found = await analyst.analyses(_ready())
    assert asked == [WALLET]
    assert orjson.loads(found[WALLET].pnl)["trades"] == 2
    assert orjson.loads(found[WALLET].coverage)["state"] == "complete"
    await store.mark_synced(WALLET, watermark_slot=TIP, at_ms=1)
    assert await analyst.analyses(_ready()) == found
    assert asked == [WALLET], "once"


async def test_a_request_is_not_composed_of_a_newer_history_by_an_older_worker(
    store: Store, store_dsn: str
) -> None:
    counted = Counted()
    async with open_store(store_dsn, pool_size=1, formats=Formats(99, 99)) as newer:
        await _known(newer, _entry(1))
        await newer.mark_synced(WALLET, watermark_slot=TIP, at_ms=1)
    analyst = Analyst(store=store, tokens=counted, pool=counted)
    with pytest.raises(TransientError, match="newer worker"):
        await analyst.analyses(_ready())
    assert counted.made == 0


async def test_a_configured_history_prices_what_was_paid_in_dollars(store: Store) -> None:
    counted = Counted()
    await _known(store, _entry(1, paid=USDC))
    for dollars, spent in ((None, 0), (100, 500_000_000), (50, 1_000_000_000)):
        past = PriceHistory()
        if dollars is not None:
            past = PriceHistory(((1_700_000_000, Fraction(dollars)),), f"digest of {dollars}")
        analyst = Analyst(store=store, tokens=counted, pool=counted, price_history=past)
        made = await analyst.analyze("r-1", WALLET, TIP, Options(enrich=False))
        assert made.pnl["tokens"][0]["spent_lamports"] == spent
        assert made.pnl["rate_sources"]["history"] == (dollars is not None)
    assert counted.made == 3, "each history has an analysis of its own"


async def test_what_depends_on_todays_price_is_made_again(store: Store) -> None:
    counted = Counted()
    analyst = Analyst(store=store, tokens=counted, pool=counted)
    await store.record_requests([NewRequest("r-1", b"", "t/0/0", [WALLET], {}, 0, 1)])
    await _known(store, _entry(1, paid=USDC))
    without = await analyst.analyze("r-1", WALLET, TIP, Options(enrich=False))
    assert without.pnl["rate_sources"]["missing"] == 1
    priced = await analyst.analyze("r-1", WALLET, TIP, Options(enrich=True))
    assert priced.pnl["rate_sources"]["current"] == 1
    assert counted.asked == 1
