"""A world in which one wallet has a very long history, of transactions that are nothing but a fee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.sandbox.chain.known import LAMPORTS_PER_SOL, SYSTEM
from streamproc.sandbox.wire.archive import AccountState, Record
from streamproc.sandbox.wire.generated_archive import WorldArchive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.sandbox.world.world import World

WHALE: Final = str(Pubkey.from_bytes(b"\x77" * 32))
FIRST_SLOT: Final = 200_000_000
SLOTS_APART: Final = 11
FIRST_NUMBER: Final = 10**9  # of its records; those of the world are below
FEE: Final = 5000


class WithWhale(WorldArchive):
    """A world's archive with one more wallet, which has so many transactions."""

    def __init__(self, world: World, transactions: int) -> None:
        super().__init__(world)
        self._whole = [_record(place) for place in range(transactions)]
        self.shown = transactions  # the newer ones have not happened yet

    def history(self, address: str, token_accounts: str) -> Sequence[Record]:
        """Return an address's transactions, oldest first."""
        if address == WHALE:
            return self._whole[: self.shown]
        return super().history(address, token_accounts)

    def raw(self, record: Record) -> bytes | None:
        """Return it as JSON-RPC shows it."""
        return orjson.dumps(_raw(record)) if record.number >= FIRST_NUMBER else super().raw(record)

    def enhanced(self, record: Record) -> bytes:
        """Return it as the enhanced API shows it."""
        if record.number >= FIRST_NUMBER:
            return orjson.dumps(_enhanced(record))
        return super().enhanced(record)

    def account(self, address: str) -> AccountState | None:
        """Return an account now."""
        if address == WHALE:
            return AccountState(LAMPORTS_PER_SOL, SYSTEM)
        return super().account(address)


def _record(place: int) -> Record:
    number = FIRST_NUMBER + place
    signature = str(Signature.from_bytes(number.to_bytes(64, "big")))
    slot = FIRST_SLOT + SLOTS_APART * place
    return Record(number, signature, slot, place % 700, 1_700_000_000 + 5 * place, failed=False)


def _raw(record: Record) -> dict[str, Any]:
    return {
        "slot": record.slot,
        "transactionIndex": record.index,
        "blockTime": record.time,
        "transaction": {"signatures": [record.signature], "message": {"accountKeys": [WHALE]}},
        "meta": {"fee": FEE, "err": None, "preBalances": [2 * FEE], "postBalances": [FEE]},
    }


def _enhanced(record: Record) -> dict[str, Any]:
    return {
        "signature": record.signature,
        "slot": record.slot,
        "timestamp": record.time,
        "fee": FEE,
        "feePayer": WHALE,
        "transactionError": None,
        "accountData": [{"account": WHALE, "nativeBalanceChange": -FEE, "tokenBalanceChanges": []}],
        "nativeTransfers": [],
        "tokenTransfers": [],
    }
