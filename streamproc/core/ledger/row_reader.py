"""Entries out of the rows that `entry_rows` made, equal to the last bit."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from solders.signature import Signature

from streamproc.core.ledger.entries import Entry, Moves
from streamproc.core.ledger.row_layout import (
    ARRAY_BYTES,
    ESTIMATED,
    FAILED,
    FIGURES,
    HEADER,
    KIND_IDS,
    LAMPORTS,
    LENGTH,
    MIRRORED,
    NULLS_AT_THE_END,
    REMAINDER,
    START,
    TRAILER,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Mint and units of what was routed, fee payer, counterparty, the exact figures as JSON, moves.
_LastValues: TypeAlias = (
    "tuple[int | None, int | None, str | None, str | None, str | None, bytes | None]"
)
_NOTHING_AT_THE_END: Final[_LastValues] = (None,) * 6
_KINDS: Final = {number: kind for kind, number in KIND_IDS.items()}


def entries_from(rows: bytes, wallet: str, addresses: Mapping[int, str]) -> list[Entry]:
    """The entries in rows, with or without the frame that COPY puts around them; `addresses` knows all their mints."""
    entries: list[Entry] = []
    at = len(HEADER) if rows.startswith(HEADER) else 0
    while at < len(rows) and not rows.startswith(TRAILER, at):
        entry, at = _entry(rows, at, wallet, addresses)
        entries.append(entry)
    return entries


def _entry(rows: bytes, at: int, wallet: str, addresses: Mapping[int, str]) -> tuple[Entry, int]:
    """The entry of the row that begins there, and where the next one does."""
    _, _, slot, _, signature = START.unpack_from(rows, at)
    index, at = _integer(rows, at + START.size)
    time, at = _integer(rows, at)
    _, flags, _, kind, _, fee, _, sol_delta, _, tips, _, rent = FIGURES.unpack_from(rows, at)
    mints, at = _array(rows, at + FIGURES.size, "i")
    units, at = _array(rows, at, "q")
    values = _NOTHING_AT_THE_END
    if rows.startswith(NULLS_AT_THE_END, at):
        at += len(NULLS_AT_THE_END)
    else:
        values, at = _last_values(rows, at)
    mint, routed_units, payer, counterparty, overflow, moves = values
    if overflow is not None:
        exact = msgspec.json.decode(overflow)
        fee, sol_delta, tips, rent = (exact[name] for name in LAMPORTS)
        units, routed_units = exact["deltas"], exact["routed_units"]
    entry = Entry(
        str(Signature.from_bytes(signature)),
        slot,
        index,
        time,
        bool(flags & FAILED),
        bool(flags & ESTIMATED),
        payer or wallet,
        fee,
        sol_delta,
        tips,
        rent,
        _KINDS[kind],
        tuple([(addresses[mint], each) for mint, each in zip(mints, units, strict=True)]),
        None if mint is None or routed_units is None else (addresses[mint], routed_units),
        counterparty,
        bool(flags & REMAINDER),
        bool(flags & MIRRORED),
        _moves_from(moves),
    )
    return entry, at


def _last_values(rows: bytes, at: int) -> tuple[_LastValues, int]:
    """The last six values of a row, and where the next row begins."""
    mint, at = _integer(rows, at)
    units, at = _integer(rows, at)
    found: list[bytes | None] = []
    for _ in range(4):
        (length,) = LENGTH.unpack_from(rows, at)
        at += LENGTH.size
        found.append(None if length < 0 else rows[at : at + length])
        at += max(0, length)
    payer, counterparty, overflow, moves = found
    return (mint, units, _text(payer), _text(counterparty), _text(overflow), moves), at


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _moves_from(packed: bytes | None) -> Moves | None:
    """What `_moves` wrote."""
    if packed is None:
        return None
    fee, names_owners, lamports, tokens = msgspec.json.decode(zlib.decompress(packed))
    return Moves(fee, names_owners, tuple(map(tuple, lamports)), tuple(map(tuple, tokens)))


def _integer(rows: bytes, at: int) -> tuple[int | None, int]:
    """A nullable number of any length, and where the next value begins."""
    (length,) = LENGTH.unpack_from(rows, at)
    at += LENGTH.size
    if length < 0:
        return None, at
    return int.from_bytes(rows[at : at + length], "big", signed=True), at + length


def _array(rows: bytes, at: int, element: str) -> tuple[tuple[int, ...], int]:
    """An array's elements, and where the next value begins."""
    (length,) = LENGTH.unpack_from(rows, at)
    at += LENGTH.size
    if length <= ARRAY_BYTES:
        return (), at + length
    return _elements(element, length).unpack_from(rows, at + ARRAY_BYTES)[1::2], at + length


@lru_cache(maxsize=128)
def _elements(element: str, length: int) -> struct.Struct:
    """How the elements of an array of so many bytes lie: each behind its own length."""
    many = (length - ARRAY_BYTES) // (LENGTH.size + struct.calcsize(">" + element))
    return struct.Struct(">" + f"i{element}" * many)
