"""What every way of listing a history has in common: the span to walk, the pages it yields, and when it is stuck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from streamproc import limits
from streamproc.core.ledger.packed import PackedEntries, PackedPage
from streamproc.core.ledger.ranges import SlotRange
from streamproc.errors import UpstreamInconsistentError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from streamproc.core.ledger.entries import Page, Unreadable
    from streamproc.upstream.client.calls import Permit


class HistoryPage(NamedTuple):
    """What one answer adds to a history, newest first: entries, and the slots that are now wholly listed.

    `closed` None: siblings of the page's only slot may follow. The whole of an empty history is slot 0.
    """

    entries: PackedEntries
    closed: SlotRange | None
    decimals: Mapping[str, int]
    strategy: str
    unreadable: Sequence[Unreadable] = ()  # transactions that cost themselves
    # Of the wallet: those that were met, where only such are listed.
    token_accounts: tuple[str, ...] = ()


class Span(NamedTuple):
    """Slots to be listed from the newest to the oldest; `to_slot` None: from whatever is the newest now.

    `cursor` is the signature of a known transaction above the span, `position` how many transactions stand above it:
    for lists that know no slots.
    """

    from_slot: int
    to_slot: int | None = None
    cursor: str | None = None
    position: int = 0
    token_accounts: tuple[str, ...] = ()  # of the wallet, known from above


class Lister(Protocol):
    """One way of listing a history."""

    name: str

    def pages(
        self, wallet: str, span: Span, remaining: Remaining, permit: Permit
    ) -> AsyncGenerator[HistoryPage, None]:
        """The pages of a span; raises StrategyUnsupportedError when the endpoint does not have the method."""


class Remaining:
    """How many more transactions are wanted; each signature counts once."""

    def __init__(self, most: int | None) -> None:
        """None wants all."""
        self._left = most
        self._seen: set[bytes] = set()

    @property
    def left(self) -> int | None:
        """How many are missing, None when all are wanted."""
        return self._left

    def is_over(self) -> bool:
        """Whether no more are wanted."""
        return self._left is not None and self._left <= 0

    def take(self, signatures: Iterable[bytes]) -> None:
        """Count what a page brought."""
        if self._left is None:
            return
        new = set(signatures) - self._seen
        self._seen |= new
        self._left -= len(new)

    def page_size(self, most: int) -> int:
        """How many to ask for, at most `most`; when enough are known, a few to find where the last slot ends."""
        if self._left is None:
            return most
        return min(most, self._left if self._left > 0 else limits.HISTORY_PAGE_MIN)

    def skip(self, held: int) -> None:
        """Count what was known before."""
        if self._left is not None:
            self._left -= held


@dataclass
class SlotCursor:
    """How far a walk has come down: which slots are still open, and whether it moves at all."""

    wallet: str
    from_slot: int
    upper: int | None  # the highest slot not closed yet; None: the first entry says it
    has_closed: bool = False  # whether any slot was closed; without one nobody knows what is held
    _last: frozenset[str | bytes] = frozenset()
    _idle: int = 0
    _cursors: set[str] = field(default_factory=set)

    def check(self, page: Page | PackedPage) -> None:
        """Raise UpstreamInconsistentError for other wallets' data and for pages that add nothing time after time."""
        if page.foreign:
            raise UpstreamInconsistentError(
                f"the upstream answered for {self.wallet} with a transaction that does not name it"
            )
        signatures = _signatures(page)
        self._idle = self._idle + 1 if signatures <= self._last else 0
        self._last = signatures or self._last
        if self._idle > limits.HISTORY_IDLE_PAGES_MAX:
            raise UpstreamInconsistentError(f"{self._idle} pages in a row brought nothing new")

    def move(self, cursor: str) -> str:
        """The cursor, which is a new one; raises UpstreamInconsistentError for one that was used before."""
        if cursor in self._cursors:
            raise UpstreamInconsistentError("the cursor does not move: one came twice")
        self._cursors.add(cursor)
        return cursor

    def restart(self) -> None:
        """Forget the cursors: a new walk begins where this one has come to."""
        self._cursors.clear()

    def closed_down_to(self, slots: Sequence[int]) -> SlotRange | None:
        """What a page with these slots closes when more may follow: all above its last slot.

        When that is the walk's first slot, which was known and is asked for again, the slot above it stays open: if the
        walk breaks off here, that gap makes the next one ask for it once more.
        """
        if not slots:
            return None
        last, high = min(slots), max(slots) if self.upper is None else self.upper
        low = last + 1 if last > self.from_slot else last + 2
        self.upper = min(low - 1, high)
        self.has_closed = self.has_closed or low <= high
        return SlotRange(low, high) if low <= high else None

    def closed_to_the_end(self, slots: Sequence[int]) -> SlotRange | None:
        """What the last page of a walk closes: all that is left; None when nobody knows from where."""
        high = max(slots, default=None) if self.upper is None else self.upper
        self.upper = high
        if high is None or high < self.from_slot:
            return None
        return SlotRange(self.from_slot, high)


def _signatures(page: Page | PackedPage) -> frozenset[str | bytes]:
    """The signatures of a page's transactions, as its form has them."""
    if isinstance(page, PackedPage):
        return frozenset(page.entries.signatures)
    return frozenset(entry.signature for entry in page.entries)
