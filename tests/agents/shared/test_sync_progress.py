"""What is said of a wallet's progress never falls, is what is stored, and is nothing where nobody can know it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc import limits
from streamproc.agents.shared.sync_progress import ALMOST, SyncProgress
from streamproc.core.ledger.ranges import SlotRange
from streamproc.events import Options, WalletSyncRequested
from streamproc.store import StoredPage
from streamproc.upstream import HistoryPage
from streamproc.upstream.history.full_listing import OWNERS_KNOWN_FROM_SLOT

WALLET = "7Nq1Lx8y6Z2h9mYwq7kQf3V5bJt4cRsDpGzUeAaXxHhM"
FIRST = 250_000_000  # slot of the first transaction
SLOTS = 1_000_000
PAGES = 40
WIDTH = SLOTS // PAGES


def _sync_progress(held: list[SlotRange] | None = None, *, most: int | None = None) -> SyncProgress:
    event = WalletSyncRequested.model_construct(
        request_id="r",
        wallet=WALLET,
        options=Options(max_transactions=most),
        requested_at_ms=0,
        deadline_at=0,
    )
    return SyncProgress(event, held or [])


def _page(low: int, high: int) -> HistoryPage:
    """A page without entries, which only closes slots."""
    page = StoredPage((), SlotRange(low, high), "x")
    return HistoryPage((), page.closed, {}, "x")  # type: ignore[arg-type] # entries of any kind


def _fraction(sync_progress: SyncProgress, low: int, high: int) -> float | None:
    sync_progress.is_due(_page(low, high))
    return sync_progress.progress().fraction


def _part(number: int) -> tuple[int, int]:
    """Slots of the nth page from the top; the last one closes the ground below the first transaction, too."""
    low = FIRST + SLOTS - (number + 1) * WIDTH + 1
    low = OWNERS_KNOWN_FROM_SLOT if number == PAGES - 1 else low
    return low, FIRST + SLOTS - number * WIDTH


def test_from_the_top_alone_nothing_is_said_before_the_end() -> None:
    sync_progress = _sync_progress()
    said = [_fraction(sync_progress, *_part(number)) for number in range(PAGES)]
    assert said == [None] * PAGES
    assert _fraction(sync_progress, 0, OWNERS_KNOWN_FROM_SLOT - 1) == 1.0


@given(seed=st.integers(0, 2**32))
def test_from_both_ends_and_anywhere_between_it_is_the_share_that_is_stored(seed: int) -> None:
    sync_progress, rest = _sync_progress(), list(range(1, PAGES - 1))
    Random(seed).shuffle(rest)  # noqa: S311 - an order, no secret
    said = [_fraction(sync_progress, *_part(number)) for number in (0, PAGES - 1, *rest)]
    assert said[0] is None
    known = [each for each in said if each is not None]
    assert known == sorted(known)
    for pages, each in enumerate(known, 2):
        assert each == pytest.approx(pages / PAGES, abs=1.5 / PAGES)
    assert known[-1] == ALMOST, "what lies below has not been looked at"
    assert _fraction(sync_progress, 0, OWNERS_KNOWN_FROM_SLOT - 1) == 1.0


def test_what_is_held_counts_and_only_what_is_new_is_measured() -> None:
    sync_progress = _sync_progress([SlotRange(0, FIRST)])
    assert _fraction(sync_progress, FIRST + 91, FIRST + 100) == pytest.approx(0.1)
    assert _fraction(sync_progress, FIRST + 1, FIRST + 50) == pytest.approx(0.6)
    assert _fraction(sync_progress, FIRST + 51, FIRST + 90) == 1.0


def test_ground_that_was_once_capped_is_no_bottom() -> None:
    sync_progress = _sync_progress([SlotRange(FIRST + 500, FIRST + 900)])
    assert _fraction(sync_progress, FIRST + 901, FIRST + 1000) is None


def test_of_a_number_that_is_wanted_the_share_is_by_number() -> None:
    sync_progress = _sync_progress(most=10)
    page = _page(FIRST, FIRST + 10)._replace(entries=("one", "two"))  # type: ignore[arg-type] # counted only
    sync_progress.is_due(page)
    assert sync_progress.progress().fraction == pytest.approx(0.2)


def test_it_is_said_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("streamproc.agents.shared.sync_progress.time.monotonic", lambda: now_s)
    sync_progress, due = _sync_progress(), []
    for _ in range(50):
        due.append(sync_progress.is_due(_page(FIRST, FIRST + 1)))
        now_s += 0.1
    assert sum(due) == pytest.approx(5 / limits.WALLET_PROGRESS_INTERVAL_S, abs=1)
