"""How far one wallet's sync is: a share that never falls, and nothing where nobody can know it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.core.ledger.ranges import union
from streamproc.events import WalletProgressed
from streamproc.upstream.history.full_listing import OWNERS_KNOWN_FROM_SLOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamproc.core.ledger.ranges import SlotRange
    from streamproc.events import WalletSyncRequested
    from streamproc.upstream import HistoryPage

ALMOST = 0.99  # what is left may be empty, but nobody has looked


class SyncProgress:
    """How far one wallet's sync is, said at most once a second."""

    def __init__(self, event: WalletSyncRequested, held: Sequence[SlotRange] = ()) -> None:
        """Nothing has come yet; `held` was there before."""
        self._event = event
        self._transactions = 0
        self.covered = union(held)
        self._bottom = self.covered[0].to_slot if self._is_bottom_covered() else None
        self._fraction: float | None = None
        self._said_s = float("-inf")

    def is_due(self, page: HistoryPage) -> bool:
        """Count a page; whether it is time to say so."""
        self._transactions += len(page.entries)
        if page.closed is not None:
            self.covered = union([*self.covered, page.closed])
            self._fraction = self._fraction_now()
        now_s = time.monotonic()
        if now_s - self._said_s < limits.WALLET_PROGRESS_INTERVAL_S:
            return False
        self._said_s = now_s
        return True

    def progress(self) -> WalletProgressed:
        """The record."""
        return WalletProgressed(
            request_id=self._event.request_id,
            wallet=self._event.wallet,
            transactions=self._transactions,
            fraction=self._fraction,
        )

    def _fraction_now(self) -> float | None:
        """The larger of two shares: of the history's slots, of the transactions that are wanted; None without both."""
        wanted = self._event.options.max_transactions
        by_count = self._transactions / wanted if wanted else None
        shares = (self._fraction, self._share_of_slots(), by_count)
        known = [share for share in shares if share is not None]
        return round(min(1.0, max(known)), 4) if known else None

    def _share_of_slots(self) -> float | None:
        """How much is covered between where the history begins and its newest slot.

        None before it is known where that is: the empty ground below the first transaction is most of all slots, and
        says nothing about how much is left.
        """
        top = self.covered[-1].to_slot
        if self.covered == [(0, top)]:
            return 1.0
        if self._bottom is None and self._is_bottom_covered() and len(self.covered) > 1:
            self._bottom = self.covered[0].to_slot
        if self._bottom is None or top <= self._bottom:
            return None
        above = sum(
            high - max(low, self._bottom + 1) + 1
            for low, high in self.covered
            if high > self._bottom
        )
        return min(ALMOST, above / (top - self._bottom))

    def _is_bottom_covered(self) -> bool:
        """Whether the lowest slots that are covered are those before the first transaction, as far as one can tell."""
        return bool(self.covered) and self.covered[0].from_slot <= OWNERS_KNOWN_FROM_SLOT
