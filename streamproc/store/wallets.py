"""Wallets in the store: when each was synced, and what was computed of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streamproc import limits
from streamproc.core.json_bytes import encode_json
from streamproc.core.ledger.ranges import SlotRange, union
from streamproc.json_types import JsonView
from streamproc.store.history import newer_format
from streamproc.store.postgres.batching import Batching
from streamproc.store.postgres.database import Subject
from streamproc.store.postgres.retry import patient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamproc.json_types import Json
    from streamproc.store.postgres.database import Database, Row

Record = JsonView  # kept as it was composed


class Synced(NamedTuple):
    """When a wallet's tip was asked for the last time, and which slot it was."""

    at_ms: int
    watermark_slot: int


class KnownWallet(NamedTuple):
    """How a wallet stands at a moment: its last sync, and which slots are wholly known."""

    at_ms: int  # of the database's clock
    synced: Synced | None = None  # None: never, or in an older format
    ranges: Sequence[SlotRange] = ()  # as few as possible, ascending; none of an older format


@dataclass(frozen=True, slots=True)
class WalletAnalysis:
    """What was computed of one wallet's history up to a slot, with one set of options."""

    wallet: str
    watermark_slot: int
    pnl: Record
    behavior: Record | None
    coverage: Record
    details: Record | None = None  # what comparing wallets needs beside the published records


class AnalysisTexts(NamedTuple):
    """An analysis as it is kept: JSON, not decoded."""

    pnl: str
    behavior: str | None
    coverage: str


class Wallets(Subject):
    """Wallets and their analyses."""

    def __init__(self, database: Database) -> None:
        """Ask this database."""
        super().__init__(database)
        self._knowing: Batching[str, Row] = Batching(
            self._known_wallets, most=limits.STATEMENT_ROWS
        )

    async def known_wallet(self, wallet: str) -> KnownWallet:
        """How the wallet stands now; calls at the same time share a statement.

        Raises TransientError when what is stored is of a newer format.
        """
        row = await self._knowing(wallet)
        found, known = row["entry_format"], self._database.formats.entries
        if found is None or found < known:
            return KnownWallet(row["now_ms"])
        if found > known:
            raise newer_format(wallet, found, known)
        synced = None
        if row["synced_at_ms"] is not None:
            synced = Synced(row["synced_at_ms"], row["watermark_slot"])
        pairs = zip(row["from_slots"] or (), row["to_slots"] or (), strict=True)
        return KnownWallet(row["now_ms"], synced, union(pairs))

    async def _known_wallets(self, wallets: Sequence[str]) -> list[Row]:
        """The row of each, in their order."""
        return list(await self._database.rows("wallets.known", wallets))

    @patient
    async def mark_synced(self, wallet: str, *, watermark_slot: int, at_ms: int) -> int:
        """Note that everything up to this slot, the tip at that time of the database's clock, was asked for.

        Returns the highest slot that was ever noted.
        """
        formats = self._database.formats
        return int(
            await self._database.value(
                "wallets.mark_synced", wallet, at_ms, watermark_slot, formats.entries
            )
        )

    async def synced(self, wallet: str) -> Synced | None:
        """The last sync of a wallet, None when there was none, or what it stored is of an older format.

        Raises TransientError when it is of a newer one.
        """
        row = await self._synced_row(wallet)
        if row is None or row["entry_format"] < self._database.formats.entries:
            return None
        return Synced(row["synced_at_ms"], row["watermark_slot"])

    async def is_outdated(self, wallet: str) -> bool:
        """Whether the last sync stored an older format: the history is listed anew when it is asked for.

        Raises TransientError when what is stored is of a newer one.
        """
        row = await self._synced_row(wallet)
        return row is not None and row["entry_format"] < self._database.formats.entries

    async def _synced_row(self, wallet: str) -> Row | None:
        """The row of a wallet that was synced; raises TransientError when its history is of a newer format."""
        row = await self._database.row("wallets.synced", wallet)
        known = self._database.formats.entries
        if row is not None and row["entry_format"] > known:
            raise newer_format(wallet, row["entry_format"], known)
        return None if row is None or row["synced_at_ms"] is None else row

    async def mark_oversized(self, wallet: str, *, for_s: float) -> None:
        """Note that a wallet has more token accounts than are listed; a note in force is not prolonged."""
        await self._database.run("wallets.mark_oversized", wallet, for_s)

    async def oversized(self, wallets: Iterable[str]) -> set[str]:
        """Those of the wallets that are known as oversized now."""
        rows = await self._database.rows("wallets.oversized", list(wallets))
        return {row["address"] for row in rows}

    async def put_analysis(
        self,
        analysis: WalletAnalysis,
        *,
        options_digest: str,
        engine_version: str,
        revision: int | None = None,
    ) -> None:
        """Keep an analysis; one of the same wallet, slot, options and version is replaced, unless its format is newer.

        `revision` is that of the entries that it was made from.
        """
        formats = self._database.formats
        parts = (analysis.pnl, analysis.behavior, analysis.coverage, analysis.details)
        texts = [None if part is None else encode_json(part).decode() for part in parts]
        await self._database.run(
            "wallets.put_analysis",
            analysis.wallet,
            analysis.watermark_slot,
            options_digest,
            engine_version,
            *texts,
            revision,
            formats.analyses,
            formats.entries,
        )

    async def present_analysis(
        self, wallet: str, watermark_slot: int, *, options_digest: str, engine_version: str
    ) -> WalletAnalysis | None:
        """The kept analysis if nothing that is known of the wallet has changed since, else None."""
        formats = self._database.formats
        row = await self._database.row(
            "wallets.present_analysis",
            wallet,
            watermark_slot,
            options_digest,
            engine_version,
            formats.analyses,
            formats.entries,
        )
        return None if row is None else _analysis_from(row)

    async def analysis(
        self, wallet: str, watermark_slot: int, *, options_digest: str, engine_version: str
    ) -> WalletAnalysis | None:
        """The kept analysis, None when there is none."""
        found = await self.analyses(
            {wallet: watermark_slot}, options_digest=options_digest, engine_version=engine_version
        )
        return found.get(wallet)

    async def analysis_texts(
        self, watermarks: Mapping[str, int], *, options_digest: str, engine_version: str
    ) -> dict[str, AnalysisTexts]:
        """As `analyses`, as the text that is kept: a thousand of them are too much to decode at once."""
        rows = await self._database.rows(
            "wallets.analyses",
            list(watermarks),
            list(watermarks.values()),
            options_digest,
            engine_version,
            self._database.formats.analyses,
        )
        return {
            row["address"]: AnalysisTexts(row["pnl"], row["behavior"], row["coverage"])
            for row in rows
        }

    async def analyses(
        self, watermarks: Mapping[str, int], *, options_digest: str, engine_version: str
    ) -> dict[str, WalletAnalysis]:
        """The kept analyses of these wallets, each up to its slot, by wallet; what is not kept is not in it."""
        rows = await self._database.rows(
            "wallets.analyses",
            list(watermarks),
            list(watermarks.values()),
            options_digest,
            engine_version,
            self._database.formats.analyses,
        )
        return {row["address"]: _analysis_from(row) for row in rows}


def _analysis_from(row: Row) -> WalletAnalysis:
    """The analysis in a row of `wallets.analyses`."""
    read: Json = {
        name: None if row[name] is None else msgspec.json.decode(row[name])
        for name in ("pnl", "behavior", "coverage", "details")
    }
    return WalletAnalysis(wallet=row["address"], watermark_slot=row["watermark_slot"], **read)
