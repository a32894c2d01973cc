"""Constants of the chain, and the summary of a set of entries."""

from __future__ import annotations

import pytest
from msgspec import structs

from streamproc.core.chain import solana, tips
from streamproc.core.ledger.entries import Entry, EntryCounts, Kind, entry_counts


def entry(signature: str, slot: int, time: int | None, **fields: bool) -> Entry:
    """An entry with nothing in it."""
    plain = Entry(
        signature, slot, 0, time, False, False, "W", 0, 0, 0, 0, Kind.OTHER, (), None, None
    )
    return structs.replace(plain, **fields)


def test_counts_take_each_signature_once() -> None:
    entries = [
        entry("b", 9, 90),
        entry("a", 5, 50, failed=True),
        entry("c", 7, None, estimated=True),
        entry("b", 9, 90),
    ]
    assert entry_counts(entries) == EntryCounts(3, 1, 1, 5, 9, 50, 90)


def test_no_entries_have_no_first_and_last() -> None:
    assert entry_counts([]) == EntryCounts(0, 0, 0, None, None, None, None)


def test_a_record_without_slot_does_not_start_the_history() -> None:
    assert entry_counts([entry("a", 0, None), entry("b", 3, 30)]).first_slot == 3


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        (solana.WSOL, True),
        ("1" * 32, True),
        ("1" * 31, False),
        (solana.WSOL[:-1], False),
        (solana.WSOL + "2", False),
        ("0" + solana.WSOL[1:], False),
        (f" {solana.WSOL}", False),
        (solana.WSOL.replace("1", "l"), False),
        ("", False),
        ("é" * 32, False),
    ],
)
def test_an_address_is_base58_of_32_bytes(text: str, is_valid: bool) -> None:  # noqa: FBT001
    assert solana.is_address(text) is is_valid


def test_every_constant_address_is_one() -> None:
    addresses = [*solana.EXCLUDED_MINTS, *tips.TIP_ACCOUNTS, *solana.TOKEN_PROGRAMS]
    assert len(addresses) == 11 + 114 + 2
    assert all(map(solana.is_address, addresses))
