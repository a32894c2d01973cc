"""Histories: a page's entries and the slots that it closes are kept together, or not at all."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

from solders.signature import Signature

from streamproc import limits
from streamproc.core.ledger.entries import canonical_order
from streamproc.core.ledger.packed import PackedEntries, StoredEntries, packed
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.core.ledger.row_layout import COLUMNS
from streamproc.errors import TransientError
from streamproc.store.postgres.database import Subject
from streamproc.store.postgres.queries import query
from streamproc.store.postgres.retry import patient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamproc.core.ledger.entries import Entry, Unreadable
    from streamproc.store.postgres.database import Connection, Database

FINALIZED: Final = "finalized"
_EVERY_SLOT: Final = 2**63 - 1
_SIGNATURE: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]{64,88}")


@dataclass(frozen=True, slots=True)
class StoredPage:
    """What one answer of the upstream adds: entries, and the slots that are now wholly known."""

    entries: PackedEntries | Sequence[Entry]
    closed: SlotRange | None  # None: the page ends inside its only slot
    strategy: str
    finality: str = FINALIZED
    decimals: Mapping[str, int] = field(default_factory=dict)
    unreadable: Sequence[Unreadable] = ()  # what the answer has beside the entries
    token_accounts: tuple[str, ...] = ()  # of the wallet, as far as this way of listing knows them


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
    ranges: Sequence[SlotRange]

    async def count(self, slots: SlotRange) -> int:
        """How many transactions of these slots are kept."""
        low, high = slots
        return await self.history.count_entries(self.wallet, from_slot=low, to_slot=high)

    async def oldest_signature(self, slots: SlotRange) -> str | None:
        """The first transaction of these slots that is kept, None when there is none."""
        low, high = slots
        return await self.history.oldest_signature(self.wallet, from_slot=low, to_slot=high)

    async def token_accounts(self) -> tuple[str, ...]:
        """The wallet's token accounts that pages have named."""
        return await self.history.token_accounts(self.wallet)


class History(Subject):
    """Entries and ranges of wallets. Those of an older format are as if they were not there.

    The first page of this format takes the wallet over: what an older one left goes with it. A history of a newer
    format is a newer worker's: TransientError, so that its records wait for one.
    """

    def __init__(self, database: Database) -> None:
        """Remember the mints' numbers that were asked for."""
        super().__init__(database)
        self._mint_ids: OrderedDict[str, int] = OrderedDict()
        self._decimals_kept: set[str] = set()
        self._wallet_ids: OrderedDict[str, int] = OrderedDict()

    @patient
    async def add_page(self, wallet: str, page: StoredPage) -> None:
        """Keep a page and close its slots in one transaction; the same page again changes nothing."""
        entries = page.entries
        if not isinstance(entries, PackedEntries):
            entries = packed(entries, wallet)
        ids = await self._ids_of(set(entries.mints) | set(page.decimals))
        await self._put_decimals(page.decimals)
        wallet_id = await self._wallet_id(wallet)
        async with self._database.transaction() as connection:
            await self._lock(connection, wallet, wallet_id)
            if entries:
                await _keep(connection, wallet_id, entries.copied(ids))
            if page.unreadable:
                await connection.run(
                    "history.keep_unreadable", wallet_id, *_columns(page.unreadable)
                )
            if page.token_accounts:
                await connection.run(
                    "history.keep_token_accounts", wallet_id, list(page.token_accounts)
                )
            if page.closed is not None:
                names = page.strategy, page.finality
                await connection.run("history.close_range", wallet_id, *page.closed, *names)

    async def ranges(self, wallet: str) -> list[SlotRange]:
        """The slots that are wholly known, by whatever strategy, as few ranges, ascending."""
        return union((each.from_slot, each.to_slot) for each in await self.stored_ranges(wallet))

    @patient
    async def stored_ranges(self, wallet: str) -> list[StoredRange]:
        """The ranges as they are kept, one strategy's apart from another's."""
        rows = await self._database.rows("history.ranges", wallet, self._format)
        return [StoredRange(**dict(row)) for row in rows]

    async def unreadable(
        self, wallet: str, *, up_to_slot: int = _EVERY_SLOT
    ) -> list[tuple[int, str]]:
        """Slot and signature of the transactions up to this slot that could not be read, as far as they are known."""
        rows = await self._database.rows("history.unreadable", wallet, up_to_slot, self._format)
        return [(row["slot"], row["signature"]) for row in rows]

    async def token_accounts(self, wallet: str) -> tuple[str, ...]:
        """The wallet's token accounts that pages have named."""
        rows = await self._database.rows("history.token_accounts", wallet)
        return tuple(row["address"] for row in rows)

    async def held(self, wallet: str) -> HeldHistory:
        """What is known of the wallet now, for listing what is missing."""
        return HeldHistory(self, wallet, await self.ranges(wallet))

    async def oldest_signature(self, wallet: str, *, from_slot: int, to_slot: int) -> str | None:
        """The first transaction of these slots that is kept, None when there is none."""
        found = await self._database.value(
            "history.oldest_signature", wallet, from_slot, to_slot, self._format
        )
        return None if found is None else str(Signature.from_bytes(found))

    async def count_entries(
        self, wallet: str, *, from_slot: int = 0, to_slot: int = _EVERY_SLOT
    ) -> int:
        """How many transactions of these slots are kept."""
        return int(
            await self._database.value(
                "history.count_entries", wallet, from_slot, to_slot, self._format
            )
        )

    async def stored_entries(self, wallet: str, *, up_to_slot: int = _EVERY_SLOT) -> StoredEntries:
        """The kept entries up to this slot, not taken apart: there may be many."""
        parts: list[bytes] = []

        async def take(part: bytes) -> None:
            parts.append(part)

        async with self._database.snapshot() as connection:
            found = await connection.row("history.revision", wallet, self._format)
            wallet_id, revision = (0, 0) if found is None else (found["id"], found["revision"])
            mints = await connection.rows("history.mints_of_entries", wallet_id, up_to_slot)
            said = await connection.raw.copy_from_query(
                query("history.entries"), wallet_id, up_to_slot, output=take, format="binary"
            )
        return StoredEntries(
            wallet,
            int(said.split()[-1]),
            revision,
            b"".join(parts),
            {row["id"]: row["address"] for row in mints},
            {row["address"]: row["decimals"] for row in mints if row["decimals"] is not None},
        )

    async def entries(self, wallet: str, *, up_to_slot: int = _EVERY_SLOT) -> list[Entry]:
        """The kept entries up to this slot, in canonical order; for few of them."""
        return canonical_order(await self.stored_entries(wallet, up_to_slot=up_to_slot))

    async def decimals(self, mints: Iterable[str]) -> dict[str, int]:
        """The decimals of these mints, as far as pages named them."""
        rows = await self._database.rows("history.decimals", list(mints))
        return {row["address"]: row["decimals"] for row in rows}

    async def _wallet_id(self, wallet: str) -> int:
        """The wallet's number; it gets one when it has none."""
        if wallet not in self._wallet_ids:
            found = await self._database.row("wallets.wallet_and_format", wallet)
            if found is None:
                await self._database.run("wallets.make_wallet", wallet, self._format)
                found = await self._database.row("wallets.wallet_and_format", wallet)
            if found is None:
                raise TransientError(f"the wallet {wallet} is being removed")
            if found["entry_format"] < self._format:
                await self._drop_older(found["id"])
            self._wallet_ids[wallet] = int(found["id"])
            if len(self._wallet_ids) > limits.WALLETS_REMEMBERED:
                self._wallet_ids.popitem(last=False)
        return self._wallet_ids[wallet]

    async def _drop_older(self, wallet_id: int) -> None:
        """Drop the entries of an older format batch by batch: those of a long history are no work for one statement."""
        most = limits.OLD_ENTRIES_DROPPED
        while await self._database.value("history.drop_older", wallet_id, self._format, most):
            pass

    async def _lock(self, connection: Connection, wallet: str, wallet_id: int) -> None:
        """Hold the wallet's row until the end of the transaction, and take it over from an older format."""
        kept = await connection.value("wallets.lock_wallet", wallet_id)
        if kept is None:
            self._wallet_ids.pop(wallet, None)
            raise TransientError(f"the wallet {wallet} was removed, and its pages with it")
        if kept > self._format:
            raise newer_format(wallet, kept, self._format)
        if kept < self._format:
            await connection.run("history.take_over", wallet_id, self._format)

    @property
    def _format(self) -> int:
        """The format of entries that is read and written."""
        return self._database.formats.entries

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

    async def _put_decimals(self, decimals: Mapping[str, int]) -> None:
        """Keep decimals that this worker has not kept yet; what is known of a mint stays."""
        new = {mint: each for mint, each in decimals.items() if mint not in self._decimals_kept}
        if not new:
            return
        await self._database.run("history.put_decimals", list(new), list(new.values()))
        self._decimals_kept.update(new)
        if len(self._decimals_kept) > limits.MINTS_REMEMBERED:
            self._decimals_kept.clear()


def newer_format(wallet: str, kept: int, known: int) -> TransientError:
    """Why this worker leaves a wallet alone."""
    return TransientError(
        f"the history of {wallet} is stored in format {kept} by a newer worker; this one knows {known}"
    )


async def _keep(connection: Connection, wallet_id: int, rows: bytes) -> None:
    """Copy rows into the table by way of a temporary one."""
    await connection.run("history.make_page")
    await connection.raw.copy_to_table(
        "page", source=BytesIO(rows), columns=COLUMNS, schema_name="pg_temp", format="binary"
    )
    await connection.run("history.keep_page", wallet_id)


def _columns(unreadable: Sequence[Unreadable]) -> tuple[list[int], list[str], list[str]]:
    """Slots, signatures and reasons; what is no signature or slot is not known."""
    slots = [each.slot if each.slot and 0 < each.slot <= _EVERY_SLOT else 0 for each in unreadable]
    signatures = [
        each.signature if each.signature and _SIGNATURE.fullmatch(each.signature) else ""
        for each in unreadable
    ]
    return slots, signatures, [each.reason for each in unreadable]
