"""Purse and time of one's own."""

from __future__ import annotations

import pytest

from streamproc import limits
from tests.upstream.services import Clock, Purse


@pytest.fixture
def purse() -> Purse:
    """A purse of one's own."""
    return Purse()


@pytest.fixture
def clock() -> Clock:
    """Time of one's own."""
    return Clock()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages so small that a short history has many."""
    monkeypatch.setattr(limits, "HISTORY_PAGE", 4)
    monkeypatch.setattr(limits, "HISTORY_PAGE_MAX", 8)
    monkeypatch.setattr(limits, "HISTORY_PAGE_MIN", 1)
    monkeypatch.setattr(limits, "ENHANCED_PAGE", 8)
