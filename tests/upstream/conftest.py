"""A budget store and time of one's own."""

from __future__ import annotations

import pytest

from tests.upstream.history.midway import shorten_pages
from tests.upstream.services import BudgetStore, Clock


@pytest.fixture
def budget_store() -> BudgetStore:
    """A budget store of one's own."""
    return BudgetStore()


@pytest.fixture
def clock() -> Clock:
    """Time of one's own."""
    return Clock()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages so small that a short history has many."""
    shorten_pages(monkeypatch)
