"""Entries as bytes are the entries, to the last bit, and carry what a page has to say beside them."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.core.ledger.entries import Entry, Kind, Moves, Page, Unreadable
from streamproc.core.ledger.packed import PackedEntries, packed, packed_page
from streamproc.core.ledger.row_layout import HEADER, TRAILER
from streamproc.core.ledger.row_reader import entries_from

WALLET = str(Pubkey.from_bytes(b"\x07" * 32))
MINTS = [str(Pubkey.from_bytes(bytes([number]) * 32)) for number in range(20, 26)]

BIGINT = st.integers(-(2**63), 2**63 - 1)
ANY_SIZE = st.one_of(st.integers(0, 10), BIGINT, st.integers(-(2**70), 2**70))
ADDRESSES = st.sampled_from([WALLET, *MINTS])
MOVES = st.builds(
    Moves,
    fee=ANY_SIZE,
    names_owners=st.booleans(),
    lamports=st.lists(st.tuples(ADDRESSES, ANY_SIZE)).map(tuple),
    tokens=st.lists(
        st.tuples(ADDRESSES, ADDRESSES, st.sampled_from(MINTS), ANY_SIZE, st.integers(0, 255))
    ).map(tuple),
)
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
    is_remainder=st.booleans(),
    is_mirrored=st.booleans(),
    moves=st.none() | MOVES,
)


def _each_once(entries: list[Entry]) -> list[Entry]:
    return list({entry.signature: entry for entry in entries}.values())


@given(st.lists(ENTRIES, max_size=6))
def test_entries_are_what_went_in_each_signature_once(entries: list[Entry]) -> None:
    found = packed(entries, WALLET)
    once = _each_once(entries)
    assert list(found) == once
    assert found.slots == tuple(entry.slot for entry in once)
    assert [str(Signature.from_bytes(each)) for each in found.signatures] == [
        entry.signature for entry in once
    ]
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


@given(st.lists(ENTRIES, max_size=6))
def test_copied_rows_name_mints_by_the_numbers_of_the_store(entries: list[Entry]) -> None:
    ids = {mint: 1_000_000 + 7 * number for number, mint in enumerate(MINTS)}
    found = packed(entries, WALLET)
    copied = found.copied(ids)
    assert copied.startswith(HEADER)
    assert copied.endswith(TRAILER)
    assert entries_from(copied, WALLET, {number: mint for mint, number in ids.items()}) == list(
        found
    )
    assert list(found) == _each_once(entries), "the numbers were filled into a copy"


def test_nothing_is_a_frame_without_rows() -> None:
    assert packed([], WALLET) == PackedEntries(WALLET)
    assert PackedEntries(WALLET).copied({}) == HEADER + TRAILER
    assert entries_from(HEADER + TRAILER, WALLET, {}) == []


@given(ENTRIES)
def test_a_page_keeps_what_it_says_and_counts_what_came_twice(entry: Entry) -> None:
    odd = (Unreadable("odd", 7, "its meta is null"),)
    page = Page((entry, entry), {MINTS[0]: 6}, "7:1", ("foreign",), unreadable=odd)
    found = packed_page(page, WALLET)
    assert list(found.entries) == [entry]
    assert found.transactions == 3, "the upstream charges for all"
    assert found.unreadable == odd
    assert (found.decimals, found.next_token, found.foreign) == ({MINTS[0]: 6}, "7:1", ("foreign",))


@given(ENTRIES, st.sampled_from(["", "x", "0" * 88, "1" * 63, "é", "5" * 200]))
def test_a_transaction_whose_signature_is_none_costs_itself_alone(entry: Entry, odd: str) -> None:
    page = Page((entry, structs.replace(entry, signature=odd, slot=77)), {}, None, ())
    found = packed_page(page, WALLET)
    assert list(found.entries) == [entry]
    assert [(each.signature, each.slot) for each in found.unreadable] == [(None, 77)]
    assert found.transactions == 2
