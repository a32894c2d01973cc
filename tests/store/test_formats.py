"""What is kept in another format is as if it were not there, and the older overwrites nothing of the newer."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc import limits
from streamproc.core.formats import Formats
from streamproc.core.ledger.entries import Entry, Kind
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import StoreUnavailableError, TransientError
from streamproc.store import Store, StoredPage, WalletAnalysis, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.real

WALLET = str(Pubkey.from_bytes(b"\x07" * 32))
OTHER = str(Pubkey.from_bytes(b"\x08" * 32))
MINT = str(Pubkey.from_bytes(b"\x09" * 32))
KEY: dict[str, Any] = {"options_digest": "d", "engine_version": "1"}


@pytest.fixture
async def stores(store_dsn: str) -> AsyncIterator[tuple[Store, Store]]:
    """The stores of two workers side by side: one of formats 7, one of formats 8."""
    async with AsyncExitStack() as opened:
        older, newer = [
            await opened.enter_async_context(
                open_store(store_dsn, pool_size=2, formats=Formats(number, number))
            )
            for number in (7, 8)
        ]
        yield older, newer


def _entry(number: int, slot: int, *, estimated: bool = False, index: int | None = 0) -> Entry:
    return Entry(
        signature=str(Signature.from_bytes(number.to_bytes(64, "big"))),
        slot=slot,
        index=index,
        time=None,
        failed=False,
        estimated=estimated,
        fee_payer=WALLET,
        network_fee=5000,
        sol_delta=-5000,
        tips=0,
        rent=0,
        kind=Kind.OTHER,
        deltas=((MINT, number),),
        routed_quote=None,
        counterparty=None,
    )


def _page(*entries: Entry, closed: tuple[int, int] = (0, 9), **fields: Any) -> StoredPage:  # noqa: ANN401
    return StoredPage(entries, SlotRange(*closed), "full", **fields)


async def _synced(store: Store, *entries: Entry, wallet: str = WALLET) -> None:
    await store.add_page(wallet, _page(*entries))
    await store.mark_synced(wallet, watermark_slot=9, at_ms=1000)


async def test_a_wallet_of_an_older_format_is_as_unknown(stores: tuple[Store, Store]) -> None:
    older, newer = stores
    await _synced(older, _entry(1, 5), _entry(2, 7))
    assert await newer.synced(WALLET) is None
    assert await newer.ranges(WALLET) == []
    assert await newer.entries(WALLET) == []
    assert await newer.count_entries(WALLET) == 0
    assert await newer.oldest_signature(WALLET, from_slot=0, to_slot=9) is None
    assert (await newer.held(WALLET)).ranges == []
    assert await newer.is_outdated(WALLET)
    assert not await older.is_outdated(WALLET)
    assert not await newer.is_outdated(OTHER)
    assert len(await older.entries(WALLET)) == 2, "looking takes nothing away"


async def test_the_first_page_replaces_all_that_an_older_format_left(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OLD_ENTRIES_DROPPED", 2)
    older, newer = stores
    await _synced(older, *(_entry(number, number) for number in range(1, 8)))
    await _synced(older, _entry(9, 9), wallet=OTHER)
    await older.note_traded(WALLET, 9, {MINT: 9})
    await newer.add_page(WALLET, _page(_entry(3, 3), closed=(3, 4)))
    assert [each.slot for each in await newer.entries(WALLET)] == [3]
    assert await newer.ranges(WALLET) == [(3, 4)], "what the older one has listed does not count"
    assert await newer.synced(WALLET) is None
    assert await newer.background(leaving_out=[], named=[], weeks={0: 1}) is None
    assert not await newer.is_outdated(WALLET)
    assert len(await older.entries(OTHER)) == 1, "another wallet keeps its own"


async def test_an_older_worker_changes_nothing_of_a_newer_history(
    stores: tuple[Store, Store], store_dsn: str
) -> None:
    older, newer = stores
    await _synced(older, _entry(1, 5))  # its number is remembered from here on
    guess = _entry(1, 5, estimated=True, index=None)
    await _synced(newer, guess)
    with pytest.raises(TransientError, match="format 8 by a newer worker; this one knows 7"):
        await older.add_page(WALLET, _page(_entry(1, 5), closed=(0, 99)))
    with pytest.raises(TransientError, match="newer"):
        await older.synced(WALLET)
    async with open_store(store_dsn, pool_size=1, formats=Formats(7, 7)) as another:
        with pytest.raises(TransientError, match="newer"):
            await another.add_page(WALLET, _page(_entry(2, 6)))
    assert await older.ranges(WALLET) == []
    assert await older.entries(WALLET) == []
    assert await newer.entries(WALLET) == [guess]
    assert await newer.ranges(WALLET) == [(0, 9)]


async def test_a_worker_from_before_formats_can_neither_add_nor_mark(
    stores: tuple[Store, Store], store_dsn: str
) -> None:
    """Its statements, as they were: the database itself refuses them, as something to wait for."""
    _, newer = stores
    await _synced(newer, _entry(1, 5))
    connection: Any = await asyncpg.connect(store_dsn)
    wallet_id = await connection.fetchval("SELECT id FROM wallets WHERE address = $1", WALLET)
    close = "UPDATE wallets SET revision = revision + 1 WHERE id = $1"
    mark = (
        "INSERT INTO wallets AS w (address, synced_at_ms, watermark_slot) VALUES ($1, 2000, 99)"
        " ON CONFLICT (address) DO UPDATE SET synced_at_ms = excluded.synced_at_ms"
    )
    with pytest.raises(asyncpg.LockNotAvailableError, match="stored in format 8"):
        await connection.execute(close, wallet_id)
    with pytest.raises(asyncpg.LockNotAvailableError, match="stored in format 8"):
        await connection.execute(mark, WALLET)
    await connection.execute(mark, OTHER)
    await connection.execute(mark, OTHER)  # of a wallet that nobody newer knows it is as before
    await connection.close()
    assert await newer.ranges(WALLET) == [(0, 9)]
    synced = await newer.synced(WALLET)
    assert synced is not None
    assert synced.watermark_slot == 9


async def test_a_mark_of_an_older_worker_waits_for_a_newer_one(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STORE_TRIES", 1)
    older, newer = stores
    await _synced(newer, _entry(1, 5))
    with pytest.raises(StoreUnavailableError, match="stored in format 8"):
        await older.mark_synced(WALLET, watermark_slot=99, at_ms=5000)
    await older.mark_oversized(WALLET, for_s=60)  # says nothing of its history
    assert await newer.oversized([WALLET]) == {WALLET}


async def test_an_analysis_is_found_in_its_own_format_alone(stores: tuple[Store, Store]) -> None:
    older, newer = stores
    old, new = (WalletAnalysis(WALLET, 9, {"n": n}, {}, {}) for n in (7, 8))
    await older.put_analysis(old, **KEY)
    assert await newer.analysis(WALLET, 9, **KEY) is None
    assert await newer.analysis_texts({WALLET: 9}, **KEY) == {}
    await newer.put_analysis(new, **KEY)
    assert await newer.analysis(WALLET, 9, **KEY) == new
    assert await older.analysis(WALLET, 9, **KEY) is None
    await older.put_analysis(old, **KEY)
    assert await newer.analysis(WALLET, 9, **KEY) == new, "the older does not overwrite the newer"


async def test_a_present_analysis_is_of_present_formats(
    stores: tuple[Store, Store], store_dsn: str
) -> None:
    older, newer = stores
    await _synced(older, _entry(1, 5))
    revision = (await older.stored_entries(WALLET)).revision
    await older.put_analysis(WalletAnalysis(WALLET, 9, {}, {}, {}), revision=revision, **KEY)
    assert await older.present_analysis(WALLET, 9, **KEY) is not None
    assert await newer.present_analysis(WALLET, 9, **KEY) is None
    async with open_store(store_dsn, pool_size=1, formats=Formats(8, 7)) as between:
        assert await between.present_analysis(WALLET, 9, **KEY) is None


async def test_analyses_of_an_older_format_are_dropped_after_a_while(
    stores: tuple[Store, Store],
) -> None:
    older, newer = stores
    await _synced(older, _entry(1, 5))
    revision = (await older.stored_entries(WALLET)).revision
    await older.put_analysis(WalletAnalysis(WALLET, 9, {}, {}, {}), revision=revision, **KEY)
    assert await newer.drop_analyses(after_s=60) == 0
    assert await older.drop_analyses(after_s=0) == 0
    assert await newer.drop_analyses(after_s=0) == 1
