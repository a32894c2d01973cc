"""An entry as a row of Postgres' binary COPY and back, equal to the last bit.

The format is that of https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": integers are big-endian,
every value stands behind its length, and a length of -1 is null.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from solders.signature import Signature

from streamproc.core.entries import Entry, Kind, Moves
from streamproc.core.result import encode_json
from streamproc.errors import UpstreamInconsistentError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The columns of a row: those of the table `entries` behind the wallet's number.
COLUMNS: Final = (
    "slot",
    "signature",
    "tx_index",
    "block_time",
    "flags",
    "kind",
    "network_fee",
    "sol_delta",
    "tips",
    "rent",
    "mints",
    "deltas",
    "routed_mint",
    "routed_units",
    "fee_payer",
    "counterparty",
    "overflow",
    "moves",
)
FAILED: Final = 1
ESTIMATED: Final = 2
REMAINDER: Final = 4
MIRRORED: Final = 8
# The id of a kind in `entry_kinds`; appended to, never reordered.
KIND_IDS: Final = {
    Kind.FAILED: 0,
    Kind.LIQUIDITY: 1,
    Kind.BURN: 2,
    Kind.TOKEN_SWAP: 3,
    Kind.BUY: 4,
    Kind.SELL: 5,
    Kind.MINT: 6,
    Kind.TRANSFER_IN: 7,
    Kind.TRANSFER_OUT: 8,
    Kind.QUOTE_SWAP: 9,
    Kind.OTHER: 10,
    Kind.ROUND_TRIP: 11,
    Kind.ORDER_PLACED: 12,
    Kind.ORDER_CANCELLED: 13,
    Kind.ORDER_FILLED: 14,
}
HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"  # in the place of a number of columns

_KINDS: Final = {number: kind for kind, number in KIND_IDS.items()}
_LAMPORTS: Final = ("network_fee", "sol_delta", "tips", "rent")
_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1
_NULL: Final = b"\xff\xff\xff\xff"
_NULLS_AT_THE_END: Final = (
    _NULL * 6
)  # no route, the wallet pays, nobody opposite, no overflow, no moves
_LENGTH: Final = struct.Struct(">i")
_INT: Final = struct.Struct(">ii")
_BIGINT: Final = struct.Struct(">iq")
_START: Final = struct.Struct(">hiqi64s")  # number of columns, slot, signature
_FIGURES: Final = struct.Struct(">ihihiqiqiqiq")  # flags, kind, four amounts
_HEAD: Final = struct.Struct(f"{_START.format}iiiq{_FIGURES.format[1:]}")  # with index and time
_INT_OID: Final = 23
_BIGINT_OID: Final = 20
_ARRAY_BYTES: Final = 20  # dimensions, has nulls, type, elements, first place: four bytes each
_TO_FIRST_MINT: Final = _LENGTH.size + _ARRAY_BYTES + _LENGTH.size
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


def entries_from(rows: bytes, wallet: str, addresses: Mapping[int, str]) -> list[Entry]:
    """The entries in rows, with or without the frame that COPY puts around them; `addresses` knows all their mints."""
    entries: list[Entry] = []
    at = len(HEADER) if rows.startswith(HEADER) else 0
    while at < len(rows) and not rows.startswith(TRAILER, at):
        entry, at = _entry(rows, at, wallet, addresses)
        entries.append(entry)
    return entries


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
        places = list(range(first, first + _INT.size * len(entry.deltas), _INT.size))
    payer = None if entry.fee_payer == wallet else entry.fee_payer
    if (
        payer is None
        and entry.counterparty is None
        and entry.routed_quote is None
        and entry.moves is None
        and not overflow
    ):
        return head + changes + _NULLS_AT_THE_END, places
    routed = _NULL * 2
    if entry.routed_quote is not None:
        mint, units = entry.routed_quote
        places.append(len(head) + len(changes) + _LENGTH.size)
        routed = _INT.pack(4, _number(mint, numbers)) + _BIGINT.pack(8, units)
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
    index = _NULL if entry.index is None else _INT.pack(4, entry.index)
    time = _NULL if entry.time is None else _BIGINT.pack(8, entry.time)
    return b"".join((_START.pack(*start), index, time, _FIGURES.pack(*figures)))


def _number(mint: str, numbers: dict[str, int]) -> int:
    """The mint's number; it gets one when it has none."""
    return numbers.setdefault(mint, len(numbers))


def _text(value: str | None) -> bytes:
    """A value of text."""
    if value is None:
        return _NULL
    encoded = value.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def _moves(moves: Moves | None) -> bytes:
    """A value of bytes: what moved, as compressed JSON (addresses in base58 shrink by a quarter)."""
    if moves is None:
        return _NULL
    packed = zlib.compress(encode_json(moves))
    return _LENGTH.pack(len(packed)) + packed


def _moves_from(packed: bytes | None) -> Moves | None:
    """What `_moves` wrote."""
    if packed is None:
        return None
    fee, names_owners, lamports, tokens = msgspec.json.decode(zlib.decompress(packed))
    return Moves(fee, names_owners, tuple(map(tuple, lamports)), tuple(map(tuple, tokens)))


def _arrays(deltas: tuple[tuple[str, int], ...], numbers: dict[str, int]) -> bytes:
    """Two arrays of the same length: mints and units."""
    many = len(deltas)
    mints: list[int] = []
    amounts: list[int] = []
    for mint, units in deltas:
        mints += (4, numbers.setdefault(mint, len(numbers)))
        amounts += (8, units)
    lengths = _ARRAY_BYTES + 8 * many, _ARRAY_BYTES + 12 * many
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
    return entry._replace(
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
    figures: dict[str, Any] = {name: getattr(entry, name) for name in _LAMPORTS}
    figures["deltas"] = [units for _, units in entry.deltas]
    figures["routed_units"] = entry.routed_quote[1] if entry.routed_quote else None
    return encode_json(figures).decode()


def _entry(rows: bytes, at: int, wallet: str, addresses: Mapping[int, str]) -> tuple[Entry, int]:
    """The entry of the row that begins there, and where the next one does."""
    _, _, slot, _, signature = _START.unpack_from(rows, at)
    index, at = _integer(rows, at + _START.size)
    time, at = _integer(rows, at)
    _, flags, _, kind, _, fee, _, sol_delta, _, tips, _, rent = _FIGURES.unpack_from(rows, at)
    mints, at = _array(rows, at + _FIGURES.size, "i")
    units, at = _array(rows, at, "q")
    routed: tuple[str, int] | None = None
    payer, counterparty, moves = None, None, None
    if rows.startswith(_NULLS_AT_THE_END, at):
        at += len(_NULLS_AT_THE_END)
    else:
        values, at = _last_values(rows, at)
        mint, routed_units, payer, counterparty, overflow, moves = values
        if overflow is not None:
            exact = msgspec.json.decode(overflow)
            fee, sol_delta, tips, rent = (exact[name] for name in _LAMPORTS)
            units, routed_units = exact["deltas"], exact["routed_units"]
        if mint is not None:
            routed = addresses[mint], routed_units
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
        routed,
        counterparty,
        bool(flags & REMAINDER),
        bool(flags & MIRRORED),
        _moves_from(moves),
    )
    return entry, at


def _last_values(rows: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    """The last six values of a row, and where the next row begins."""
    mint, at = _integer(rows, at)
    units, at = _integer(rows, at)
    found: list[bytes | None] = []
    for _ in range(4):
        (length,) = _LENGTH.unpack_from(rows, at)
        at += _LENGTH.size
        found.append(None if length < 0 else rows[at : at + length])
        at += max(0, length)
    *texts, moves = found
    return (mint, units, *[each and each.decode() for each in texts], moves), at


def _integer(rows: bytes, at: int) -> tuple[int | None, int]:
    """A nullable number of any length, and where the next value begins."""
    (length,) = _LENGTH.unpack_from(rows, at)
    at += _LENGTH.size
    if length < 0:
        return None, at
    return int.from_bytes(rows[at : at + length], "big", signed=True), at + length


def _array(rows: bytes, at: int, element: str) -> tuple[tuple[int, ...], int]:
    """An array's elements, and where the next value begins."""
    (length,) = _LENGTH.unpack_from(rows, at)
    at += _LENGTH.size
    if length <= _ARRAY_BYTES:
        return (), at + length
    return _elements(element, length).unpack_from(rows, at + _ARRAY_BYTES)[1::2], at + length


@lru_cache(maxsize=128)
def _elements(element: str, length: int) -> struct.Struct:
    """How the elements of an array of so many bytes lie: each behind its own length."""
    many = (length - _ARRAY_BYTES) // (_LENGTH.size + struct.calcsize(">" + element))
    return struct.Struct(">" + f"i{element}" * many)
