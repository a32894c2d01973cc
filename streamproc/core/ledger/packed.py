"""Entries as bytes: made where a page is read, taken apart where a history is analyzed.

Between the two, on the event loop and in the store, nobody looks into them; only the numbers of mints are filled in.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solders.signature import Signature

from streamproc.core.ledger.entries import Unreadable
from streamproc.core.ledger.row_layout import HEADER, TRAILER
from streamproc.core.ledger.row_reader import entries_from
from streamproc.core.ledger.row_writer import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamproc.core.ledger.entries import Entry, Page


@dataclass(frozen=True, slots=True)
class PackedEntries:
    """Entries of one wallet, each signature once; iterating over them makes them anew."""

    wallet: str
    slots: tuple[int, ...] = ()
    signatures: tuple[bytes, ...] = ()
    rows: bytes = b""  # see `entry_rows`, without a frame; a mint's number is its place in `mints`
    mints: tuple[str, ...] = ()
    mint_places: bytes = b""  # uint32: where in `rows` a mint's number stands

    def __len__(self) -> int:
        """How many there are."""
        return len(self.slots)

    def __iter__(self) -> Iterator[Entry]:
        """The entries, in their order."""
        return iter(entries_from(self.rows, self.wallet, dict(enumerate(self.mints))))

    def copied(self, ids: Mapping[str, int]) -> bytes:
        """What COPY takes; `ids` knows the numbers that the store has for the mints."""
        import numpy as np  # noqa: PLC0415 - a third of a second that no start waits for

        rows = np.frombuffer(bytearray(self.rows), dtype=np.uint8)
        starts = np.frombuffer(self.mint_places, dtype=np.uint32).astype(np.intp)
        places = starts[:, np.newaxis] + np.arange(4)
        here = rows[places].view(">i4")[:, 0]
        numbers = np.array([ids[mint] for mint in self.mints], dtype=">i4")
        rows[places] = numbers[here].view(np.uint8).reshape(-1, 4)
        return b"".join((HEADER, rows.data, TRAILER))


@dataclass(frozen=True, slots=True)
class StoredEntries:
    """Entries of one wallet as the store has them; iterating over them makes them anew, by slot."""

    wallet: str
    count: int
    revision: int  # changes with whatever is known of the wallet
    rows: bytes  # as COPY gives them
    addresses: Mapping[int, str]  # of all mints in the rows, by the store's numbers
    decimals: Mapping[str, int]  # of those mints whose decimals are known, by address

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __iter__(self) -> Iterator[Entry]:
        """The entries, in no order within a slot."""
        return iter(entries_from(self.rows, self.wallet, self.addresses))


@dataclass(frozen=True, slots=True)
class PackedPage:
    """One answer of the upstream, read for one wallet; as `entries.Page`, with the entries as bytes."""

    entries: PackedEntries
    transactions: int  # of the answer, those that came twice counted twice
    decimals: Mapping[str, int] = field(default_factory=dict)
    next_token: str | None = None
    foreign: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def packed_page(page: Page, wallet: str) -> PackedPage:
    """The page with its entries as bytes; one whose signature is none is unreadable, and costs nothing but itself."""
    odd: list[Unreadable] = []
    try:
        entries = packed(page.entries, wallet)
    except ValueError:
        odd = [
            Unreadable(None, each.slot, "its signature is not 64 bytes of base58")
            for each in page.entries
            if not _is_signature(each.signature)
        ]
        entries = packed([each for each in page.entries if _is_signature(each.signature)], wallet)
    return PackedPage(
        entries,
        len(page.entries) + len(page.unreadable),
        page.decimals,
        page.next_token,
        page.foreign,
        (*page.unreadable, *odd),
    )


def _is_signature(text: str) -> bool:
    """Whether the text is base58 of 64 bytes."""
    try:
        Signature.from_string(text)
    except ValueError:
        return False
    return True


def packed(entries: Iterable[Entry], wallet: str) -> PackedEntries:
    """The wallet's entries, each signature once: where it came first, as it came last."""
    distinct = list({entry.signature: entry for entry in entries}.values())
    numbers: dict[str, int] = {}
    rows, places, at = [], [], 0
    signatures = [bytes(Signature.from_string(entry.signature)) for entry in distinct]
    for entry, signature in zip(distinct, signatures, strict=True):
        data, here = row_of(entry, signature, wallet, numbers)
        rows.append(data)
        places += [at + place for place in here]
        at += len(data)
    return PackedEntries(
        wallet,
        tuple([entry.slot for entry in distinct]),
        tuple(signatures),
        b"".join(rows),
        tuple(numbers),
        array("I", places).tobytes(),
    )
