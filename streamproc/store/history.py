"""Histories: a page's entries and the slots that it closes are kept together, or not at all."""

from __future__ import annotations

import re
from collections import OrderedDict
from contextlib import nullcontext
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


class StoredHistory(NamedTuple):
    """All that is kept of a wallet up to a slot."""

    entries: StoredEntries
    ranges: list[StoredRange]
    unreadable: list[tuple[int, str]]  # slot and signature, as far as they are known


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
        rows = entries.copied(ids) if entries else b""
        facts = (
            *_columns(page.unreadable),
            list(page.token_accounts),
            *(page.closed or (None, None)),
            page.strategy,
            page.finality,
        )
        wallet_id = await self._wallet_id(wallet)
        kept = await self._keep(wallet_id, rows, facts)
        if kept is not None and kept < self._format:
            await self._drop_older(wallet_id)
            kept = await self._keep(wallet_id, rows, facts, takes_over=True)
        if kept is None:
            self._wallet_ids.pop(wallet, None)
            raise TransientError(f"the wallet {wallet} was removed, and its pages with it")
        if kept > self._format:
            raise newer_format(wallet, kept, self._format)

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

    async def stored_history(self, wallet: str, *, up_to_slot: int = _EVERY_SLOT) -> StoredHistory:
        """What is kept up to this slot, the entries not taken apart: there may be many.

        What is stored meanwhile may be in it, and counts as of a later revision.
        """
        parts: list[bytes] = []

        async def take(part: bytes) -> None:
            parts.append(part)

        async with self._database.connection() as connection:
            head = await connection.row("history.head", wallet, up_to_slot, self._format)
            if head is None:
                return StoredHistory(StoredEntries(wallet, 0, 0, b"", {}, {}), [], [])
            copied = query("history.entries").replace("$1", str(head["id"]))
            copied = copied.replace("$2", str(int(up_to_slot)))
            said = await connection.raw.copy_from_query(copied, output=take, format="binary")
            mints = await connection.rows("history.mints_of_entries", head["id"], up_to_slot)
        entries = StoredEntries(
            wallet,
            int(said.split()[-1]),
            head["revision"],
            b"".join(parts),
            {row["id"]: row["address"] for row in mints},
            {row["address"]: row["decimals"] for row in mints if row["decimals"] is not None},
        )
        ranges = [StoredRange(*row) for row in head["ranges"]]
        return StoredHistory(entries, ranges, [tuple(row) for row in head["unreadable"]])

    async def stored_entries(self, wallet: str, *, up_to_slot: int = _EVERY_SLOT) -> StoredEntries:
        """The entries of `stored_history`."""
        return (await self.stored_history(wallet, up_to_slot=up_to_slot)).entries

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
            for _ in range(2):  # somebody else may make it at the very moment
                found = await self._database.value("wallets.number_wallet", wallet, self._format)
                if found is not None:
                    break
            else:
                raise TransientError(f"the wallet {wallet} is being removed")
            self._wallet_ids[wallet] = int(found)
            if len(self._wallet_ids) > limits.WALLETS_REMEMBERED:
                self._wallet_ids.popitem(last=False)
        return self._wallet_ids[wallet]

    async def _drop_older(self, wallet_id: int) -> None:
        """Drop the entries of an older format batch by batch: those of a long history are no work for one statement."""
        most = limits.OLD_ENTRIES_DROPPED
        while await self._database.value("history.drop_older", wallet_id, self._format, most):
            pass

    async def _keep(
        self, wallet_id: int, rows: bytes, facts: tuple[object, ...], *, takes_over: bool = False
    ) -> int | None:
        """Keep a page's rows, by way of a temporary table, and its facts, if the wallet is of this format, or made so.

        Returns the format that it is of, None when it is not there any more.
        """
        async with self._database.connection() as connection:
            await connection.prepare("history.make_page")
            async with connection.raw.transaction() if rows or takes_over else nullcontext():
                if takes_over:
                    await connection.run("history.take_over", wallet_id, self._format)
                if rows:
                    await _copy(connection, rows)
                kept: int | None = await connection.value(
                    "history.keep_page", wallet_id, self._format, *facts
                )
        return kept

    @property
    def _format(self) -> int:
        """The format of entries that is read and written."""
        return self._database.formats.entries

    async def _ids_of(self, mints: set[str]) -> dict[str, int]:
        """Each mint's number; those that have none get one."""
        while unknown := sorted(mints - self._mint_ids.keys()):
            rows = await self._database.rows("history.number_mints", unknown)
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


async def _copy(connection: Connection, rows: bytes) -> None:
    """Copy rows into the temporary table, which is empty again at the end of the transaction."""
    await connection.raw.copy_to_table(
        "page", source=BytesIO(rows), columns=COLUMNS, schema_name="pg_temp", format="binary"
    )


def _columns(unreadable: Sequence[Unreadable]) -> tuple[list[int], list[str], list[str]]:
    """Slots, signatures and reasons; what is no signature or slot is not known."""
    slots = [each.slot if each.slot and 0 < each.slot <= _EVERY_SLOT else 0 for each in unreadable]
    signatures = [
        each.signature if each.signature and _SIGNATURE.fullmatch(each.signature) else ""
        for each in unreadable
    ]
    return slots, signatures, [each.reason for each in unreadable]
