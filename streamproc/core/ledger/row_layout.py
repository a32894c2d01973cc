"""How an entry lies in a row of Postgres' binary COPY.

The format is that of https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": integers are big-endian,
every value stands behind its length, and a length of -1 is null.
"""

from __future__ import annotations

import struct
from typing import Final

from streamproc.core.ledger.entries import Kind

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
LAMPORTS: Final = ("network_fee", "sol_delta", "tips", "rent")
NULL: Final = b"\xff\xff\xff\xff"
NULLS_AT_THE_END: Final = (
    NULL * 6
)  # no route, the wallet pays, nobody opposite, no overflow, no moves
LENGTH: Final = struct.Struct(">i")
INT: Final = struct.Struct(">ii")
BIGINT: Final = struct.Struct(">iq")
START: Final = struct.Struct(">hiqi64s")  # number of columns, slot, signature
FIGURES: Final = struct.Struct(">ihihiqiqiqiq")  # flags, kind, four amounts
ARRAY_BYTES: Final = 20  # dimensions, has nulls, type, elements, first place: four bytes each
