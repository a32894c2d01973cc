"""An entry as a row of Postgres' binary COPY, from which `stored_rows` makes it again, equal to the last bit."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import deflate
from msgspec import structs

from streamproc.core.json_bytes import encode_json
from streamproc.core.ledger.row_layout import (
    ARRAY_BYTES,
    BIGINT,
    COLUMNS,
    ESTIMATED,
    FAILED,
    FIGURES,
    INT,
    KIND_IDS,
    LAMPORTS,
    LENGTH,
    MIRRORED,
    NULL,
    NULLS_AT_THE_END,
    REMAINDER,
    START,
)
from streamproc.errors import UpstreamInconsistentError

if TYPE_CHECKING:
    from streamproc.core.ledger.entries import Entry, Moves
    from streamproc.json_types import Json

_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1
_HEAD: Final = struct.Struct(f"{START.format}iiiq{FIGURES.format[1:]}")  # with index and time
_INT_OID: Final = 23
_BIGINT_OID: Final = 20
_TO_FIRST_MINT: Final = LENGTH.size + ARRAY_BYTES + LENGTH.size
_ARRAYS_EMPTY: Final = struct.pack(">iiiiiiii", 12, 0, 0, _INT_OID, 12, 0, 0, _BIGINT_OID)


Row = tuple[bytes, list[int]]  # a row, and where in it four bytes are a mint's number


def row_of(entry: Entry, signature: bytes, wallet: str, numbers: dict[str, int]) -> Row:
    """The entry of this wallet; `numbers` is given those of its mints that it lacks, from its own length upwards.

    Amounts past 64 bits stand exactly in the last column, and as the nearest that fits in their own. Raises
    UpstreamInconsistentError for a slot, a time or a place in a block that no chain has.
    """
    try:
        return _row(entry, signature, wallet, numbers)
    except struct.error:
        fitting = _fitting(entry)
    try:
        return _row(fitting, signature, wallet, numbers, _figures(entry))
    except struct.error as error:
        raise UpstreamInconsistentError(f"a transaction's place is none: {error}") from error


def _row(
    entry: Entry,
    signature: bytes,
    wallet: str,
    numbers: dict[str, int],
    overflow: str | None = None,
) -> Row:
    """The row; raises struct.error when an amount does not fit."""
    head = _head(entry, signature)
    changes, places = _ARRAYS_EMPTY, []
    if entry.deltas:
        changes = _arrays(entry.deltas, numbers)
        first = len(head) + _TO_FIRST_MINT
        places = list(range(first, first + INT.size * len(entry.deltas), INT.size))
    payer = None if entry.fee_payer == wallet else entry.fee_payer
    if (
        payer is None
        and entry.counterparty is None
        and entry.routed_quote is None
        and entry.moves is None
        and not overflow
    ):
        return head + changes + NULLS_AT_THE_END, places
    routed = NULL * 2
    if entry.routed_quote is not None:
        mint, units = entry.routed_quote
        places.append(len(head) + len(changes) + LENGTH.size)
        routed = INT.pack(4, _number(mint, numbers)) + BIGINT.pack(8, units)
    texts = _text(payer) + _text(entry.counterparty) + _text(overflow)
    return head + changes + routed + texts + _moves(entry.moves), places


def _head(entry: Entry, signature: bytes) -> bytes:
    """The columns before the arrays."""
    start = len(COLUMNS), 8, entry.slot, 64, signature
    figures = (
        2,
        entry.failed * FAILED
        + entry.estimated * ESTIMATED
        + entry.is_remainder * REMAINDER
        + entry.is_mirrored * MIRRORED,
        2,
        KIND_IDS[entry.kind],
        8,
        entry.network_fee,
        8,
        entry.sol_delta,
        8,
        entry.tips,
        8,
        entry.rent,
    )
    if entry.index is not None and entry.time is not None:
        return _HEAD.pack(*start, 4, entry.index, 8, entry.time, *figures)
    index = NULL if entry.index is None else INT.pack(4, entry.index)
    time = NULL if entry.time is None else BIGINT.pack(8, entry.time)
    return b"".join((START.pack(*start), index, time, FIGURES.pack(*figures)))


def _number(mint: str, numbers: dict[str, int]) -> int:
    """The mint's number; it gets one when it has none."""
    return numbers.setdefault(mint, len(numbers))


def _text(value: str | None) -> bytes:
    """A value of text."""
    if value is None:
        return NULL
    encoded = value.encode()
    return LENGTH.pack(len(encoded)) + encoded


def _moves(moves: Moves | None) -> bytes:
    """A value of bytes: what moved, as compressed JSON (addresses in base58 shrink by a quarter)."""
    if moves is None:
        return NULL
    packed: bytes = deflate.zlib_compress(encode_json(tuple(moves)))
    return LENGTH.pack(len(packed)) + packed


def _arrays(deltas: tuple[tuple[str, int], ...], numbers: dict[str, int]) -> bytes:
    """Two arrays of the same length: mints and units."""
    many = len(deltas)
    mints: list[int] = []
    amounts: list[int] = []
    for mint, units in deltas:
        mints += (4, numbers.setdefault(mint, len(numbers)))
        amounts += (8, units)
    lengths = ARRAY_BYTES + 8 * many, ARRAY_BYTES + 12 * many
    return _arrays_of(many).pack(
        lengths[0],
        1,
        0,
        _INT_OID,
        many,
        1,
        *mints,
        lengths[1],
        1,
        0,
        _BIGINT_OID,
        many,
        1,
        *amounts,
    )


@lru_cache(maxsize=64)
def _arrays_of(many: int) -> struct.Struct:
    """How two such arrays lie."""
    return struct.Struct(f">6i{2 * many}i6i" + "iq" * many)


def _fitting(entry: Entry) -> Entry:
    """The entry with the nearest amounts that a bigint holds: those of tokens are unsigned and may be sums."""
    routed = entry.routed_quote
    return structs.replace(
        entry,
        network_fee=_nearest(entry.network_fee),
        sol_delta=_nearest(entry.sol_delta),
        tips=_nearest(entry.tips),
        rent=_nearest(entry.rent),
        deltas=tuple((mint, _nearest(units)) for mint, units in entry.deltas),
        routed_quote=None if routed is None else (routed[0], _nearest(routed[1])),
    )


def _nearest(number: int) -> int:
    """The number, or the nearest one of 64 bits."""
    return min(max(number, _MIN), _MAX)


def _figures(entry: Entry) -> str:
    """The exact amounts of an entry that has one past 64 bits, as JSON."""
    figures: Json = {name: getattr(entry, name) for name in LAMPORTS}
    figures["deltas"] = [units for _, units in entry.deltas]
    figures["routed_units"] = entry.routed_quote[1] if entry.routed_quote else None
    return encode_json(figures).decode()
