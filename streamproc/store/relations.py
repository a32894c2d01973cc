"""What evidence about pairs rests on beside the wallets' own figures: what others trade, and who met whom."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from solders.signature import Signature

from streamproc import limits
from streamproc.core.entries import Kind
from streamproc.core.entry_rows import KIND_IDS
from streamproc.core.similarity import Background, Met, Transfer, Witness
from streamproc.core.solana import SOL_DUST_LAMPORTS
from streamproc.store.database import Subject

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Relations(Subject):
    """Questions about wallets among other wallets. `watermarks` says up to which slot each wallet is read."""

    async def note_traded(self, wallet: str, watermark_slot: int, mints: Collection[str]) -> None:
        """Keep which mints the wallet has traded up to this slot; an older slot changes nothing."""
        await self._database.run("relations.note_traded", wallet, watermark_slot, list(mints))

    async def background(
        self, *, leaving_out: Collection[str], named: Collection[str]
    ) -> Background | None:
        """A sample of stored wallets and what each traded, None when there are none.

        Wallets come in the order of a digest of their addresses, at most BACKGROUND_WALLETS with BACKGROUND_CELLS
        tokens in all; one that traded more than BACKGROUND_TOKENS is left out. Mints are in the order of their
        addresses; those of `named` have their addresses, the others only their place: how popular they are counts.
        """
        rows = await self._database.rows(
            "relations.background",
            list(leaving_out),
            limits.BACKGROUND_WALLETS,
            limits.BACKGROUND_TOKENS,
            self._database.formats.entries,
        )
        rows = _within(rows, limits.BACKGROUND_CELLS)
        if not rows:
            return None
        numbers = np.array([number for row in rows for number in row["mints"]], dtype=np.int64)
        order = await self._in_order_of_address(numbers)
        names = await self._names(named)
        place = np.zeros(int(order.max()) + 1, dtype=np.int64)
        place[order] = np.arange(len(order))
        return Background(
            wallets=tuple(row["address"] for row in rows),
            mints=tuple(names.get(number, f"#{n}") for n, number in enumerate(order.tolist())),
            wallet_numbers=np.repeat(np.arange(len(rows)), [len(row["mints"]) for row in rows]),
            mint_numbers=place[numbers],
        )

    async def transfers_between(self, watermarks: Mapping[str, int]) -> list[Transfer]:
        """Direct transfers among these wallets, oldest first; one that both sides' entries show comes twice."""
        found = await self._database.rows(
            "relations.transfers_between", *_columns(watermarks), limits.TRANSFERS_BETWEEN
        )
        return [_transfer(row) for row in found if row["wallet"] != row["counterparty"]]

    async def first_funders(self, watermarks: Mapping[str, int]) -> dict[str, Witness]:
        """Who sent each wallet its first SOL, by wallet; nobody when it came otherwise than by a transfer.

        True only of wallets whose history is known from its beginning.
        """
        rows = await self._database.rows(
            "relations.first_funders", *_columns(watermarks), SOL_DUST_LAMPORTS
        )
        return {
            row["address"]: Witness(row["counterparty"], _signature(row))
            for row in rows
            if row["kind"] == KIND_IDS[Kind.TRANSFER_IN] and row["counterparty"] is not None
        }

    async def fee_payers(self, watermarks: Mapping[str, int]) -> dict[str, tuple[Witness, ...]]:
        """Who else paid for what each wallet did, with the first such transaction; at most FEE_PAYERS of a wallet."""
        rows = await self._database.rows(
            "relations.fee_payers", *_columns(watermarks), limits.FEE_PAYERS
        )
        found: defaultdict[str, list[Witness]] = defaultdict(list)
        for row in rows:
            found[row["address"]].append(Witness(row["fee_payer"], _signature(row)))
        return {wallet: tuple(witnesses) for wallet, witnesses in found.items()}

    async def known_wallets(self) -> int:
        """How many wallets are stored."""
        return int(await self._database.value("relations.known_wallets"))

    async def counterparties(self, addresses: Iterable[str]) -> dict[str, Met]:
        """How many others each address met in all stored entries: by a transfer, or by paying a fee for them.

        Counting stops above HUB_COUNTERPARTIES on each way of meeting, so a larger number only says "more".
        """
        rows = await self._database.rows(
            "relations.counterparties",
            sorted(set(addresses)),
            limits.HUB_COUNTERPARTIES + 1,
            self._database.formats.entries,
        )
        return {row["address"]: Met(row["others"], row["wallets"]) for row in rows}

    async def _in_order_of_address(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The different mints among these, by address."""
        different = np.unique(numbers).tolist()
        rows = await self._database.rows("relations.in_order_of_address", different)
        return np.array([row["id"] for row in rows], dtype=np.int64)

    async def _names(self, mints: Collection[str]) -> dict[int, str]:
        """The addresses of those mints that are known, by number."""
        rows = await self._database.rows("history.mint_ids", list(mints))
        return {row["id"]: row["address"] for row in rows}


def _within(rows: Sequence[Any], cells: int) -> Sequence[Any]:
    """As many of the first rows as have so many tokens together."""
    for count, row in enumerate(rows):
        cells -= len(row["mints"])
        if cells < 0:
            return rows[:count]
    return rows


def _columns(watermarks: Mapping[str, int]) -> tuple[list[str], list[int]]:
    """Wallets and how far each is known, as two columns."""
    return list(watermarks), list(watermarks.values())


def _transfer(row: Mapping[str, Any]) -> Transfer:
    """The transfer that an entry of one side shows."""
    sender, receiver = row["wallet"], row["counterparty"]
    if row["kind"] == KIND_IDS[Kind.TRANSFER_IN]:
        sender, receiver = receiver, sender
    mint = row["mint"]
    return Transfer(
        sender,
        receiver,
        _signature(row),
        row["slot"],
        lamports=int(row["lamports"]) if mint is None else 0,
        mint=mint,
        units=int(row["units"]) if mint is not None else 0,
    )


def _signature(row: Mapping[str, Any]) -> str:
    """The row's signature in base58."""
    return str(Signature.from_bytes(row["signature"]))
