from __future__ import annotations

import asyncio
from random import Random

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc import limits
from streamproc.core.ledger.entries import Entry, Kind, Unreadable, canonical_order
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import StreamprocError, TransientError
from streamproc.store import Store, StoredPage, StoredRange

WALLET = str(Pubkey.from_bytes(b"\x07" * 32))
MINTS = [str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(20, 26)]

BIGINT = st.integers(-(2**63), 2**63 - 1)
ANY_SIZE = st.one_of(st.integers(0, 10), BIGINT, st.integers(-(2**70), 2**70))
ADDRESSES = st.sampled_from([WALLET, *MINTS])
ENTRIES = st.builds(
    Entry,
    signature=st.binary(min_size=64, max_size=64).map(lambda raw: str(Signature.from_bytes(raw))),
    slot=st.integers(0, 2**62),
    index=st.none() | st.integers(-(2**31), 2**31 - 1),
    time=st.none() | BIGINT,
    failed=st.booleans(),
    estimated=st.booleans(),
    fee_payer=ADDRESSES,
    network_fee=ANY_SIZE,
    sol_delta=ANY_SIZE,
    tips=ANY_SIZE,
    rent=ANY_SIZE,
    kind=st.sampled_from(Kind),
    deltas=st.dictionaries(st.sampled_from(MINTS), ANY_SIZE).map(
        lambda d: tuple(sorted(d.items()))
    ),
    routed_quote=st.none() | st.tuples(st.sampled_from(MINTS), ANY_SIZE),
    counterparty=st.none() | ADDRESSES,
)


def _entry(number: int, slot: int, *, index: int | None = 0, estimated: bool = False) -> Entry:
    return Entry(
        signature=str(Signature.from_bytes(number.to_bytes(64, "big"))),
        slot=slot,
        index=index,
        time=1_700_000_000 + slot,
        failed=False,
        estimated=estimated,
        fee_payer=WALLET,
        network_fee=5000,
        sol_delta=-5000,
        tips=0,
        rent=0,
        kind=Kind.OTHER,
        deltas=((MINTS[0], number),),
        routed_quote=None,
        counterparty=None,
    )


def _page(
    *entries: Entry, closed: tuple[int, int] | None = None, strategy: str = "full"
) -> StoredPage:
    return StoredPage(entries, SlotRange(*closed) if closed else None, strategy)


@pytest.mark.real
async def test_entries_equal_themselves_after_the_table(store: Store) -> None:
    @given(ENTRIES)
    def collect(entry: Entry) -> None:
        signature = Signature.from_bytes(len(entries).to_bytes(64, "big"))
        entries.append(structs.replace(entry, signature=str(signature)))

    entries: list[Entry] = []
    collect()
    assert len(entries) > 20
    await store.add_page(WALLET, _page(*entries))
    assert await store.entries(WALLET) == canonical_order(entries)


@pytest.mark.real
async def test_a_page_again_changes_nothing_and_wallets_are_apart(store: Store) -> None:
    page = _page(_entry(1, 5), _entry(2, 7), closed=(5, 9))
    for _ in range(2):
        await store.add_page(WALLET, page)
    await store.add_page(MINTS[0], _page(_entry(3, 6)))
    assert [each.slot for each in await store.entries(WALLET)] == [5, 7]
    assert await store.ranges(WALLET) == [(5, 9)]
    assert await store.ranges(MINTS[0]) == []
    assert await store.entries(MINTS[1]) == []


@pytest.mark.real
async def test_entries_up_to_a_slot_are_a_snapshot(store: Store) -> None:
    await store.add_page(WALLET, _page(_entry(1, 5), _entry(2, 7)))
    assert [each.slot for each in await store.entries(WALLET, up_to_slot=6)] == [5]
    assert await store.count_entries(WALLET) == 2
    assert await store.count_entries(WALLET, from_slot=6, to_slot=7) == 1


@pytest.mark.real
async def test_ranges_of_one_strategy_merge_and_coverage_is_the_union_of_all(store: Store) -> None:
    for closed in ((10, 20), (31, 40), (21, 25), (24, 30)):
        await store.add_page(WALLET, _page(closed=closed))
    await store.add_page(WALLET, _page(closed=(41, 50), strategy="other"))
    assert await store.stored_ranges(WALLET) == [
        StoredRange(10, 40, "full", "finalized"),
        StoredRange(41, 50, "other", "finalized"),
    ]
    assert await store.ranges(WALLET) == [(10, 50)]


@pytest.mark.real
async def test_pages_stored_at_the_same_time_lose_nothing(store: Store) -> None:
    pages = [_page(_entry(number, number), closed=(number, number)) for number in range(1, 40)]
    await asyncio.gather(*(store.add_page(WALLET, page) for page in pages))
    assert await store.ranges(WALLET) == [(1, 39)]
    assert await store.count_entries(WALLET) == 39


@pytest.mark.real
async def test_a_page_that_cannot_be_stored_closes_nothing(store: Store) -> None:
    bad = structs.replace(_entry(1, 5), index=2**40)
    with pytest.raises(StreamprocError):
        await store.add_page(WALLET, _page(bad, closed=(5, 9)))
    assert await store.ranges(WALLET) == []


@pytest.mark.real
async def test_exact_amounts_and_places_replace_guesses_and_never_the_reverse(store: Store) -> None:
    guess = _entry(1, 5, index=-3, estimated=True)
    exact = _entry(1, 5, index=8)
    for page in (guess, exact, guess):
        await store.add_page(WALLET, _page(page))
    assert await store.entries(WALLET) == [exact]


@pytest.mark.real
async def test_of_two_lists_without_places_the_newer_ones_order_counts(store: Store) -> None:
    for index in (-3, -1):
        await store.add_page(WALLET, _page(_entry(1, 5, index=index)))
    await store.add_page(WALLET, _page(_entry(1, 5, index=None)))
    assert await store.entries(WALLET) == [_entry(1, 5, index=-1)]


@pytest.mark.real
async def test_what_is_held_tells_how_much_and_where_it_ends(store: Store) -> None:
    entries = _entry(1, 5, index=2), _entry(2, 5, index=1), _entry(3, 9)
    await store.add_page(WALLET, _page(*entries, closed=(5, 9)))
    held = await store.held(WALLET)
    assert held.ranges == [(5, 9)]
    assert await held.count(SlotRange(5, 8)) == 2
    assert await held.oldest_signature(SlotRange(5, 9)) == entries[1].signature
    assert await held.oldest_signature(SlotRange(6, 8)) is None


@pytest.mark.real
async def test_pages_of_many_wallets_that_name_the_same_mints_never_wait_in_a_ring(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STORE_TRIES", 1)
    order = Random(5)  # noqa: S311 - a test, nothing secret
    for turn in range(6):
        mints = [str(Pubkey.from_bytes(bytes([turn, number]) * 16)) for number in range(150)]
        pages = []
        for number in range(8):
            shuffled = order.sample(mints, len(mints))
            wallet = str(Pubkey.from_bytes(bytes([100 + number]) * 32))
            decimals = dict.fromkeys(shuffled, 6)
            pages.append(store.add_page(wallet, StoredPage((), None, "full", decimals=decimals)))
        await asyncio.gather(*pages)  # a ring would be a StoreUnavailableError: deadlock detected
        assert set((await store.decimals(mints)).values()) == {6}


async def test_decimals_are_kept_as_first_named(store: Store) -> None:
    await store.add_page(WALLET, StoredPage([], None, "full", decimals={MINTS[0]: 6, MINTS[1]: 0}))
    await store.add_page(WALLET, StoredPage([], None, "full", decimals={MINTS[0]: 9}))
    assert await store.decimals(MINTS) == {MINTS[0]: 6, MINTS[1]: 0}


@pytest.mark.real
async def test_a_wallet_that_is_removed_takes_its_entries_along_and_may_come_again(
    store: Store, store_dsn: str
) -> None:
    other = MINTS[0]
    for wallet in (WALLET, other):
        await store.add_page(wallet, _page(_entry(1, 5), closed=(5, 9)))
    connection = await asyncpg.connect(store_dsn)
    try:
        await connection.execute("DELETE FROM wallets WHERE address = $1", WALLET)
        assert await connection.fetchval("SELECT count(*) FROM entries") == 1
        with pytest.raises(TransientError, match="removed"):  # its number was remembered
            await store.add_page(WALLET, _page(_entry(1, 5), closed=(5, 9)))
        await store.add_page(WALLET, _page(_entry(1, 5), closed=(5, 9)))
        assert await store.ranges(WALLET) == [(5, 9)]
        assert len(await store.entries(WALLET)) == len(await store.entries(other)) == 1
        await connection.execute("TRUNCATE wallets CASCADE")
        assert await connection.fetchval("SELECT count(*) FROM entries") == 0
    finally:
        await connection.close()


async def test_what_could_not_be_read_is_kept_with_its_page_and_counted_once(store: Store) -> None:
    odd = [
        Unreadable(str(Signature.from_bytes(b"\x05" * 64)), 7, "meta is null"),
        Unreadable(None, None, "no signature"),
        Unreadable("\x00; DROP TABLE", 2**70, "odd"),
    ]
    page = StoredPage((), SlotRange(5, 9), "one", unreadable=odd)
    await store.add_page(WALLET, page)
    revision = (await store.stored_entries(WALLET)).revision
    await store.add_page(WALLET, page)
    assert (await store.stored_entries(WALLET)).revision == revision
    assert sorted(await store.unreadable(WALLET)) == [(0, ""), (7, odd[0].signature)]
    assert await store.unreadable(WALLET, up_to_slot=6) == [(0, "")]
    assert await store.unreadable(MINTS[0]) == []


async def test_token_accounts_that_were_met_are_known_below(store: Store) -> None:
    for accounts in ((MINTS[0], MINTS[1]), (MINTS[1], MINTS[2]), ()):
        await store.add_page(WALLET, StoredPage((), None, "rpc", token_accounts=accounts))
    assert await (await store.held(WALLET)).token_accounts() == tuple(sorted(MINTS[:3]))
    assert await (await store.held(MINTS[0])).token_accounts() == ()
