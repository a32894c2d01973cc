"""An entry as a row of the table and back, equal to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from solders.signature import Signature

from streamproc.core.entries import Entry, Kind
from streamproc.core.result import encode_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The columns in the table's order; a page is copied in this order.
COLUMNS: Final = (
    "wallet_id",
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
)
FAILED: Final = 1
ESTIMATED: Final = 2
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
}
_KINDS: Final = {number: kind for kind, number in KIND_IDS.items()}
_LAMPORTS: Final = ("network_fee", "sol_delta", "tips", "rent")
_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1


def mints_of(entries: Iterable[Entry]) -> set[str]:
    """Every mint that the entries name."""
    found = {mint for entry in entries for mint, _ in entry.deltas}
    return found | {entry.routed_quote[0] for entry in entries if entry.routed_quote}


def row_of(entry: Entry, wallet_id: int, wallet: str, ids: Mapping[str, int]) -> tuple[object, ...]:
    """The entry's values in the order of COLUMNS; `ids` knows all its mints."""
    routed_mint, routed_units = entry.routed_quote or (None, None)
    return (
        wallet_id,
        entry.slot,
        bytes(Signature.from_string(entry.signature)),
        entry.index,
        entry.time,
        entry.failed * FAILED + entry.estimated * ESTIMATED,
        KIND_IDS[entry.kind],
        *(_nearest(getattr(entry, name)) for name in _LAMPORTS),
        [ids[mint] for mint, _ in entry.deltas],
        [_nearest(units) for _, units in entry.deltas],
        None if routed_mint is None else ids[routed_mint],
        None if routed_units is None else _nearest(routed_units),
        None if entry.fee_payer == wallet else entry.fee_payer,
        entry.counterparty,
        _overflow(entry),
    )


def entry_from(row: Mapping[str, Any], wallet: str, addresses: Mapping[int, str]) -> Entry:
    """The entry in a row; `addresses` knows all its mints."""
    exact = {**row, **(msgspec.json.decode(row["overflow"]) if row["overflow"] else {})}
    routed = exact["routed_mint"]
    return Entry(
        signature=str(Signature.from_bytes(row["signature"])),
        slot=row["slot"],
        index=row["tx_index"],
        time=row["block_time"],
        failed=bool(row["flags"] & FAILED),
        estimated=bool(row["flags"] & ESTIMATED),
        fee_payer=row["fee_payer"] or wallet,
        network_fee=exact["network_fee"],
        sol_delta=exact["sol_delta"],
        tips=exact["tips"],
        rent=exact["rent"],
        kind=_KINDS[row["kind"]],
        deltas=tuple(zip(map(addresses.__getitem__, row["mints"]), exact["deltas"], strict=True)),
        routed_quote=None if routed is None else (addresses[routed], exact["routed_units"]),
        counterparty=row["counterparty"],
    )


def _nearest(number: int) -> int:
    """The number, or the nearest one that a bigint holds: token amounts are unsigned and may be sums."""
    return min(max(number, _MIN), _MAX)


def _overflow(entry: Entry) -> str | None:
    """The exact figures of an entry that bigint columns cannot hold, None for any other."""
    figures: dict[str, Any] = {name: getattr(entry, name) for name in _LAMPORTS}
    figures["deltas"] = [units for _, units in entry.deltas]
    figures["routed_units"] = entry.routed_quote[1] if entry.routed_quote else None
    numbers = [*(figures[name] for name in _LAMPORTS), *figures["deltas"]]
    numbers.append(figures["routed_units"] or 0)
    if all(_MIN <= number <= _MAX for number in numbers):
        return None
    return encode_json(figures).decode()
