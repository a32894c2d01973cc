"""The wallets of the gate's worlds as an upstream serves them: every purchase and sale is a swap with a pool.

They are recorded in the enhanced form, from which the sandbox makes the raw one too. Everything happens so many whole
weeks earlier that no clock is before it: a time in the future is none to the product.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import orjson
from gate_parts.worlds import NEVER, WEEK
from solders.pubkey import Pubkey
from solders.signature import Signature

from streamproc.sandbox.wire.recorded_archive import RecordedArchive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gate_parts.worlds import Books

    from streamproc.json_types import Json

SLOTS_A_SECOND: Final = 2.5
EARLIER_S: Final = 240 * WEEK
FEE: Final = 5_000
PRICE: Final = 10**9  # lamports of a purchase or a sale
UNITS: Final = 10**6
DECIMALS: Final = 6


def archive_of(folder: Path, books: Sequence[Books], tag: str) -> RecordedArchive:
    """The histories as a sandbox serves them; `tag` tells one world's addresses from another's."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [each for wallet in books for each in _transactions(wallet, tag)]
    found.sort(key=lambda each: (-each["slot"], each["signature"]))
    (folder / "histories.json").write_bytes(orjson.dumps(found))
    return RecordedArchive(folder)


def addresses_of(books: Iterable[Books], tag: str) -> dict[str, str]:
    """Each wallet's name by its address."""
    return {_address(tag, each.name): each.name for each in books}


def _transactions(books: Books, tag: str) -> Iterator[Json]:
    wallet = _address(tag, books.name)
    for mint, (bought, sold) in books.rows.items():
        for at, units in ((bought, UNITS), (sold, -UNITS)):
            if at != NEVER:
                yield _swap(wallet, _address("mint", str(mint)), at - EARLIER_S, units)


def _swap(wallet: str, mint: str, at: int, units: int) -> Json:
    """So many units for the price, or the price for them."""
    account, pool = _address("account", wallet + mint), _address("pool", mint)
    vault = _address("vault", mint)
    paid = PRICE if units > 0 else -PRICE
    return {
        "signature": _signature(f"{wallet}/{mint}/{units}"),
        "slot": int(at * SLOTS_A_SECOND),
        "timestamp": at,
        "fee": FEE,
        "feePayer": wallet,
        "transactionError": None,
        "accountData": [
            {"account": wallet, "nativeBalanceChange": -paid - FEE, "tokenBalanceChanges": []},
            {"account": pool, "nativeBalanceChange": paid, "tokenBalanceChanges": []},
            _moved(account, wallet, mint, units),
            _moved(vault, pool, mint, -units),
        ],
        "nativeTransfers": [],
        "tokenTransfers": [],
    }


def _moved(account: str, owner: str, mint: str, units: int) -> Json:
    change = {
        "userAccount": owner,
        "tokenAccount": account,
        "mint": mint,
        "rawTokenAmount": {"tokenAmount": str(units), "decimals": DECIMALS},
    }
    return {"account": account, "nativeBalanceChange": 0, "tokenBalanceChanges": [change]}


def _address(*names: str) -> str:
    return str(Pubkey.from_bytes(hashlib.sha256("/".join(names).encode()).digest()))


def _signature(name: str) -> str:
    return str(Signature.from_bytes(hashlib.sha512(name.encode()).digest()))
