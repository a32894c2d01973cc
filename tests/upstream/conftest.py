"""Purse and time of one's own."""

from __future__ import annotations

import pytest

from tests.upstream.services import Clock, Purse


@pytest.fixture
def purse() -> Purse:
    """A purse of one's own."""
    return Purse()


@pytest.fixture
def clock() -> Clock:
    """Time of one's own."""
    return Clock()
