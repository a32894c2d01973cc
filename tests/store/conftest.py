"""A store of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def store(store_dsn: str) -> AsyncIterator[Store]:
    """A store with a schema and no rows."""
    async with open_store(store_dsn, pool_size=4) as opened:
        yield opened


@pytest.fixture
async def other_store(store_dsn: str) -> AsyncIterator[Store]:
    """Another worker's store on the same database."""
    async with open_store(store_dsn, pool_size=4) as opened:
        yield opened
