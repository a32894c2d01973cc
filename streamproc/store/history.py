"""Histories: a page's entries and the slots that it closes are kept together, or not at all."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from solders.signature import Signature

from streamproc import limits
from streamproc.core.entries import Entry, canonical_order
from streamproc.core.ranges import SlotRange, union
from streamproc.store.database import Subject
from streamproc.store.entry_rows import COLUMNS, entry_from, mints_of, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streamproc.store.database import Connection, Database, Row

P = ParamSpec("P")
T = TypeVar("T")

FINALIZED: Final = "finalized"
_EVERY_SLOT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StoredPage:
    """What one answer of the upstream adds: entries, and the slots that are now wholly known."""

    entries: Sequence[Entry]
    closed: SlotRange | None  # None: the page ends inside its only slot
    strategy: str
    finality: str = FINALIZED
    decimals: Mapping[str, int] = field(default_factory=dict)


class StoredRange(NamedTuple):
    """Slots that one strategy has listed wholly."""

    from_slot: int
    to_slot: int
    strategy: str
    finality: str


@dataclass(frozen=True, slots=True)
class HeldHistory:
    """What was known of a wallet at one moment."""

    history: History
    wallet: str
    ranges: list[SlotRange]

    async def count(self, slots: SlotRange) -> int:
        """How many transactions of these slots are kept."""
        low, high = slots
        return await self.history.count_entries(self.wallet, from_slot=low, to_slot=high)

    async def oldest_signature(self, slots: SlotRange) -> str | None:
        """The first transaction of these slots that is kept, None when there is none."""
        low, high = slots
        return await self.history.oldest_signature(self.wallet, from_slot=low, to_slot=high)


class History(Subject):
    """Entries and ranges of wallets."""

    def __init__(self, database: Database) -> None:
        """Remember the mints' numbers that were asked for."""
        super().__init__(database)
        self._mint_ids: OrderedDict[str, int] = OrderedDict()

    async def add_page(self, wallet: str, page: StoredPage) -> None:
        """Keep a page and close its slots in one transaction; the same page again changes nothing."""
        ids = await self._ids_of(mints_of(page.entries) | set(page.decimals))
        wallet_id = await self._wallet_id(wallet)
        rows = await _in_turns(_rows, page.entries, wallet_id, wallet, ids)
        if page.decimals:
            columns = list(page.decimals), list(page.decimals.values())
            await self._database.run("history.put_decimals", *columns)
        async with self._database.transaction() as connection:
            await connection.row("wallets.lock_wallet", wallet_id)
            if rows:
                await _keep(connection, rows)
            if page.closed is not None:
                names = page.strategy, page.finality
                await connection.run("history.close_range", wallet_id, *page.closed, *names)

    async def ranges(self, wallet: str) -> list[SlotRange]:
        """The slots that are wholly known, by whatever strategy, as few ranges, ascending."""
        return union((each.from_slot, each.to_slot) for each in await self.stored_ranges(wallet))

    async def stored_ranges(self, wallet: str) -> list[StoredRange]:
        """The ranges as they are kept, one strategy's apart from another's."""
        rows = await self._database.rows("history.ranges", wallet)
        return [StoredRange(**dict(row)) for row in rows]

    async def held(self, wallet: str) -> HeldHistory:
        """What is known of the wallet now, for listing what is missing."""
        return HeldHistory(self, wallet, await self.ranges(wallet))

    async def oldest_signature(self, wallet: str, *, from_slot: int, to_slot: int) -> str | None:
        """The first transaction of these slots that is kept, None when there is none."""
        found = await self._database.value("history.oldest_signature", wallet, from_slot, to_slot)
        return None if found is None else str(Signature.from_bytes(found))

    async def count_entries(
        self, wallet: str, *, from_slot: int = 0, to_slot: int = _EVERY_SLOT
    ) -> int:
        """How many transactions of these slots are kept."""
        return int(await self._database.value("history.count_entries", wallet, from_slot, to_slot))

    async def entries(self, wallet: str, *, up_to_slot: int = _EVERY_SLOT) -> list[Entry]:
        """The kept entries up to this slot, in canonical order."""
        rows = await self._database.rows("history.entries", wallet, up_to_slot)
        numbers = {number for row in rows for number in row["mints"]}
        numbers |= {row["routed_mint"] for row in rows if row["routed_mint"] is not None}
        addresses = await self._addresses_of(numbers)
        return await _in_turns(_entries, rows, wallet, addresses)

    async def decimals(self, mints: Iterable[str]) -> dict[str, int]:
        """The decimals of these mints, as far as pages named them."""
        rows = await self._database.rows("history.decimals", list(mints))
        return {row["address"]: row["decimals"] for row in rows}

    async def _wallet_id(self, wallet: str) -> int:
        """The wallet's number; it gets one when it has none."""
        found = await self._database.value("wallets.wallet_id", wallet)
        if found is None:
            await self._database.run("wallets.make_wallet", wallet)
            found = await self._database.value("wallets.wallet_id", wallet)
        return int(found)

    async def _ids_of(self, mints: set[str]) -> dict[str, int]:
        """Each mint's number; those that have none get one."""
        unknown = sorted(mints - self._mint_ids.keys())
        if unknown:
            async with self._database.connection() as connection:
                await connection.run("history.make_mints", unknown)
                rows = await connection.rows("history.mint_ids", unknown)
            self._mint_ids.update((row["address"], row["id"]) for row in rows)
        ids = {mint: self._mint_ids[mint] for mint in mints}
        while len(self._mint_ids) > limits.MINTS_REMEMBERED:
            self._mint_ids.popitem(last=False)
        return ids

    async def _addresses_of(self, numbers: set[int]) -> dict[int, str]:
        """The address of each number."""
        if not numbers:
            return {}
        rows = await self._database.rows("history.mint_addresses", list(numbers))
        return {row["id"]: row["address"] for row in rows}


async def _in_turns(
    work: Callable[Concatenate[Sequence[Any], P], T],
    many: Sequence[Any],
    *values: P.args,
    **named: P.kwargs,
) -> T:
    """What the work makes of many; in a thread when they are really many, so that the loop gets its turn."""
    if len(many) <= limits.INLINE_ENTRIES:
        return work(many, *values, **named)
    return await asyncio.to_thread(work, many, *values, **named)


def _rows(
    entries: Sequence[Entry], wallet_id: int, wallet: str, ids: Mapping[str, int]
) -> list[tuple[object, ...]]:
    """The entries as rows of the table."""
    return [row_of(entry, wallet_id, wallet, ids) for entry in entries]


def _entries(rows: Sequence[Row], wallet: str, addresses: Mapping[int, str]) -> list[Entry]:
    """The rows as entries, in canonical order."""
    return canonical_order(entry_from(row, wallet, addresses) for row in rows)


async def _keep(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Copy rows into the table by way of a temporary one, each transaction once."""
    await connection.run("history.make_page")
    distinct = {row[1:3]: row for row in rows}
    await connection.raw.copy_records_to_table(
        "page", records=distinct.values(), columns=COLUMNS, schema_name="pg_temp"
    )
    await connection.run("history.keep_page")
